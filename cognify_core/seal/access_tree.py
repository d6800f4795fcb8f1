"""The tree over a workspace's access log. Its heads are signed with the key of the workspace's log.

They have an origin of their own, `<log>/accesses`, so that none passes for a head of the ledger, or of a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cognify_core.seal.signed_tree import SignedTree
from cognify_core.store.protocol import TreeName

ACCESSES = "accesses"


@dataclass(frozen=True)
class AccessTree(SignedTree):
    """One workspace's access log: entries in a store, heads signed."""

    tree: ClassVar[TreeName] = "accesses"
    record: ClassVar[str | None] = ACCESSES

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.store.access_size(workspace=self.workspace)

    def sign(self, size: int, root: bytes) -> bytes:
        """The signed head of so many entries under that root."""
        return self.log.sign(size, root, record=ACCESSES).note
