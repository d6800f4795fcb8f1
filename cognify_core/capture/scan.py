"""A folder → its regular files, by the rules of `cognify.tree/v1` (`docs/formats.md`, Tree, rule 2).

Nothing is opened or read here. A symlink whose real path lies inside the boundary counts as the file that it points
to; any other, a loop, a device, a fifo: `CaptureError` naming it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cognify_core.capture.files import shown, unreadable
from cognify_core.errors import CaptureError
from cognify_core.turns import in_turns

_Directory: TypeAlias = tuple[bytes, int, int, int]
"""Path, device, inode, and the time of the last change in ns: nobody but the kernel sets it."""

Mine: TypeAlias = Callable[[bytes], bool]
"""Tells of a path relative to a folder whether this process is to read that file."""


def all_of_them(_: bytes) -> bool:
    """Every file is this process's own."""
    return True


_ENTRIES_AT_ONCE = 128
_SETTLED_NS = 2_000_000_000
"""For how long a directory must have been as it is, so that its times tell of the next change: they are coarse."""
_HUB_FOLDER = re.compile(rb"(models|datasets|spaces)--.+")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder held at one moment."""

    files: list[tuple[bytes, bytes]]
    """(path relative to the folder, path to open), in the order in which the file system lists them."""
    empty_directories: int
    others: tuple[bytes, ...] = ()
    """Paths of files that are there and for somebody else to read."""
    directories: tuple[_Directory, ...] | None = None
    """What each directory was before it was listed; None where that does not tell whether the names stay the same."""
    symlinks: int = 0
    """How many of the files are links to others."""

    def only(self, mine: Mine) -> Scan:
        """The same folder, with the files that `mine` does not name left to others."""
        if mine is all_of_them:
            return self
        kept = [file for file in self.files if mine(file[0])]
        others = tuple(name for name, _ in self.files if not mine(name))
        return Scan(kept, self.empty_directories, others, self.directories, self.symlinks)

    def is_current(self) -> bool:
        """Whether listing the folder again is sure to give the same names."""
        if self.directories is None:
            return False
        try:
            return all(_directory(known[0]) == known for known in self.directories)
        except OSError:
            return False


class TooManyFilesError(CaptureError):
    """The folder holds more files than the caller can take."""


def scan_tree(root: bytes, boundary: bytes, limit: int | None = None) -> Scan:
    """List the files below `root`, a directory; `boundary` is a real path.

    Raises:
        CaptureError: something in it is neither a directory, a file nor a symlink to a file inside the boundary, or
            cannot be listed.
        TooManyFilesError: there are more than `limit` files.
    """
    files: list[tuple[bytes, bytes]] = []
    directories: list[_Directory] = []
    empty, symlinks, began = 0, 0, time.time_ns()
    pending = [(root, b"")]
    while pending:
        directory, prefix = pending.pop()
        entries = _entries(directory, prefix, directories)
        empty += not entries and directory != root
        for entry in in_turns(entries, _ENTRIES_AT_ONCE):
            name = prefix + entry.name
            if entry.is_file(follow_symlinks=False):
                files.append((name, entry.path))
            elif entry.is_dir(follow_symlinks=False):
                pending.append((entry.path, name + b"/"))
            elif entry.is_symlink():
                files.append((name, _inside(entry.path, name, boundary)))
                symlinks += 1
            else:
                raise CaptureError(f"not a regular file: {shown(name)}")
        if limit is not None and len(files) > limit:
            raise TooManyFilesError(f"more than {limit} files")
    telling = not symlinks and max(changed for _, _, _, changed in directories) < began - _SETTLED_NS
    return Scan(files, empty, directories=tuple(directories) if telling else None, symlinks=symlinks)


def real_directory(path: Path) -> bytes:
    """The real path of a directory.

    Raises:
        CaptureError: it is none, or is not there.
    """
    name = os.fsencode(path.name or str(path))
    try:
        real = os.path.realpath(os.fsencode(path), strict=True)
    except OSError as error:
        raise unreadable(error, name) from error
    if not os.path.isdir(real):  # noqa: PTH112 - names are bytes here, and pathlib takes none
        raise CaptureError(f"not a directory: {shown(name)}")
    return real


def boundary_of(path: Path, root: bytes) -> bytes:
    """The real path that symlinks must stay inside: `root` itself, or the Hub repository's folder around a snapshot.

    In the cache of the Hub every file of `models--x--y/snapshots/<revision>` is a symlink to `../../blobs`.
    """
    for candidate in (root, os.fsencode(path.absolute())):
        parts = candidate.split(b"/")
        for place in range(len(parts) - 3, -1, -1):
            if parts[place + 1] == b"snapshots" and _HUB_FOLDER.fullmatch(parts[place]):
                return os.path.realpath(b"/".join(parts[: place + 1]))
    return root


def _entries(directory: bytes, prefix: bytes, listed: list[_Directory]) -> list[os.DirEntry[bytes]]:
    try:
        listed.append(_directory(directory))
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise unreadable(error, prefix.rstrip(b"/") or os.path.basename(directory)) from error  # noqa: PTH119 - bytes


def _directory(path: bytes) -> _Directory:
    status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - names are bytes here, and pathlib takes none
    return (path, status.st_dev, status.st_ino, status.st_ctime_ns)


def _inside(path: bytes, name: bytes, boundary: bytes) -> bytes:
    try:
        real = os.path.realpath(path, strict=True)
    except FileNotFoundError as error:
        raise CaptureError(f"symlink to nothing: {shown(name)}") from error
    except OSError as error:
        raise unreadable(error, name) from error
    if not real.startswith(boundary.rstrip(b"/") + b"/"):
        raise CaptureError(f"symlink that leaves the tree: {shown(name)}")
    if not os.path.isfile(real):  # noqa: PTH113 - names are bytes here, and pathlib takes none
        raise CaptureError(f"symlink to what is no regular file: {shown(name)}")
    return real
