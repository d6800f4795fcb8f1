"""A ledger as static files (C2SP tlog-tiles): what can be put on any web server, bucket or disk, and read by anyone.

checkpoint                      the signed head
tile/<level>/<index>            256 hashes; `.p/<n>` of a tile that is not full yet
tile/entries/<index>            the bodies of 256 leaves, each after its length

A full tile never changes. Tiles are written first and the head last, so that whoever reads a head finds its tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cognify_core.errors import CannotVerifyError, VerificationError
from cognify_core.merkle import HASH_SIZE, root_hash
from cognify_core.merkle_nodes import Node, consistency_ranges, needed, proof
from cognify_core.seal.ledger import Ledger
from cognify_core.seal.notes import MAX_NOTE, SignedHead
from cognify_core.store.places import put_in_place

WIDTH = 256
_HEIGHT = 8
CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class PublishedLedger:
    """The ledger as it was published: the head, and how many files were written."""

    head: SignedHead
    before: int
    """How many leaves had been published before."""
    files: int


def publish(ledger: Ledger, folder: Path) -> PublishedLedger:
    """Bring the files under `folder` up to date with a ledger.

    Raises:
        VerificationError: what was published there before is another history than the ledger's.
        OSError: a file cannot be read or written.
        LedgerError: the ledger lacks a node.
    """
    head = ledger.head()
    before = _published_before(ledger, folder, head.head.size)
    written = sum(
        _put(folder / path, data) for path, data in (*_tiles(ledger, before, head), *_entries(ledger, before, head))
    )
    folder.mkdir(parents=True, exist_ok=True)
    put_in_place(folder / CHECKPOINT, head.note)
    return PublishedLedger(head, before, written + 1)


class Tiles:
    """Published tiles, read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def head(self) -> SignedHead:
        """The head that was published; nothing is verified.

        Raises:
            CannotVerifyError: there is none.
            FormatError: it is none.
        """
        return SignedHead.parse(_read(self._folder / CHECKPOINT, MAX_NOTE + 1))

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
        path = self._folder / tile_path(str(level), index)
        partial = path.with_name(f"{path.name}.p")
        candidates = [path]
        with suppress(OSError):
            widths = [int(each.name) for each in partial.iterdir() if each.name.isascii() and each.name.isdigit()]
            candidates += [partial / str(width) for width in sorted(widths, reverse=True) if width >= least]
        found = next((each for each in candidates if each.is_file()), path)
        data = _read(found, WIDTH * HASH_SIZE)
        hashes = [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
        if len(hashes) < least or len(hashes[-1]) != HASH_SIZE:
            raise CannotVerifyError(f"{found} has {len(hashes)} hashes, and {least} are needed")
        return hashes


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


def _tiles(ledger: Ledger, before: int, head: SignedHead) -> Iterator[tuple[str, bytes]]:
    level, old, new = 0, before, head.head.size
    while new:
        for index in range(old // WIDTH, -(-new // WIDTH)):
            width = min(WIDTH, new - index * WIDTH)
            row = ledger.store.node_row(level * _HEIGHT, index * WIDTH, width, workspace=ledger.workspace)
            yield tile_path(str(level), index, width), b"".join(row)
        level, old, new = level + 1, old // WIDTH, new // WIDTH


def _entries(ledger: Ledger, before: int, head: SignedHead) -> Iterator[tuple[str, bytes]]:
    size = head.head.size
    for index in range(before // WIDTH, -(-size // WIDTH)):
        width = min(WIDTH, size - index * WIDTH)
        bodies = ledger.store.leaf_bodies(index * WIDTH, width, workspace=ledger.workspace)
        data = b"".join(len(body).to_bytes(2, "big") + body for body in bodies)
        yield tile_path("entries", index, width), data


def _published_before(ledger: Ledger, folder: Path, size: int) -> int:
    """How many leaves were published before, where that was of this ledger."""
    if not (folder / CHECKPOINT).exists():
        return 0
    old = Tiles(folder).head().verify(ledger.key)
    if old.size > size:
        raise VerificationError(
            f"{folder} holds a head of {old.size} leaves, and the ledger has {size}: it was rolled back"
        )
    if ledger.root(old.size) != old.root:
        raise VerificationError(
            f"{folder} holds a head of {old.size} leaves that this ledger never had: the history was rewritten"
        )
    return old.size


def _put(path: Path, data: bytes) -> bool:
    """Write a file that never changes; whether it was written now."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(path, data)
    return True


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise CannotVerifyError(f"{path} cannot be read: {error.strerror}") from error
