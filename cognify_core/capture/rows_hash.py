"""Leaf hashes of encoded rows, and the tree above them, reduced a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from itertools import pairwise
from struct import iter_unpack

import pyarrow as pa

from cognify_core.capture import cbor
from cognify_core.capture.row_index import BLOCK_HEIGHT
from cognify_core.merkle import HASH_SIZE, Frontier

BLOCK_LEAVES = 1 << BLOCK_HEIGHT
_AT_ONCE = 512  # rows that are Python objects at one time: few enough to stay in the cache
_COPY_BELOW = 1024  # bytes: a shorter row is faster copied into an object of its own than looked at through a view

LevelSink = Callable[[list[bytes]], None]
"""Takes the levels of one subtree: element k holds its nodes of height k, 32 bytes each, in order."""


def leaf_hashes(rows: pa.LargeBinaryArray) -> bytes:
    """SHA-256 of every row, which begins with the 0x00 of a leaf; 32 bytes each."""
    if rows.nbytes < _COPY_BELOW * len(rows):
        starts = range(0, len(rows), _AT_ONCE)
        return b"".join([sha256(row).digest() for at in starts for row in rows.slice(at, _AT_ONCE).to_pylist()])
    ends = cbor.ends_of(rows).tolist()
    content = memoryview(rows.buffers()[2])
    return b"".join([sha256(content[start:end]).digest() for start, end in pairwise(ends)])


def parents(hashes: bytes) -> bytes:
    """The nodes above an even number of nodes (RFC 6962 §2.1)."""
    nodes = []
    start = sha256(b"\x01").copy
    for (children,) in iter_unpack("64s", hashes):
        node = start()
        node.update(children)
        nodes.append(node.digest())
    return b"".join(nodes)


def levels_of(leaves: bytes) -> list[bytes]:
    """All levels of the perfect tree over a power of two of leaf hashes, from the leaves to the root."""
    levels = [leaves]
    while len(levels[-1]) > HASH_SIZE:
        levels.append(parents(levels[-1]))
    return levels


class LeafTree:
    """An RFC 6962 tree that takes leaf hashes by the thousand. Each node is computed once."""

    def __init__(self, sink: LevelSink | None = None) -> None:
        self._frontier = Frontier()
        self._pending = bytearray()
        self._sink = sink

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._frontier.size + len(self._pending) // HASH_SIZE

    def extend(self, hashes: bytes) -> None:
        """Append leaf hashes, 32 bytes each."""
        self._pending += hashes
        block = BLOCK_LEAVES * HASH_SIZE
        while len(self._pending) >= block:
            self._append(bytes(self._pending[:block]))
            del self._pending[:block]

    def close(self) -> bytes:
        """Append what is left, in falling powers of two; return the root."""
        while self._pending:
            leaves = 1 << (len(self._pending) // HASH_SIZE).bit_length() - 1
            self._append(bytes(self._pending[: leaves * HASH_SIZE]))
            del self._pending[: leaves * HASH_SIZE]
        return self._frontier.root()

    def _append(self, leaves: bytes) -> None:
        levels = levels_of(leaves)
        self._frontier.append_subtree(levels[-1], len(leaves) // HASH_SIZE)
        if self._sink is not None:
            self._sink(levels)
