"""A checkpoint that is one file: opened now and hashed later, as `hold.py` does with folders."""

from __future__ import annotations

import os
from pathlib import Path

from cognify_core.capture.files import FileHash, Stamp, hash_open, open_file, shown, stamp_open
from cognify_core.capture.hold import ROTATED, HeldTree, Opened, no_descriptor_left
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CaptureError
from cognify_core.model.digest import Digest


def hold_file(path: Path, *, limit: int = 1) -> HeldFile:
    """Open the file at `path`, following symlinks; where `limit` is 0, remember what it is and close it again.

    Never raises for what it finds: what is wrong with the file is the outcome's reason.
    """
    name = os.fsencode(path.name)
    try:
        fd = open_file(os.fsencode(path), name)
    except CaptureError as error:
        return HeldFile(path, problem=None if no_descriptor_left(error) else error.reason)
    try:
        held = HeldFile(path, [Opened(name, fd, stamp_open(fd, name))])
    except CaptureError as error:
        os.close(fd)
        return HeldFile(path, problem=error.reason)
    if limit < 1:
        held.let_go()
    return held


class HeldFile(HeldTree):
    """One file as it was at one moment, to be hashed once, from any thread; its digest is the SHA-256 of its bytes."""

    shares = 1

    def _from_open(self) -> Outcome:
        name, fd, stamp = self._opened[0]
        return _outcome(hash_open(fd, name, before=stamp))

    def _by_name(self) -> Outcome:
        name = os.fsencode(self.path.name)
        try:
            fd = open_file(os.fsencode(self.path), name)
        except CaptureError as error:
            raise CaptureError(ROTATED if error.reason.startswith("vanished") else error.reason) from error
        try:
            now = stamp_open(fd, name)
            self._check_same(name, now)
            return _outcome(hash_open(fd, name, before=now))
        finally:
            os.close(fd)

    def _check_same(self, name: bytes, now: Stamp) -> None:
        before = self._stamps.get(name)
        if now[:2] != (before[:2] if before else self._identity):
            raise CaptureError(ROTATED)
        if before is not None and now != before:
            raise CaptureError(f"changed before hashed: {shown(name)}")


def _outcome(hashed: FileHash) -> Outcome:
    return Outcome("content", Digest(hashed.hex), facts={"bytes": hashed.size})
