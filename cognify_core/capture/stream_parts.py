"""Parts of a watched stream on disk: what one process read in one pass, so far, and how another learns of it.

A part is two files, `<rank>-<worker>-<number>` with an ending. `.count` holds how many rows were delivered, and is
mapped: it is right even when its process has been killed. `.part` holds the digest of those that were hashed, and is
replaced as a whole. Whoever wants all parts to be up to date leaves a question in `<rank>.ask`; who writes parts looks
for it now and then, hashes what is held back, and writes the answer into its part.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

_COUNT = struct.Struct("<QQ")  # rows, process
_STALE_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class PartState:
    """What is known of one part."""

    name: str
    rank: int
    worker: int
    number: int
    pid: int
    delivered: int = 0
    rows: int = 0
    """The first so many of the rows delivered are those that `manifest` is of."""
    manifest: str | None = None
    """None while nothing was hashed, or where the rows have no digest."""
    reason: str | None = None
    """Why they have none."""
    ended: bool = False
    answered: str | None = None
    """The last question that it was written in answer to."""
    is_open: bool = False
    """Whether its process was there to add to it, just before this was read."""


class PartFile:
    """The writing end of a part, which this process has for itself."""

    def __init__(self, folder: Path, state: PartState, count: mmap.mmap) -> None:
        self.state = state
        self._path, self._count = folder / f"{state.name}.part", count

    @classmethod
    def claim(cls, folder: Path, rank: int, worker: int) -> Self:
        """The next free part of this rank and worker. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 0
        while True:
            state = PartState(f"{rank}-{worker}-{number}", rank, worker, number, os.getpid())
            try:
                descriptor = os.open(
                    folder / f"{state.name}.count", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
                )
            except FileExistsError:
                number += 1
                continue
            try:
                os.write(descriptor, _COUNT.pack(0, os.getpid()))
                return cls(folder, state, mmap.mmap(descriptor, _COUNT.size))
            finally:
                os.close(descriptor)

    def count(self, delivered: int) -> None:
        """Say how many rows were delivered. It costs no system call."""
        _COUNT.pack_into(self._count, 0, delivered, self.state.pid)

    def write(self, state: PartState) -> None:
        """Replace what is said of the part. Raises OSError."""
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(state)))
        draft.replace(self._path)


def read_parts(folder: Path, rank: int) -> Iterator[PartState]:
    """The parts of a rank. Of one that did not end, `delivered` is what it has delivered by now."""
    for path in sorted(folder.glob(f"{rank}-*.count")):
        with suppress(OSError, ValueError, TypeError, struct.error):
            yield _state(path)


def part_names(folder: Path, rank: int) -> set[str]:
    """The names of a rank's parts."""
    return {path.stem for path in folder.glob(f"{rank}-*.count")}


def ask(folder: Path, rank: int, question: str) -> None:
    """Ask all who write parts of this rank to bring them up to date."""
    with suppress(OSError):
        (folder / f"{rank}.ask").write_text(question)


def question(folder: Path, rank: int) -> str | None:
    """What was asked last."""
    try:
        return (folder / f"{rank}.ask").read_text()
    except OSError:
        return None


def remove_parts(folder: Path, names: Iterable[str]) -> None:
    """Forget parts that nobody needs any more, and with the last of them their folder."""
    with suppress(OSError):
        for name in names:
            for ending in ("part", "draft", "count"):
                (folder / f"{name}.{ending}").unlink(missing_ok=True)
        if not any(folder.glob("*.count")):
            for path in folder.glob("*.ask"):
                path.unlink(missing_ok=True)
            folder.rmdir()


def sweep(folder: Path) -> None:
    """Remove what processes that died left below `folder` a week ago."""
    with suppress(OSError):
        for each in list(folder.iterdir()):
            if time.time() - each.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(each, ignore_errors=True)


def _state(path: Path) -> PartState:
    pid = _COUNT.unpack(path.read_bytes())[1]
    is_open = _is_alive(pid)  # before what it wrote last is read: what a dead process wrote is all that there will be
    delivered = _COUNT.unpack(path.read_bytes())[0]
    try:
        state = PartState(**json.loads(path.with_suffix(".part").read_text()))
    except FileNotFoundError:
        rank, worker, number = map(int, path.stem.split("-"))
        return PartState(path.stem, rank, worker, number, pid, delivered, is_open=is_open)
    return state if state.ended else replace(state, delivered=delivered, is_open=is_open)


def _is_alive(pid: int) -> bool:
    """Whether a process is there that can do something; one that was killed and not yet buried cannot."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
