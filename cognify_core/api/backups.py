"""Backups: one file with a home as it is at one moment, while runs go on being recorded into it.

The file is a tar: stores as SQLite copies them, everything else as it lies, and at its end `backup.json`, which has the
digest of each. Stores come first: what they speak of was written before they spoke of it, and so is in the backup too.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, TypeAlias

from cognify_core.canonical import Json, encode
from cognify_core.errors import ConfigurationError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.seal.passphrases import ENCRYPTED
from cognify_core.store.places import sync_directory, sync_file
from cognify_core.store.sql import database_at
from cognify_core.store.sqlite import Sqlite
from cognify_core.version import RECORDER

if TYPE_CHECKING:
    from cognify_core.settings import Settings

FORMAT = "cognify.backup/v1"
LISTING = "backup.json"
"""The last file of a backup: what is in it."""
STORE = "cognify.db"
Keys: TypeAlias = Literal["encrypted", "clear", "none"]
"""What is done with private keys: taken where they are under a passphrase, taken as they lie, left out."""
_PRIVATE = re.compile(r"(?:workspaces/[^/]+/)?keys/(?:signing|next|log)\.pem")
_PASSING = re.compile(r"\.[^/]+\.[0-9a-f]{16}|.*\.lock|" + re.escape(STORE) + r"-(?:wal|shm|journal)")
"""What is on its way to being a file, or stands only while somebody works."""
_READ_WHOLE = 64 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made."""

    path: Path
    files: int
    size: int
    """Bytes of the backup."""
    store_elsewhere: str | None
    """Where the store is that is not in it: a database has backups of its own."""
    left_out: tuple[str, ...]
    """What is not in it: private keys that were left out, links, sockets."""


def make_backup(settings: Settings, to: Path, *, keys: Keys = "encrypted") -> Backup:
    """Write a backup of the home, for its owner alone (0600), durably.

    Raises:
        ConfigurationError: there is no home; there is a file `to` already, or it would lie in the home; a private key
            is not encrypted, and nobody said what is to become of it.
        StoreError: a store cannot be read.
        OSError: the file cannot be written; nothing of it stays.
    """
    home = settings.home
    if not home.is_dir():
        raise ConfigurationError(f"{home} is no folder: there is nothing to back up; COGNIFY_HOME names another")
    if to.absolute().is_relative_to(home):
        raise ConfigurationError(f"{to} lies in {home} itself: write the backup to another disk")
    if keys == "encrypted":
        _require_encrypted(home)
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{to} is there already, and is not written over: name another file") from None
    try:
        with os.fdopen(descriptor, "wb") as file, closing(tarfile.open(fileobj=file, mode="w")) as tar:
            backup = _Writing(tar, home, keys)
            elsewhere = backup.take_all(settings.store_place, to.parent)
        sync_file(to)
        sync_directory(to.absolute().parent)
    except BaseException:
        to.unlink(missing_ok=True)
        raise
    return Backup(to, len(backup.taken), to.stat().st_size, elsewhere, tuple(backup.left_out))


def _require_encrypted(home: Path) -> None:
    for path, name in _files(home):
        if _PRIVATE.fullmatch(name) and ENCRYPTED not in path.read_bytes():
            raise ConfigurationError(
                f"{path} is a private key in clear: `cognify keys passphrase` encrypts it; else say --without-keys, "
                "and keep keys elsewhere, or --clear-keys, and keep the backup as you keep a key"
            )


def _files(home: Path) -> Iterator[tuple[Path, str]]:
    """All that lies in a home, with its name there; in the same order each time."""
    for folder, folders, names in os.walk(home):
        folders.sort()
        for name in sorted((*names, *(each for each in folders if Path(folder, each).is_symlink()))):
            path = Path(folder, name)
            yield path, path.relative_to(home).as_posix()


@dataclass(slots=True)
class _Writing:
    """A backup that is being written."""

    tar: tarfile.TarFile
    home: Path
    keys: Keys
    taken: dict[str, Json] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def take_all(self, store: Path | str, beside: Path) -> str | None:
        """Put everything in; say which store could not be."""
        stores = {name: path for path, name in _files(self.home) if path.name == STORE and not path.is_symlink()}
        main = database_at(store)
        if isinstance(main, Sqlite):
            stores[STORE] = main.path
        for name, path in sorted(stores.items()):
            if path.is_file():
                self._take_store(path, name, beside)
        for path, name in _files(self.home):
            if name not in self.taken and not _PASSING.fullmatch(path.name):
                self._take(path, name)
        listing: Json = {"format": FORMAT, "made_at": stamp_time(utc_now()), "made_by": RECORDER, "files": self.taken}
        self._add(tarfile.TarInfo(LISTING), encode(listing))
        return None if isinstance(main, Sqlite) else main.place

    def _take_store(self, path: Path, name: str, beside: Path) -> None:
        with TemporaryDirectory(prefix=".cognify-backup-", dir=beside) as folder:
            copy = Path(folder, STORE)
            Sqlite(path).copy(copy)
            self._take(copy, name)

    def _take(self, path: Path, name: str) -> None:
        if self.keys == "none" and _PRIVATE.fullmatch(name):
            self.left_out.append(name)
            return
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                self.left_out.append(name)
                return
            with path.open("rb") as file:
                self._put(name, status, file)
        except FileNotFoundError:
            return  # somebody has put it away meanwhile

    def _put(self, name: str, status: os.stat_result, file: io.BufferedReader) -> None:
        info = tarfile.TarInfo(name)
        info.mode, info.mtime, info.size = stat.S_IMODE(status.st_mode), int(status.st_mtime), status.st_size
        if status.st_size <= _READ_WHOLE:
            self.taken[name] = self._add(info, file.read())
            return
        reading = _Digesting(file)
        self.tar.addfile(info, reading)
        self.taken[name] = reading.digest.hexdigest()

    def _add(self, info: tarfile.TarInfo, data: bytes) -> str:
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))
        return sha256(data).hexdigest()


class _Digesting(io.RawIOBase):
    """A file that is digested as it is read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data
