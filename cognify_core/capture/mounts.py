"""What lies under a path: a local disk or a network file system, and how much of it is free."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"9p|afs|beegfs|ceph|cifs|coda|davfs|fuse\..*|glusterfs|gpfs|lustre|ncpfs|nfs4?|orangefs|panfs|pvfs2|smb3|smbfs"
    r"|vboxsf|wekafs"
)
"""File system types of other machines' disks."""


def is_network(path: bytes, mounts: bytes | None = None) -> bool:
    """Whether `path` (a real path) lies on a network file system.

    An unlinked file that is held open there keeps its name under another (`.nfs…`), so that the folder cannot be
    removed: holding would disturb the rotation.

    Args:
        path: an absolute path without symlinks.
        mounts: the text of `/proc/self/mountinfo` (proc(5)); read where not given. Where there is none, no.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_bytes()
        except OSError:
            return False
    kind, length = b"", -1
    for point, fstype in _mount_points(mounts):
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= length:  # of two on one point the later one is on top
            kind, length = fstype, len(point)
    return _NETWORK.fullmatch(kind.decode("ascii", "replace")) is not None


def free_bytes(path: bytes) -> int:
    """Bytes that an unprivileged process may still write where `path` lies. Raises `OSError`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def _mount_points(mounts: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in mounts.splitlines():
        fields, _, rest = line.partition(b" - ")
        parts, kind = fields.split(b" "), rest.split(b" ")[0]
        if len(parts) > 4 and kind:
            yield _unescaped(parts[4]), kind


def _unescaped(point: bytes) -> bytes:
    for octal, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        point = point.replace(octal, byte)
    return point
