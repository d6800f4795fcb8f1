"""A tree whose nodes lie in a store, and whose heads a log's key signs: a workspace's ledger, or its access log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cognify_core.merkle_nodes import consistency_ranges, joined, needed, peaks, proof
from cognify_core.seal.notes import LogKey, LogSigner, SignedHead
from cognify_core.store.protocol import Store, TreeName


@dataclass(frozen=True)
class SignedTree:
    """What both have."""

    store: Store
    log: LogSigner
    workspace: str = "default"
    tree: ClassVar[TreeName]
    record: ClassVar[str | None]
    """What the log's own name is followed by in the origin of the heads."""

    @property
    def key(self) -> LogKey:
        """The name and the public key that its heads have."""
        return self.log.key_of(self.record)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        raise NotImplementedError

    def head(self, size: int | None = None) -> SignedHead:
        """The signed head, as of now or of `size` leaves: always the same bytes.

        Raises:
            StoreError: the tree lacks a node.
        """
        wanted = self.size if size is None else size
        return self.log.sign(wanted, self.root(wanted), record=self.record)

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves.

        Raises:
            StoreError: the tree lacks a node.
        """
        kept = self.store.nodes(peaks(size), tree=self.tree, workspace=self.workspace)
        return joined([kept[node] for node in peaks(size)])

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The proof that the first `old_size` leaves are a prefix of the first `size`.

        Raises:
            IndexError: there is none between these sizes.
            StoreError: the tree lacks a node.
        """
        ranges = consistency_ranges(old_size, size)
        return proof(ranges, self.store.nodes(needed(ranges), tree=self.tree, workspace=self.workspace))
