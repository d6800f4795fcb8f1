"""A ledger as static files (C2SP tlog-tiles): what can be put on any web server, bucket or disk, and read by anyone.

checkpoint                      the signed head
tile/<level>/<index>            256 hashes; `.p/<n>` of a tile that is not full yet
tile/entries/<index>            the bodies of 256 leaves, each after its length

A full tile never changes. Tiles are written first and the head last, so that whoever reads a head finds its tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cognify_core.errors import CannotVerifyError, VerificationError
from cognify_core.merkle import HASH_SIZE, root_hash
from cognify_core.merkle_nodes import Node, consistency_ranges, needed, proof
from cognify_core.seal.ledger import Ledger
from cognify_core.seal.notes import SignedHead
from cognify_core.seal.shelves import Shelf, open_shelf

WIDTH = 256
_HEIGHT = 8
CHECKPOINT = "checkpoint"
_NAME = re.compile(
    r"tile/(?P<level>[0-6]|entries)/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PublishedLedger:
    """The ledger as it was published: the head, and how many files were written."""

    head: SignedHead
    before: int
    """How many leaves had been published before."""
    files: int


def publish(ledger: Ledger, place: str | Path) -> PublishedLedger:
    """Bring the files in a folder, below a URL or in a bucket up to date with a ledger.

    Raises:
        VerificationError: what was published there before is another history than the ledger's.
        CannotVerifyError: what was published there before cannot be read.
        LedgerError: a file cannot be written, or the ledger lacks a node.
    """
    shelf, head = open_shelf(place), ledger.head()
    before = _published_before(ledger, shelf, head.head.size)
    files = (*_tiles(ledger, before, head), *_entries(ledger, before, head))
    written = sum(_put(shelf, name, data) for name, data in files)
    shelf.write(CHECKPOINT, head.note)
    return PublishedLedger(head, before, written + 1)


class Tiles:
    """Published tiles, read."""

    def __init__(self, place: str | Path | Shelf) -> None:
        self._shelf = open_shelf(place) if isinstance(place, str | Path) else place

    def head(self) -> SignedHead:
        """The head that was published; nothing is verified.

        Raises:
            CannotVerifyError: there is none.
            FormatError: it is none.
        """
        note = self._shelf.read(CHECKPOINT)
        if note is None:
            raise CannotVerifyError(f"{self._shelf} holds no {CHECKPOINT}: no ledger was published there")
        return SignedHead.parse(note)

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The proof between two sizes; it is checked by whoever asks.

        Raises:
            CannotVerifyError: a tile is missing.
        """
        ranges = consistency_ranges(old_size, size)
        return proof(ranges, self.nodes(needed(ranges)))

    def nodes(self, wanted: Sequence[Node]) -> Mapping[Node, bytes]:
        """Nodes, computed from the tiles that they lie in.

        Raises:
            CannotVerifyError: a tile is missing, or has too few hashes.
        """
        return {node: self._node(*node) for node in wanted}

    def _node(self, level: int, place: int) -> bytes:
        tile_level, height = divmod(level, _HEIGHT)
        first = place << height
        index, offset = divmod(first, WIDTH)
        hashes = self._tile(tile_level, index, offset + (1 << height))
        return root_hash(hashes[offset : offset + (1 << height)])

    def _tile(self, level: int, index: int, least: int) -> list[bytes]:
        """A tile's hashes: the full one, else as wide as the head that was published says."""
        names = [tile_path(str(level), index)]
        if (width := (self._published >> (_HEIGHT * level)) - index * WIDTH) in range(least, WIDTH):
            names.insert(0, tile_path(str(level), index, width))
        found = next(((name, data) for name in names if (data := self._shelf.read(name)) is not None), None)
        if found is None:
            raise CannotVerifyError(f"{self._shelf}/{names[0]} is not there")
        name, data = found
        hashes = [data[at : at + HASH_SIZE] for at in range(0, min(len(data), WIDTH * HASH_SIZE), HASH_SIZE)]
        if len(hashes) < least or len(hashes[-1]) != HASH_SIZE:
            raise CannotVerifyError(f"{self._shelf}/{name} has {len(hashes)} hashes, and {least} are needed")
        return hashes

    @cached_property
    def _published(self) -> int:
        return self.head().head.size


def tile_path(level: str, index: int, width: int = WIDTH) -> str:
    """Where a tile lies: the index in groups of three digits, all but the last after an x."""
    groups = []
    rest = index
    while True:
        rest, last = divmod(rest, 1000)
        groups.append(f"{last:03d}")
        if not rest:
            break
    name = "/".join([*(f"x{group}" for group in reversed(groups[1:])), groups[0]])
    return f"tile/{level}/{name}" + ("" if width == WIDTH else f".p/{width}")


def read_tile(ledger: Ledger, name: str) -> bytes | None:
    """The tile of that name, as `tile_path` writes it, made of the ledger as it is now; none where there is none."""
    named = _NAME.fullmatch(name)
    if named is None:
        return None
    index = int(named["index"].replace("/", "").replace("x", ""))
    width = int(named["width"] or WIDTH)
    level = 0 if named["level"] == "entries" else int(named["level"])
    if not 0 < width <= WIDTH or tile_path(named["level"], index, width) != name:
        return None
    if index * WIDTH + width > ledger.size >> (_HEIGHT * level):
        return None
    return _bodies(ledger, index, width) if named["level"] == "entries" else _hashes(ledger, level, index, width)


def _tiles(ledger: Ledger, before: int, head: SignedHead) -> Iterator[tuple[str, bytes]]:
    level, old, new = 0, before, head.head.size
    while new:
        for index in range(old // WIDTH, -(-new // WIDTH)):
            width = min(WIDTH, new - index * WIDTH)
            yield tile_path(str(level), index, width), _hashes(ledger, level, index, width)
        level, old, new = level + 1, old // WIDTH, new // WIDTH


def _entries(ledger: Ledger, before: int, head: SignedHead) -> Iterator[tuple[str, bytes]]:
    size = head.head.size
    for index in range(before // WIDTH, -(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        yield tile_path("entries", index, width), _bodies(ledger, index, width)


def _hashes(ledger: Ledger, level: int, index: int, width: int) -> bytes:
    return b"".join(ledger.store.node_row(level * _HEIGHT, index * WIDTH, width, workspace=ledger.workspace))


def _bodies(ledger: Ledger, index: int, width: int) -> bytes:
    bodies = ledger.store.leaf_bodies(index * WIDTH, width, workspace=ledger.workspace)
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def _published_before(ledger: Ledger, shelf: Shelf, size: int) -> int:
    """How many leaves were published before, where that was of this ledger."""
    if shelf.read(CHECKPOINT) is None:
        return 0
    old = Tiles(shelf).head().verify(ledger.key)
    if old.size > size:
        raise VerificationError(
            f"{shelf} holds a head of {old.size} leaves, and the ledger has {size}: it was rolled back"
        )
    if ledger.root(old.size) != old.root:
        raise VerificationError(
            f"{shelf} holds a head of {old.size} leaves that this ledger never had: the history was rewritten"
        )
    return old.size


def _put(shelf: Shelf, name: str, data: bytes) -> bool:
    """Write a file that never changes; whether it was written now."""
    if shelf.read(name) == data:
        return False
    shelf.write(name, data)
    return True
