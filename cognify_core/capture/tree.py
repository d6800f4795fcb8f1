"""A folder → `cognify.tree/v1`, the text that `sha256sum --strict -c` reads (`docs/formats.md`, Tree).

The digest is a function of names and bytes only: a folder that was moved or touched has the same one. A folder of
very many small files is better hashed in the worker process, because listing and sorting hold the GIL.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cognify_core.capture.files import (
    Stamp,
    open_file,
    read_buffer,
    read_digest,
    shown,
    stamp_open,
    unreadable,
)
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.scan import Mine, Scan, all_of_them, boundary_of, real_directory, scan_tree
from cognify_core.capture.tree_manifest import TREE_FORMAT, TreeDiff, diff_trees, parse_manifest, render
from cognify_core.errors import CaptureError
from cognify_core.turns import in_turns, let_others_run

__all__ = ["NOT_COVERED", "TREE_FORMAT", "TreeDiff", "diff_trees", "parse_manifest", "tree_outcome"]

HashedFile: TypeAlias = tuple[bytes, str, Stamp]
"""Path within the tree, 64 hex digits, and what the file was when it was opened."""

_Path: TypeAlias = tuple[bytes, bytes]
"""Path within the tree, and path to open."""

LARGE = 8 << 20
"""Bytes from which on a file is worth a thread of its own."""
MAX_THREADS = 4
FILES_AT_ONCE = 16
"""Small files that are hashed before other threads may run: some hundred microseconds."""

NOT_COVERED = "empty directories, modes, owners, times and extended attributes are not covered"


@dataclass(frozen=True, slots=True)
class HashedTree:
    """A folder's outcome, and the stamp that each file had from before it was hashed until all were."""

    outcome: Outcome
    stamps: dict[bytes, Stamp]
    others: tuple[bytes, ...] = ()
    """Files that were there and left to other processes."""


def tree_outcome(path: Path, *, boundary: Path | None = None) -> Outcome:
    """Hash every file below `path`; unresolved, naming the first, where one cannot be or changes meanwhile.

    Args:
        path: a folder.
        boundary: the folder that symlinks must stay inside; by default `path` itself, or for a snapshot in the
            cache of the Hub its repository's folder.
    """
    try:
        return hash_tree(path, boundary).outcome
    except CaptureError as error:
        return Outcome.unresolved(error)


def hash_tree(path: Path, boundary: Path | None = None, mine: Mine = all_of_them) -> HashedTree:
    """As `tree_outcome`, with the stamps of the files; of the files that `mine` names alone.

    Raises:
        CaptureError: there is no digest, and why.
    """
    root = real_directory(path)
    within = boundary_of(path, root) if boundary is None else real_directory(boundary)
    scan = scan_tree(root, within).only(mine)
    hashed = _hash_files(scan)
    _check_unchanged(scan, scan if scan.is_current() else scan_tree(root, within).only(mine), hashed)
    stamps = {name: stamp for name, _, stamp in hashed}
    return HashedTree(tree_of(hashed, scan.empty_directories, scan.symlinks), stamps, scan.others)


def tree_of(hashed: list[HashedFile], empty_directories: int, symlinks: int = 0) -> Outcome:
    """The outcome of files that have been hashed, in any order; `symlinks` of them are links to others."""
    hashed.sort()
    let_others_run()
    manifest = render((name, digits) for name, digits, _ in hashed)
    let_others_run()
    facts = {
        "files": len(hashed),
        "bytes": sum(stamp[2] for _, _, stamp in hashed),
        "empty_directories": empty_directories,
    } | ({"symlinks": symlinks} if symlinks else {})
    return Outcome.of_manifest(manifest, TREE_FORMAT, facts=facts, gaps=(NOT_COVERED,))


def _hash_files(scan: Scan) -> list[HashedFile]:
    """Hash every file, a large one once however many names it has; changes meanwhile are for the second look to see."""
    view, large, hashed = read_buffer(), dict[Stamp, _Path](), list[HashedFile]()
    for name, path in in_turns(scan.files, FILES_AT_ONCE):
        fd = open_file(path, name)
        try:
            stamp = stamp_open(fd, name)
            if stamp[2] < LARGE:
                digits = read_digest(fd, 0, stamp[2], name, view)
            else:
                large[stamp], digits = (name, path), ""
        except OSError as error:
            raise unreadable(error, name) from error
        finally:
            os.close(fd)
        hashed.append((name, digits, stamp))
    if large:
        later = _hash_large(large)
        hashed = [(name, digits or later[stamp], stamp) for name, digits, stamp in hashed]
    return hashed


def _hash_large(files: dict[Stamp, _Path]) -> dict[Stamp, str]:
    """Hash large files side by side: one stream of SHA-256 fills one core, and hashlib lets go of the GIL."""
    todo, hashed, problems = deque(files.items()), dict[Stamp, str](), list[CaptureError]()

    def work() -> None:
        view = read_buffer()
        while todo and not problems:
            try:
                stamp, (name, path) = todo.popleft()
                hashed[stamp] = _hash_again(stamp, name, path, view)
            except IndexError:  # another thread took the last one
                return
            except CaptureError as error:
                problems.append(error)

    helpers = min(len(files), os.cpu_count() or 1, MAX_THREADS) - 1
    threads = [threading.Thread(target=work, name="cognify-tree", daemon=True) for _ in range(helpers)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return hashed


def _hash_again(stamp: Stamp, name: bytes, path: bytes, view: memoryview) -> str:
    fd = open_file(path, name)
    try:
        if stamp_open(fd, name) != stamp:
            raise CaptureError(f"changed while hashed: {shown(name)}")
        return read_digest(fd, 0, stamp[2], name, view)
    except OSError as error:
        raise unreadable(error, name) from error
    finally:
        os.close(fd)


def _check_unchanged(before: Scan, after: Scan, hashed: list[HashedFile]) -> None:
    if before is not after and before.files != after.files:
        _check_names(dict(before.files), dict(after.files))
    files = in_turns(before.files, FILES_AT_ONCE)
    for (name, path), (_, _, (device, inode, size, modified)) in zip(files, hashed, strict=True):
        try:
            now = os.lstat(path)
        except OSError as error:
            raise unreadable(error, name) from error
        if now.st_mtime_ns != modified or now.st_size != size or now.st_ino != inode or now.st_dev != device:
            raise CaptureError(f"changed while hashed: {shown(name)}")


def _check_names(before: dict[bytes, bytes], after: dict[bytes, bytes]) -> None:
    for name in sorted(after.keys() - before.keys()):
        raise CaptureError(f"added while hashed: {shown(name)}")
    for name in sorted(before.keys() - after.keys()):
        raise CaptureError(f"vanished while hashed: {shown(name)}")
    for name in sorted(name for name in before if before[name] != after[name]):
        raise CaptureError(f"changed while hashed: {shown(name)}")
