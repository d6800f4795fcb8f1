"""A home made again from a backup: all of it, as its listing says, or nothing."""

from __future__ import annotations

import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from cognify_core.api.backups import FORMAT, LISTING, STORE
from cognify_core.canonical import parse
from cognify_core.errors import ConfigurationError, FormatError
from cognify_core.store.places import make_directory, sync_directory, sync_file

_DRAFT = ".restoring"
_AT_ONCE = 1 << 20
_MOST_LISTED = 256 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that was restored."""

    home: Path
    files: int
    made_at: str
    """When the backup was made, as it says itself."""


def restore_backup(backup: Path, home: Path) -> Restored:
    """Restore a home where there is none, durably.

    Raises:
        ConfigurationError: something is there.
        FormatError: the file is no backup, ends early, or holds other bytes than it lists. Then nothing is left of it.
    """
    if home.exists() and any(home.iterdir()):
        raise ConfigurationError(f"{home} is not empty, and nothing in it is written over: restore into another --home")
    make_directory(home)
    draft = home / _DRAFT
    try:
        draft.mkdir(mode=0o700)
        listing = _extracted(backup, draft)
        for each in sorted(draft.iterdir(), key=lambda each: each.name == STORE):  # a store without keys makes new ones
            each.rename(home / each.name)
        draft.rmdir()
        sync_directory(home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Restored(home, len(listing.files), listing.made_at)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What `backup.json` says."""

    files: Mapping[str, str]
    made_at: str

    @classmethod
    def parse(cls, data: bytes) -> _Listing:
        value = parse(data)
        match value:
            case {"format": str(named), "made_at": str(made_at), "files": dict(files)} if named == FORMAT:
                return cls({name: str(digest) for name, digest in files.items()}, made_at)
        raise FormatError(f"its {LISTING} is none of {FORMAT}: restore it with the Cognify that made it")


def _extracted(backup: Path, draft: Path) -> _Listing:
    found: dict[str, str] = {}
    listing: _Listing | None = None
    with _read(backup) as tar:
        for member in tar:
            if listing is not None:
                raise FormatError(f"{backup} goes on after its {LISTING}")
            content = tar.extractfile(member) if member.type == tarfile.REGTYPE else None
            if content is None or member.name in found:
                raise FormatError(f"{backup} holds {member.name[:200]!r}, which is no file, or is there twice")
            if member.name == LISTING:
                if member.size > _MOST_LISTED:
                    raise FormatError(f"{backup} has a {LISTING} that is too large")
                listing = _Listing.parse(content.read())
            else:
                found[member.name] = _put(content, _within(draft, member.name), member.mode)
    if listing is None:
        raise FormatError(f"{backup} ends before its {LISTING}: it was cut off")
    if wrong := [name for name in found.keys() | listing.files if found.get(name) != listing.files.get(name)]:
        raise FormatError(f"{backup} holds other bytes than it lists: {', '.join(sorted(wrong)[:5])}")
    _sync_folders(draft)
    return listing


@contextmanager
def _read(backup: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(backup, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise FormatError(f"{backup} is no backup, or was cut off: {error}") from error


def _within(draft: Path, name: str) -> Path:
    """Where a file of a backup goes. Raises `FormatError` where that would be outside."""
    parts = PurePosixPath(name).parts
    if not parts or name != "/".join(parts) or name.startswith("/") or {"..", "."} & set(parts) or "\0" in name:
        raise FormatError(f"the backup holds {name[:200]!r}, which names no place in a home")
    return draft.joinpath(*parts)


def _put(content: IO[bytes], to: Path, mode: int) -> str:
    """Write a file, durably; its digest."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = sha256()
    with to.open("xb") as file:
        while data := content.read(_AT_ONCE):
            digest.update(data)
            file.write(data)
    sync_file(to)
    to.chmod(stat.S_IMODE(mode) & 0o755)
    return digest.hexdigest()


def _sync_folders(draft: Path) -> None:
    for each in draft.rglob("*"):
        if each.is_dir():
            sync_directory(each)
    sync_directory(draft)
