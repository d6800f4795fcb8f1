"""Align two lists of leaf hashes: which rows are the same, which stand in each other's place, which are new or gone.

Linear for what usually happens (rows edited in place, appended, cut off, a block put in or taken out); where rows
moved, the longest run of rows that kept their order is taken as unmoved, in O(n log n).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from cognify_core.merkle import HASH_SIZE

Hashes: TypeAlias = npt.NDArray[np.uint64]
"""n × 4: one row of 32 bytes per leaf."""

Block: TypeAlias = tuple[range, range]
"""Old rows and the new rows that stand in their place; either may be empty."""


def hashes_of(leaves: bytes) -> Hashes:
    """Leaf hashes as numbers, so that many are compared at once."""
    return np.frombuffer(leaves, dtype=np.uint64).reshape(-1, HASH_SIZE // 8)


def unequal_blocks(old: Hashes, new: Hashes) -> Iterator[Block]:
    """The blocks in which two lists differ, in order. Rows are paired from the front of a block."""
    start = _equal_run(old, new)
    end = _equal_run(old[start:][::-1], new[start:][::-1])
    old_rows, new_rows = range(start, len(old) - end), range(start, len(new) - end)
    if len(old_rows) == len(new_rows) and _mostly_equal(old, new, old_rows):
        yield from _in_place(old, new, old_rows, new_rows)
        return
    old_at, new_at = old_rows.start, new_rows.start
    for anchor_old, anchor_new in [*_anchors(old, new, old_rows, new_rows), (old_rows.stop, new_rows.stop)]:
        yield from _gap(old, new, range(old_at, anchor_old), range(new_at, anchor_new))
        old_at, new_at = anchor_old + 1, anchor_new + 1


def _equal_run(one: Hashes, other: Hashes) -> int:
    """How many rows from the front are equal."""
    shorter = min(len(one), len(other))
    differ = (one[:shorter] != other[:shorter]).any(axis=1)
    return int(differ.argmax()) if differ.any() else shorter


def _mostly_equal(old: Hashes, new: Hashes, rows: range) -> bool:
    same = (old[rows.start : rows.stop] == new[rows.start : rows.stop]).all(axis=1)
    return len(rows) == 0 or bool(same.mean() >= 0.5)


def _in_place(old: Hashes, new: Hashes, old_rows: range, new_rows: range) -> Iterator[Block]:
    """Runs of unequal rows among equally many."""
    differ = (old[old_rows.start : old_rows.stop] != new[new_rows.start : new_rows.stop]).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], differ, [False])).astype(np.int8))).tolist()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield (
            range(old_rows.start + start, old_rows.start + stop),
            range(new_rows.start + start, new_rows.start + stop),
        )


def _gap(old: Hashes, new: Hashes, old_rows: range, new_rows: range) -> Iterator[Block]:
    """A stretch between anchors: paired row by row as far as both reach, the rest only old or only new."""
    inside = slice(old_rows.start, old_rows.stop), slice(new_rows.start, new_rows.stop)
    end = _equal_run(old[inside[0]][::-1], new[inside[1]][::-1])
    old_rows, new_rows = old_rows[: len(old_rows) - end], new_rows[: len(new_rows) - end]
    both = min(len(old_rows), len(new_rows))
    yield from _in_place(old, new, old_rows[:both], new_rows[:both])
    if len(old_rows) != len(new_rows):
        yield old_rows[both:], new_rows[both:]


def _anchors(old: Hashes, new: Hashes, old_rows: range, new_rows: range) -> list[tuple[int, int]]:
    """Rows that occur once on either side and kept their order: the longest such run (patience diff)."""
    old_keys = [row.tobytes() for row in old[old_rows.start : old_rows.stop]]
    new_keys = [row.tobytes() for row in new[new_rows.start : new_rows.stop]]
    once_old, once_new = Counter(old_keys), Counter(new_keys)
    place = {key: at for at, key in enumerate(old_keys, old_rows.start) if once_old[key] == 1}
    pairs = [(place[key], at) for at, key in enumerate(new_keys, new_rows.start) if once_new[key] == 1 and key in place]
    return _longest_rising(pairs)


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence whose old rows rise; the new rows rise already."""
    ends: list[int] = []  # the least old row that ends a rising run of each length
    last: list[int] = []  # the pair that it belongs to
    before: list[int] = []
    for at, (old_row, _) in enumerate(pairs):
        length = bisect_left(ends, old_row)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [old_row]
        last[length : length + 1] = [at]
    found = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
