"""A row index: the leaf hashes of a dataset, or nodes above them, kept so that a changed row can be named later.

The file is one line of JCS and then the hashes. It authenticates itself: the root that follows from its hashes has to
be the one in the rows manifest, so nobody needs to trust where it was kept. Above the cap it holds the nodes of the
lowest height that fits, and then names ranges of 2^height rows instead of rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError, VerificationError
from cognify_core.merkle import EMPTY_ROOT, HASH_SIZE, node_hash
from cognify_core.model.digest import Digest

FORMAT = "cognify.row-index/v1"
DEFAULT_CAP = 16 << 20  # bytes of hashes: those of 524,288 rows
BLOCK_HEIGHT = 12
"""The height of the perfect subtrees in which a tree of rows grows."""


@dataclass(frozen=True, slots=True)
class RowIndex:
    """The nodes of one height of a tree of rows, in order; the last may stand for fewer rows than the others."""

    height: int
    rows: int
    hashes: bytes

    def root(self) -> bytes:
        """The tree's root, as it follows from the hashes."""
        hashes = self.hashes
        while len(hashes) > HASH_SIZE:
            hashes = raised(hashes)
        return hashes or EMPTY_ROOT

    def rows_under(self, nodes: range) -> range:
        """The rows that some nodes in a row stand for."""
        return range(min(nodes.start << self.height, self.rows), min(nodes.stop << self.height, self.rows))

    def write(self, path: Path) -> None:
        """Write the index whole or not at all."""
        line = encode({"format": FORMAT, "height": self.height, "root": self.root().hex(), "rows": self.rows})
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        partial.write_bytes(line + b"\n" + self.hashes)
        partial.replace(path)


def index_path(folder: Path, rows: Digest) -> Path:
    """Where in `folder` the index of the rows with this digest is kept."""
    return folder / f"{rows.hex}.rowindex"


class IndexBuilder:
    """Gathers nodes from a tree that grows; `add` is the sink of a `LeafTree`."""

    def __init__(self, cap: int = DEFAULT_CAP) -> None:
        self._cap = max(cap, HASH_SIZE)
        self._height = 0
        self._rows = 0
        self._nodes = bytearray()
        self._tail = bytearray()

    def add(self, levels: Sequence[bytes]) -> None:
        """Take the levels of the next perfect subtree; only the last ones may be lower than `BLOCK_HEIGHT`."""
        self._rows += len(levels[0]) // HASH_SIZE
        if len(levels) <= BLOCK_HEIGHT:
            self._tail += levels[0]
            return
        self._nodes += levels[self._height]
        while len(self._nodes) > self._cap and self._height < BLOCK_HEIGHT:
            self._nodes = bytearray(raised(bytes(self._nodes)))
            self._height += 1

    def index(self) -> RowIndex:
        """The index of all rows that were added."""
        tail = bytes(self._tail)
        for _ in range(self._height):
            tail = raised(tail)
        hashes, height = bytes(self._nodes) + tail, self._height
        while len(hashes) > self._cap:
            hashes, height = raised(hashes), height + 1
        return RowIndex(height, self._rows, hashes)


def raised(hashes: bytes) -> bytes:
    """The nodes one level up; a last one that has no sibling rises as it is, which gives RFC 6962's own tree."""
    whole = len(hashes) // (2 * HASH_SIZE) * 2 * HASH_SIZE
    pairs = range(0, whole, 2 * HASH_SIZE)
    above = [node_hash(hashes[at : at + HASH_SIZE], hashes[at + HASH_SIZE : at + 2 * HASH_SIZE]) for at in pairs]
    return b"".join(above) + hashes[whole:]


def read_index(path: Path, root: str | None = None) -> RowIndex:
    """Read an index and check it against the `root` (hex) of a rows manifest, or, without one, against itself.

    Raises:
        FormatError: not an index.
        VerificationError: its hashes do not lead to the root.
        OSError: the file cannot be read.
    """
    line, _, hashes = path.read_bytes().partition(b"\n")
    head = parse(line)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FormatError(f"{path.name} is not a row index ({FORMAT})")
    match head:
        case {"height": int(height), "rows": int(rows), "root": str(written)} if height >= 0 and rows >= 0:
            index = RowIndex(height, rows, hashes)
        case _:
            raise FormatError(f"{path.name} is a row index without height, rows or root")
    if len(hashes) != -((-rows) >> height) * HASH_SIZE:
        raise VerificationError(f"{path.name} holds {len(hashes)} bytes of hashes, which {rows} rows do not have")
    if index.root().hex() != (root or written):
        raise VerificationError(f"{path.name} does not lead to the root of the rows that it should index")
    return index
