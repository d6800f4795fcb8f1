"""Files that somebody handed over, read with care."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

KEY_BYTES = 65_536
"""More than any key or chain of certificates has."""


def read_file(path: Path, most: int) -> bytes:
    """The first bytes of a regular file; of anything else (a pipe, a device) none are waited for.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read(most)
