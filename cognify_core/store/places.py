"""Where a store's file lies: its directory, whether a network lies between, and locks on files."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_NETWORK = re.compile(
    r"9p|afs|beegfs|ceph|cifs|davfs|glusterfs|gpfs|lustre|ncpfs|nfs\d?|orangefs|panfs|smb\d?|smbfs|wekafs"
    r"|fuse\.(sshfs|ceph|curlftpfs|davfs2?|gcsfuse|glusterfs|goofys|juicefs|mount-s3|rclone|s3fs|smbnetfs)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")
_POLL_SECONDS = 0.02


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network file system that `path` (which need not exist) lies on; none where it is local.

    `mounts` is in the format of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)). Where there is no such file, nothing
    is known, and the file system is taken for local.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = Path(os.path.realpath(path))
    found, depth = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4]))
        if place.is_relative_to(point) and len(point.parts) >= depth:  # of two mounts on one point, the later is on top
            found, depth = after.split(" ")[0], len(point.parts)
    return found if _NETWORK.fullmatch(found) else None


def make_directory(directory: Path) -> None:
    """Create `directory` for its owner alone (0700), its parents as usual; durable when this returns.

    Raises:
        OSError: it cannot be created.
    """
    if directory.is_dir():
        return
    for parent in reversed([parent for parent in directory.parents if not parent.exists()]):
        parent.mkdir(exist_ok=True)
        sync_directory(parent.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


def make_file(path: Path) -> None:
    """Create an empty file for its owner alone (0600), where there is none; not yet durable.

    An existing file is not even opened: closing it would let go of the locks that SQLite holds on it in this process
    (fcntl(2), advisory record locking).

    Raises:
        OSError: it cannot be created.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def sync_file(path: Path) -> None:
    """Make the bytes of `path` durable, where there is such a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Put `data` there whole or not at all, and durably; never through a link that somebody has put there.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    put_all_in_place(path.parent, {path.name: data}, mode=mode)


def put_all_in_place(directory: Path, files: Mapping[str, bytes], *, mode: int = 0o666) -> None:
    """Put files there by their names as `put_in_place` does, each whole or not at all; all are durable at the end.

    All are written before any is waited for: a disk takes two hundred little files in half the time then.

    Raises:
        OSError: one cannot be written; where it is not there, what was there stays.
    """
    drafts = {name: directory / f".{name}.{secrets.token_hex(8)}" for name in files}
    try:
        for name, draft in drafts.items():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
                file.write(files[name])
        for draft in drafts.values():
            sync_file(draft)
        for name, draft in drafts.items():
            draft.replace(directory / name)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Make the entries of `directory` durable: a file's own fsync does not."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # a file system that syncs no directories; one never written
            raise
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock on the directory or file `path` (a file is created), which the end of the process lets go.

    Raises:
        TimeoutError: somebody else held it for `seconds`.
        OSError: it cannot be opened, or its file system has no locks.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        _wait(descriptor, path, time.monotonic() + seconds)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a forked child may hold the descriptor too
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process holds the lock", str(path)) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
