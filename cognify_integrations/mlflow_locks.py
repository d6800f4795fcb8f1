"""Locks on names between the workers of one server: the kernel lets go of them with the process, however that ends.

A name is one byte of one file, which stays empty; where it lies follows from the name's digest. The locks are those of
open file descriptions (fcntl(2), `F_OFD_SETLK`): two of them in one process exclude each other as two processes do, and
closing another descriptor of the file lets go of nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from hashlib import sha256
from pathlib import Path

_POLL_SECONDS = 0.02
_BUSY = (errno.EAGAIN, errno.EACCES)


class Locks:
    """One holder of locks in a file, which is created for its owner alone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self, name: str) -> bool:
        """Hold a name together with others that share it; whether nobody has it alone."""
        return self._set(fcntl.F_RDLCK, name)

    def take(self, name: str, seconds: float = 0.0) -> bool:
        """Hold a name alone, once nobody else does; whether that came in time."""
        deadline = time.monotonic() + seconds
        while not self._set(fcntl.F_WRLCK, name):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def release(self, name: str) -> None:
        """Let go of a name."""
        self._set(fcntl.F_UNLCK, name)

    def close(self) -> None:
        """Let go of all of them."""
        os.close(self._descriptor)

    def _set(self, kind: int, name: str) -> bool:
        """`struct flock`: the kind, from the file's start, the byte, one of it, no process."""
        byte = int.from_bytes(sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]) >> 2
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0))
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True
