"""RFC 6962 Merkle trees: hashes, incremental roots, inclusion and consistency proofs.

Law: a leaf is hashed under 0x00 and a node under 0x01 (§2.1), so that no leaf can pass for a node.
The proofs are made and checked as RFC 9162 §2.1.3 and §2.1.4 have them, which restate RFC 6962's trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from cognify_core.errors import FormatError, VerificationError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf's data (RFC 6962 §2.1). Returns 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an interior node from its two children. Returns 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that only grows: the roots of its perfect subtrees, largest first.

    Appending costs O(log n) hashes at worst and one on average; memory is O(log n).
    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Append one leaf *hash* (32 bytes)."""
        self.append_subtree(leaf, 1)

    def append_subtree(self, root: bytes, leaves: int) -> None:
        """Append the root of a perfect subtree of `leaves` leaves, a power of two that divides the present size.

        Raises:
            FormatError: the subtree would not lie on one of RFC 6962's own boundaries.
        """
        if leaves < 1 or leaves & (leaves - 1) or self.size % leaves:
            raise FormatError(f"a subtree of {leaves} leaves cannot be appended to a tree of {self.size}")
        self.size += leaves
        carries = self.size // leaves
        while carries % 2 == 0:
            root = node_hash(self._peaks.pop(), root)
            carries //= 2
        self._peaks.append(root)

    def root(self) -> bytes:
        """The tree hash of all leaves appended so far; of none, SHA-256 of nothing."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_hash(leaves: Iterable[bytes]) -> bytes:
    """The tree hash over leaf hashes, in order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index` (RFC 9162 §2.1.3.1), over all `leaves` (leaf hashes).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root_hash(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root_hash(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the first `old_size` leaves are a prefix of `leaves` (RFC 9162 §2.1.4.1).

    Raises:
        IndexError: `old_size` is not between 1 and the tree's size.
    """
    if not 1 <= old_size <= len(leaves):
        raise IndexError(f"no consistency proof from size {old_size} to {len(leaves)}")
    return [] if old_size == len(leaves) else _subproof(leaves, old_size, complete=True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` (a leaf hash) is leaf `index` of the tree of `size` leaves under `root` (RFC 9162 §2.1.3.2).

    Raises:
        VerificationError: it is not, or the proof is malformed.
    """
    _require(0 <= index < size, f"leaf {index} does not lie in a tree of {size}")
    _require_hashes(leaf, root, *proof)
    computed = leaf
    for sibling, on_the_left in _climb(index, size - 1, proof):
        computed = node_hash(sibling, computed) if on_the_left else node_hash(computed, sibling)
    _require(computed == root, f"leaf {index} is not included under this root")


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old_size` leaves is a prefix of that of `new_size` (RFC 9162 §2.1.4.2).

    Raises:
        VerificationError: it is not, the proof is malformed, or the old tree is empty (which proves nothing).
    """
    _require(0 < old_size <= new_size, f"no consistency to check from size {old_size} to {new_size}")
    _require_hashes(old_root, new_root, *proof)
    if old_size == new_size:
        _require(not proof, "two trees of one size need no proof, yet one was given")
        _require(old_root == new_root, "two roots for one size: the history was rewritten")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    _require(bool(path), "the consistency proof is empty")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_computed = new_computed = path[0]
    for sibling, on_the_left in _climb(position, last, path[1:]):
        if on_the_left:
            old_computed = node_hash(sibling, old_computed)
        new_computed = node_hash(sibling, new_computed) if on_the_left else node_hash(new_computed, sibling)
    _require(old_computed == old_root, "the old root does not follow from the proof")
    _require(new_computed == new_root, "the new tree does not continue the old one: the history was rewritten")


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962 §2.1)."""
    return 1 << (size - 1).bit_length() - 1


def _subproof(leaves: Sequence[bytes], old_size: int, *, complete: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if complete else [root_hash(leaves)]
    split = _split(len(leaves))
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, complete=complete), root_hash(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, complete=False), root_hash(leaves[:split])]


def _climb(position: int, last: int, siblings: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from a node to the root, and whether it stands on the left (RFC 9162 §2.1.3.2, step 4).

    `position` is the node's, `last` that of the last node of its level.

    Raises:
        VerificationError: the way is longer or shorter than the tree is high.
    """
    for sibling in siblings:
        _require(last > 0, "the proof is too long")
        on_the_left = bool(position & 1) or position == last
        yield sibling, on_the_left
        while on_the_left and not position & 1 and position:
            position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    _require(last == 0, "the proof is too short")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise VerificationError(otherwise)


def _require_hashes(*hashes: bytes) -> None:
    _require(all(len(value) == HASH_SIZE for value in hashes), "a hash is not 32 bytes long")
