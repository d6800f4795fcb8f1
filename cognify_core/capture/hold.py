"""Checkpoints that will be rotated away: their files are opened now and hashed later.

`hold_tree` is what runs on the training thread: it lists the folder, opens every file and returns. A file that is
unlinked while it is open can still be read, but keeps its disk space until it is closed; `holder.py` bounds that.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cognify_core.capture.files import Stamp, hash_open, open_file, read_buffer, shown, stamp_open
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.scan import (
    Mine,
    Scan,
    TooManyFilesError,
    all_of_them,
    boundary_of,
    real_directory,
    scan_tree,
)
from cognify_core.capture.tree import FILES_AT_ONCE, HashedFile, hash_tree, tree_of
from cognify_core.errors import CaptureError
from cognify_core.turns import let_others_run

ROTATED = "rotated before hashed"

_RANKS = 64  # times as many files as may be held are listed where most of them are other processes'


class Opened(NamedTuple):
    """A file that is held open: its path within the tree, and what it was when it was opened."""

    name: bytes
    fd: int
    stamp: Stamp


def hold_tree(path: Path, *, limit: int = 256, mine: Mine = all_of_them) -> HeldTree:
    """List the folder at `path` and open those of its files that are `mine`, at most `limit`; else none is held.

    Never raises for what it finds: what is wrong with the folder is the outcome's reason.
    """
    opened: list[Opened] = []
    try:
        root = real_directory(path)
        listed = scan_tree(root, boundary_of(path, root), limit if mine is all_of_them else limit * _RANKS)
        scan = listed.only(mine)
        if len(scan.files) > limit:
            return HeldTree(path, mine=mine)
        _open_all(scan, opened)
    except TooManyFilesError:
        return HeldTree(path, mine=mine)
    except CaptureError as error:
        _close(opened)
        return HeldTree(path, problem=None if no_descriptor_left(error) else error.reason, mine=mine)
    return HeldTree(path, opened, scan.empty_directories, others=scan.others, mine=mine, symlinks=scan.symlinks)


class HeldTree:
    """One folder as it was at one moment, to be hashed once, from any thread.

    While `descriptors` is not 0 its files are held open, and it does not matter whether they still have names.
    Afterwards they are hashed by their names, and must be the same files still.
    """

    shares = 2
    """How much of a checkpoint it is, in halves: trainings may write two files for one step, and never two folders."""

    def __init__(
        self,
        path: Path,
        opened: Iterable[Opened] = (),
        empty_directories: int = 0,
        problem: str | None = None,
        others: tuple[bytes, ...] = (),
        mine: Mine = all_of_them,
        symlinks: int = 0,
    ) -> None:
        self.path = path
        self.others = others
        """Files that were there and left to other processes; of a folder that is not held, known once it is hashed."""
        self._mine = mine
        self._opened = list(opened)
        self._stamps = {file.name: file.stamp for file in self._opened}
        self._identity = _identity(path)
        self._empty_directories, self._symlinks = empty_directories, symlinks
        self._reason = problem
        self._started = False
        self._lock = threading.Lock()

    @property
    def descriptors(self) -> int:
        """How many files are open."""
        return len(self._opened)

    @property
    def size(self) -> int:
        """Bytes of disk that the open files may keep from being freed."""
        return sum({file.stamp[:2]: file.stamp[2] for file in tuple(self._opened)}.values())

    def let_go(self) -> bool:
        """Close the files; from now on they are hashed by name. Returns False where hashing has begun."""
        with self._lock:
            if self._started:
                return False
            _close(self._opened)
            return True

    def release(self, reason: str = ROTATED) -> None:
        """Close the files for good, unless hashing has begun; the outcome will be `unresolved(reason)`."""
        with self._lock:
            if not self._started:
                _close(self._opened)
                self._reason = self._reason or reason

    def outcome(self) -> Outcome:
        """Hash the files, closing each as soon as it is done. Runs as long as that takes: for a pool's thread."""
        with self._lock:
            self._started = True
            held = bool(self._opened)
            reason = self._reason
        if reason is not None:
            return Outcome.unresolved(reason)
        try:
            return self._from_open() if held else self._by_name()
        except CaptureError as error:
            return Outcome.unresolved(error)
        finally:
            _close(self._opened)

    def forget(self) -> None:
        """Close the descriptors that a fork copied, in the child, where no lock can be taken."""
        _close(self._opened)

    def _from_open(self) -> Outcome:
        view, seen, hashed = read_buffer(), dict[Stamp, str](), list[HashedFile]()
        while self._opened:
            name, fd, stamp = self._opened[0]
            if stamp not in seen:
                seen[stamp] = hash_open(fd, name, view, stamp).hex
            hashed.append((name, seen[stamp], stamp))
            os.close(self._opened.pop(0).fd)
            if not len(hashed) % FILES_AT_ONCE:
                let_others_run()
        return tree_of(hashed, self._empty_directories, self._symlinks)

    def _by_name(self) -> Outcome:
        if self._identity is None or _identity(self.path) != self._identity:
            raise CaptureError(ROTATED)
        try:
            tree = hash_tree(self.path, mine=self._mine)
        except CaptureError as error:
            raise CaptureError(error.reason if _identity(self.path) == self._identity else ROTATED) from error
        if self._stamps and tree.stamps != self._stamps:
            raise CaptureError(_difference(self._stamps, tree.stamps))
        self.others = tree.others
        return tree.outcome


def _open_all(scan: Scan, opened: list[Opened]) -> None:
    for name, path in scan.files:
        fd = open_file(path, name)
        opened.append(Opened(name, fd, (0, 0, 0, 0)))
        opened[-1] = Opened(name, fd, stamp_open(fd, name))


def no_descriptor_left(error: CaptureError) -> bool:
    """Whether a file could not be opened only because the process has too many open."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in (errno.EMFILE, errno.ENFILE)


def _close(opened: list[Opened]) -> None:
    while opened:
        os.close(opened.pop().fd)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def _difference(before: dict[bytes, Stamp], now: dict[bytes, Stamp]) -> str:
    if before.keys() - now.keys():
        return ROTATED
    changed = sorted(name for name in now if before.get(name) != now[name])
    return f"changed before hashed: {shown(changed[0])}"
