"""A folder as a vault: files that are written once and read-only, made immutable where the system allows it.

`<folder>/<key>` is the object; its version is the SHA-256 of its bytes, so a file that somebody changed is no longer
that version. `<folder>/.locks/<key>` says what was asked of it, one canonical JSON line each time, appended.

Trusted for little: a read-only file goes when its owner wants it to, and is `unlocked`. Only the immutable flag
(`chattr +i`, root alone) is a lock, and root can clear it: GOVERNANCE at best.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError, VaultConflictError, VaultError, VaultRefusedError, VaultUnavailableError
from cognify_core.model.digest import Digest
from cognify_core.model.names import utc_now
from cognify_core.store.places import make_directory, sync_directory
from cognify_core.vault.flags import APPEND_ONLY, IMMUTABLE, flags_of, set_flag
from cognify_core.vault.keys import check_key
from cognify_core.vault.protocol import Finding, Lock, Mode, Reading
from cognify_core.vault.uri import VaultUri

_LOCKS = ".locks"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The last line of an object's locks."""

    until: datetime
    held: bool


class FolderVault:
    """A `Vault` (see `protocol`, where the promises are) in a folder."""

    def __init__(self, where: VaultUri) -> None:
        self.uri = where.place
        self._folder = Path(f"/{where.prefix}")
        self._immutable = where.options.get("immutable", "auto") != "no"

    def put_once(self, key: str, data: bytes, lock: Lock) -> Reading:
        """Write a draft, link it to its place (which fails where there is a file), and lock it."""
        version = Digest.of(data)
        with _in_our_words(self.uri):
            path = self._path(key)
            make_directory(path.parent)
            draft = path.with_name(f".{secrets.token_hex(8)}.draft")
            try:
                _write(draft, data)
                os.link(draft, path)
            except FileExistsError:
                if self._digest(path) != version:
                    raise VaultConflictError(f"{self.uri}/{key} has other bytes already; they stay") from None
            finally:
                draft.unlink(missing_ok=True)
            sync_directory(path.parent)
        return self.extend(key, version.hex, lock)

    def look(self, key: str, version: str) -> Reading:
        """Hash the file, and read its flags and the last line of its locks."""
        now = utc_now()
        with _in_our_words(self.uri):
            path = self._path(key)
            digest = self._digest(path)
            if digest is None or digest.hex != version:
                return Reading(key, version, now)
            asked = self._asked(key)
            immutable = bool((flags_of(path) or 0) & IMMUTABLE)
            return Reading(
                key=key,
                version=version,
                read_at=now,
                digest=digest,
                size=path.stat().st_size,
                mode=Mode.GOVERNANCE if immutable and asked else None,
                until=asked.until if asked else None,
                held=asked.held if asked and immutable else False,
            )

    def read(self, key: str, version: str) -> bytes:
        """Read the file, and check that it is that version."""
        with _in_our_words(self.uri):
            path = self._path(key)
            data = _read(path) if path.is_file() else b""
        if Digest.of(data).hex != version:
            raise VaultError(f"{self.uri}/{key} is not there in the version {version}")
        return data

    def extend(self, key: str, version: str, lock: Lock) -> Reading:
        """Write down what is asked for now, as far as it is more than before, and set the flag."""
        there = self.look(key, version)
        if there.digest is not None:
            with _in_our_words(self.uri):
                asked = self._asked(key)
                until = max(lock.until, asked.until) if asked else lock.until
                self._ask(key, _Asked(until, lock.held or bool(asked and asked.held)), asked)
                if self._immutable:
                    set_flag(self._path(key), IMMUTABLE, on=True)
        return self.look(key, version)

    def hold(self, key: str, version: str, *, on: bool) -> Reading:
        """Write the hold down."""
        there = self.look(key, version)
        if there.digest is not None:
            with _in_our_words(self.uri):
                asked = self._asked(key)
                self._ask(key, _Asked(asked.until if asked else there.read_at.replace(microsecond=0), on), asked)
        return self.look(key, version)

    def archive(self, days: int) -> str:
        """There is no cheaper class of file."""
        return f"a folder has one storage class: what is older than {days} days stays where it is"

    def remove(self, key: str, version: str) -> None:
        """Delete the file, if its time has come and nothing holds it."""
        there = self.look(key, version)
        if there.digest is None:
            return
        with _in_our_words(self.uri):
            asked, path = self._asked(key), self._path(key)
            if asked and (asked.held or asked.until > there.read_at):
                until = f"until {asked.until:{_TIME}}" if not asked.held else "by a hold without a date"
                raise VaultRefusedError(f"{self.uri}/{key} is kept {until}")
            set_flag(path, IMMUTABLE, on=False)
            path.unlink()
            sync_directory(path.parent)

    def versions(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Every file, with the digest of its bytes."""
        for path in sorted(self._folder.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and not any(part.startswith(".") for part in Path(key).parts):
                digest = self._digest(path)
                if digest is not None:
                    yield key, digest.hex

    def examine(self) -> list[Finding]:
        """Whether the folder can be written to, and whether files in it can be made immutable."""
        place = next(path for path in (self._folder, *self._folder.parents) if path.exists())
        writable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        findings = [Finding("folder", writable, f"{self._folder} can{'' if writable else 'not'} be written to")]
        if flags_of(place) is None:
            findings.append(
                Finding("lock", None, "the file system has no immutable flag: files are read-only, unlocked")
            )
        elif os.geteuid() != 0:
            findings.append(Finding("lock", None, "only root may make files immutable: they are read-only, unlocked"))
        elif not self._immutable:
            findings.append(Finding("lock", None, "immutable=no: files are read-only, unlocked"))
        else:
            findings.append(Finding("lock", True, "files are made immutable (chattr +i); root can clear that"))
        return findings

    def _path(self, key: str) -> Path:
        """Where an object lies; never outside of the folder, whatever links lie in it."""
        path = self._folder / check_key(key)
        if not path.parent.resolve().is_relative_to(self._folder.resolve()):
            raise VaultError(f"{path} leads out of the vault by a link")
        return path

    def _digest(self, path: Path) -> Digest | None:
        return None if path.is_symlink() or not path.is_file() else Digest.of(_read(path))

    def _asked(self, key: str) -> _Asked | None:
        """What was asked of an object last; a line that a crash cut off was never acknowledged."""
        path = self._folder / _LOCKS / key
        if not path.is_file():
            return None
        for line in reversed(path.read_bytes().split(b"\n")):
            if (asked := _parsed(line)) is not None:
                return asked
        return None

    def _ask(self, key: str, asked: _Asked, before: _Asked | None) -> None:
        if asked == before:
            return
        path = self._folder / _LOCKS / key
        make_directory(path.parent)
        line = encode({"at": f"{utc_now():{_TIME}}", "held": asked.held, "until": f"{asked.until:{_TIME}}"})
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b"\n" + line + b"\n")  # a line of its own, whatever a crash has left before it
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if self._immutable:
            set_flag(path, APPEND_ONLY, on=True)
        sync_directory(path.parent)


def _parsed(line: bytes) -> _Asked | None:
    try:
        said = parse(line)
        assert isinstance(said, dict)  # noqa: S101 - caught below
        until = datetime.strptime(str(said["until"]), _TIME).replace(tzinfo=UTC)
        return _Asked(until, said["held"] is True)
    except (FormatError, ValueError, KeyError, AssertionError):
        return None


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()


@contextmanager
def _in_our_words(uri: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise VaultRefusedError(f"{uri}: {error.filename}: {error.strerror}") from error
    except OSError as error:
        raise VaultUnavailableError(f"{uri}: {error.filename}: {error.strerror}") from error
