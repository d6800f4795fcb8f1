"""The immutable flag of a file (`chattr +i`): what the kernel lets nobody write, rename or delete while it is set.

Only root, or who has CAP_LINUX_IMMUTABLE, may set and clear it, and not every file system has it (ioctl_iflags(2)).
"""

from __future__ import annotations

import array
import fcntl
import os
from pathlib import Path

IMMUTABLE, APPEND_ONLY = 0x10, 0x20
_SIZE = array.array("L").itemsize
_GET = (2 << 30) | (_SIZE << 16) | (ord("f") << 8) | 1  # FS_IOC_GETFLAGS = _IOR('f', 1, long)
_SET = (1 << 30) | (_SIZE << 16) | (ord("f") << 8) | 2  # FS_IOC_SETFLAGS = _IOW('f', 2, long)


def flags_of(path: Path) -> int | None:
    """The flags of a file; none where its file system has none, or it cannot be asked."""
    try:
        return _ioctl(path, None)
    except OSError:
        return None


def set_flag(path: Path, flag: int, *, on: bool) -> bool:
    """Set or clear a flag; whether it is so afterwards. Where it is not allowed, nothing happens."""
    try:
        flags = _ioctl(path, None)
        if bool(flags & flag) != on:
            _ioctl(path, flags | flag if on else flags & ~flag)
        return bool(_ioctl(path, None) & flag) == on
    except OSError:
        return False


def _ioctl(path: Path, flags: int | None) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        held = array.array("i", [0, 0]) if flags is None else array.array("i", [flags, 0])  # the kernel takes an int
        fcntl.ioctl(descriptor, _GET if flags is None else _SET, held, True)
        return held[0]
    finally:
        os.close(descriptor)
