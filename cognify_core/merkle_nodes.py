"""Roots and proofs of a tree whose nodes are kept: which perfect subtrees each of them is made of.

A node is named (level, index): it stands over the leaves from `index << level` on, `1 << level` of them. A node that
is kept never changes, because a tree only grows. Every hash of a proof is the hash of a range of leaves (RFC 9162
§2.1.3.1, §2.1.4.1), and a range is made of O(log n) kept nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from cognify_core.merkle import EMPTY_ROOT, node_hash

Node: TypeAlias = tuple[int, int]
"""Level and index."""
Range: TypeAlias = tuple[int, int]
"""The first leaf, and the one after the last."""


def peaks(size: int) -> list[Node]:
    """The perfect subtrees of a tree of `size` leaves, largest first."""
    return range_nodes((0, size))


def range_nodes(leaves: Range) -> list[Node]:
    """The perfect subtrees of a range that begins on a boundary of RFC 6962's, largest first."""
    first, end = leaves
    found = []
    while first < end:
        level = (end - first).bit_length() - 1
        found.append((level, first >> level))
        first += 1 << level
    return found


def completed_nodes(leaf: bytes, position: int, before: Sequence[bytes]) -> list[bytes]:
    """The nodes that a leaf (a leaf hash) completes at `position`, from level 0 up; `before` are the old peaks."""
    completed, left = [leaf], list(before)
    while position & 1:
        completed.append(node_hash(left.pop(), completed[-1]))
        position >>= 1
    return completed


def joined(hashes: Sequence[bytes]) -> bytes:
    """The tree hash over perfect subtrees, largest first; of none, SHA-256 of nothing."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for peak in reversed(hashes[:-1]):
        root = node_hash(peak, root)
    return root


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges of leaves whose hashes prove that leaf `index` is in a tree of `size`, in the proof's order.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of a tree of {size}")
    first, end = 0, size
    found: list[Range] = []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """The ranges whose hashes prove that a tree of `old_size` is a prefix of one of `size`, in the proof's order.

    Raises:
        IndexError: `old_size` is not between 1 and `size`.
    """
    if not 1 <= old_size <= size:
        raise IndexError(f"no consistency proof from size {old_size} to {size}")
    first, end, whole = 0, size, True
    found: list[Range] = []
    while old_size != end:
        middle = first + _split(end - first)
        if old_size <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first, whole = middle, False
    return ([] if whole else [(first, end)]) + found[::-1]


def proof(ranges: Iterable[Range], kept: Mapping[Node, bytes]) -> list[bytes]:
    """The hash of each range, from the nodes that it is made of.

    Raises:
        KeyError: one of them is not among those `kept`.
    """
    return [joined([kept[node] for node in range_nodes(leaves)]) for leaves in ranges]


def needed(ranges: Iterable[Range]) -> list[Node]:
    """The nodes that `proof` of these ranges reads."""
    return [node for leaves in ranges for node in range_nodes(leaves)]


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962 §2.1)."""
    return 1 << (size - 1).bit_length() - 1
