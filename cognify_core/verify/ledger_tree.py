"""A log's tree, computed again from its leaves: every node, level by level, against those that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import iter_unpack
from typing import TypeAlias

from cognify_core.merkle import Frontier
from cognify_core.store.protocol import Store
from cognify_core.verify.report import Finding, contradicts

LEAVES_AT_ONCE = 1 << 12
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store keeps of a log, and what findings call it."""

    leaves: Callable[[int, int], Sequence[bytes]]
    """Up to so many, from a place on, as they lie there."""
    row: Callable[[int, int, int], Sequence[bytes]]
    """Of a level, from a place on, up to so many nodes, as they lie there."""
    code: str = "ledger"
    leaf: str = "leaf"


def kept_ledger(store: Store, workspace: str) -> Kept:
    """What a store keeps of a workspace's ledger."""
    return Kept(
        lambda first, count: store.leaf_bodies(first, count, workspace=workspace),
        lambda level, place, count: store.node_row(level, place, count, workspace=workspace),
    )


class Tree:
    """The tree over the leaves that a store has, and what is wrong with the nodes that it keeps."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._frontier = Frontier()
        self.findings: list[Finding] = []

    @property
    def size(self) -> int:
        """How many leaves were read."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root over them."""
        return self._frontier.root()

    def check(self, size: int, progress: Progress) -> None:
        """Read `size` leaves, and compute every node over them."""
        above: list[bytes] = []
        for first in range(0, size, LEAVES_AT_ONCE):
            count = min(LEAVES_AT_ONCE, size - first)
            bodies = self._kept.leaves(first, count)
            if len(bodies) < count:
                told = f"one of the {count} from {self._kept.leaf} {first} on is missing"
                self.findings.append(contradicts(f"{self._kept.code}_{self._kept.leaf}", told, "ledger"))
                return
            hashes = [sha256(b"\x00" + body).digest() for body in bodies]
            top = self._check_levels(hashes, 0, first)
            if count == LEAVES_AT_ONCE and top is not None:
                above.append(top)
                self._frontier.append_subtree(top, count)
            else:
                for leaf in hashes:
                    self._frontier.append(leaf)
            progress(first + count, size)
        self._check_levels(above, LEAVES_AT_ONCE.bit_length() - 1, 0)

    def _check_levels(self, hashes: Sequence[bytes], level: int, first: int) -> bytes | None:
        """Compare a row of nodes and those above it with what is kept; return the last that stands alone."""
        place, row = first >> level, list(hashes)
        top = None
        while row:
            kept = self._kept.row(level, place, len(row))
            if kept != row:
                self.findings += self._differences(level, place, row, kept)
            top = row[0] if len(row) == 1 else None
            pairs = b"".join(row if len(row) % 2 == 0 else row[:-1])
            row = [sha256(b"\x01" + pair).digest() for (pair,) in iter_unpack("64s", pairs)]
            level, place = level + 1, place >> 1
        return top

    def _differences(
        self, level: int, first: int, computed: Sequence[bytes], kept: Sequence[bytes]
    ) -> Iterator[Finding]:
        code, leaf = self._kept.code, self._kept.leaf
        if len(kept) != len(computed):
            told = f"{len(computed) - len(kept)} nodes of level {level} are missing from {first} on"
            yield contradicts(f"{code}_node", told, "ledger")
            return
        for place, (found, node) in enumerate(zip(computed, kept, strict=True), start=first):
            if found != node and level == 0:
                told = f"{leaf} {place} was changed: it is not the one that was hashed"
                yield contradicts(f"{code}_{leaf}", told, "ledger")
            elif found != node:
                told = f"node {place} of level {level} is not the hash of the two below it"
                yield contradicts(f"{code}_node", told, "ledger")
