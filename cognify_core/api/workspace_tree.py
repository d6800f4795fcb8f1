"""A signed tree of a workspace, as people ask for it: its head, and that it continues an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from cognify_core.errors import CannotVerifyError, VerificationError
from cognify_core.merkle import verify_consistency
from cognify_core.seal.notes import MAX_NOTE, Head, LogKey, SignedHead
from cognify_core.seal.shelves import read_file

if TYPE_CHECKING:
    from cognify_core.seal.signed_tree import SignedTree

Where: TypeAlias = str | Path
"""A path, an http(s) URL, or an `s3://BUCKET/…`."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """That one head is a prefix of another."""

    old: Head
    new: SignedHead
    proof: tuple[bytes, ...]


class WorkspaceTree:
    """What can be asked of the ledger of a workspace, and of its access log."""

    what: ClassVar[str]
    leaves_are: ClassVar[str]

    def __init__(self, tree: SignedTree) -> None:
        self._tree = tree

    @property
    def key(self) -> LogKey:
        """The name and public key of its heads."""
        return self._tree.key

    def head(self) -> SignedHead:
        """The signed head as of now."""
        return self._tree.head()

    def consistency(self, old: Where, new: Where | None = None) -> Consistency:
        """The proof that the head in the file `old` is a prefix of the log, or of the head in `new`; it is checked.

        Raises:
            CannotVerifyError: a file cannot be read, or is of a log that is not pinned here.
            VerificationError: the log does not continue that head.
        """
        first = self._own(old)
        second = self.head() if new is None else SignedHead.parse(read_file(new, MAX_NOTE + 1))
        last = second.verify(self.key)
        self.refuse_rolled_back(first)
        self.refuse_rolled_back(last)
        if not 0 < first.size <= last.size:
            raise CannotVerifyError(
                f"no proof leads from a head of {first.size} {self.leaves_are} to one of {last.size}"
            )
        proof = tuple(self._tree.consistency(first.size, last.size))
        verify_consistency(first.size, last.size, first.root, last.root, proof)
        return Consistency(first, second, proof)

    def between(self, old_size: int, size: int) -> list[bytes] | None:
        """The consistency proof between two sizes; none where there are not that many leaves."""
        return self._tree.consistency(old_size, size) if size <= self._tree.size else None

    def refuse_rolled_back(self, head: Head) -> None:
        """Refuse a log that is shorter than a head that it has signed.

        Raises:
            VerificationError: it is.
        """
        if head.size > (size := self._tree.size):
            raise VerificationError(
                f"a head of {head.size} {self.leaves_are} was signed, and the {self.what} has {size}: "
                "it was rolled back"
            )

    def _own(self, path: Where) -> Head:
        return self._verified(read_file(path, MAX_NOTE + 1), path)

    def _verified(self, note: bytes, named: Where) -> Head:
        head = SignedHead.parse(note)
        if head.head.origin != self.key.origin:
            raise CannotVerifyError(
                f"{named} is a head of {head.head.origin}, and this {self.what} is {self.key.origin}"
            )
        return head.verify(self.key)
