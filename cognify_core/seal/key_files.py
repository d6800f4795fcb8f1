"""Files with keys in them: private ones that nobody else may read, and all of them written once and durably."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cognify_core.errors import SigningKeyError
from cognify_core.store.places import put_in_place, sync_directory


def read_private(private: Path, public: Path) -> bytes:
    """The bytes of a private key's file.

    Raises:
        SigningKeyError: others can read it, too.
    """
    mode = stat.S_IMODE(private.stat().st_mode)
    if mode & 0o077:
        raise SigningKeyError(
            f"{private} can be read by others (mode {mode:04o}); if nobody has, `chmod 600` it, "
            f"else move it and {public.name} away, and a new key is made"
        )
    return private.read_bytes()


def write_once(target: Path, data: bytes, *, mode: int) -> None:
    """Write a file whole and durably, or leave the one that is there: `link` never replaces."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first, and what it wrote is whole
            os.link(draft, target)
    finally:
        draft.unlink()
    sync_directory(target.parent)


def write_over(target: Path, data: bytes) -> None:
    """Put a private key's file in the place of another, whole and durably."""
    put_in_place(target, data, mode=0o600)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Make of what the system raises in the block an error that says what was wanted.

    Raises:
        SigningKeyError: the system raised something.
    """
    try:
        yield
    except OSError as error:
        raise SigningKeyError(
            f"{what}: {error.strerror or error}; make the folder writable, or point COGNIFY_HOME at another"
        ) from error
