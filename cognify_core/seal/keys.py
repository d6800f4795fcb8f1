"""The key ring: the folder `COGNIFY_HOME/keys`, with the key that signs here and the public keys that are trusted.

signing.pem                   the private key (0600), made on first use
signing.pub                   its public half; `openssl dgst -verify` reads it
next.pem                      the key that a rotation is about to put in its place (0600)
log.pem                       the private key of the ledger's heads (0600), made on first use
log.vkey                      its public half, as C2SP signed notes have it
trusted/<name>.<key id>.pem   one file per pinned key
trusted/<name>.<log id>.vkey  one file per pinned log
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cognify_core.errors import SigningKeyError
from cognify_core.seal.notes import LogKey, LogSigner, new_log_pem
from cognify_core.seal.signing import LocalSigner, PublicKey, Signer, new_private_pem

OWN_NAME = "this-machine"
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.@-]{0,63})\.(?P<key_id>[0-9a-f]{64})\.pem")
_PINNED_LOG = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.@-]{0,63})\.(?P<log_id>[0-9a-f]{64})\.vkey")


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A public key that somebody here decided to trust, under the name that they gave it."""

    name: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class PinnedLog:
    """A log's key that somebody here decided to trust."""

    name: str
    key: LogKey


class KeyRing:
    """The keys under one folder. Several processes may use it at once; nothing is ever overwritten."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._private = path / "signing.pem"
        self._public = path / "signing.pub"
        self._pins = path / "trusted"
        self._log_private = path / "log.pem"
        self._log_public = path / "log.vkey"

    def signer(self) -> Signer:
        """The key that signs here; made, and pinned, the first time.

        Raises:
            SigningKeyError: it is unreadable, readable by others, of the wrong kind, or cannot be made.
        """
        with _explained(f"cannot use the signing key in {self.path}"):
            if not self._private.exists():
                _refuse_a_lost(self._private, self._public)
                _write_once(self._private, new_private_pem(), mode=0o600)
            signer = LocalSigner(_read_private(self._private, self._public))
            if not self._public.exists():  # pinned once: a key that is distrusted later stays distrusted
                self.trust(signer.public_key.pem, OWN_NAME)
                _write_once(self._public, signer.public_key.pem, mode=0o644)
            elif self._public.read_bytes() != signer.public_key.pem:
                raise SigningKeyError(
                    f"{self._public} is not the public half of {self._private}: one of them was replaced; put it back, "
                    "or move both away, and a new pair is made and pinned"
                )
            return signer

    def rotate(self, introduce: Callable[[Signer, PublicKey], object]) -> PublicKey:
        """Have another key sign from now on; the old public key stays pinned, the old private key is destroyed.

        `introduce` says so with the old key, where that has not been said: after a crash, `rotate` goes on with the
        key that it had made.

        Raises:
            SigningKeyError: a key is unreadable, or cannot be made.
        """
        old = self.signer()
        with _explained(f"cannot rotate the signing key in {self.path}"):
            following = self.path / "next.pem"
            if not following.exists():
                _write_once(following, new_private_pem(), mode=0o600)
            new = LocalSigner(_read_private(following, following)).public_key
            introduce(old, new)
            self._public.unlink(missing_ok=True)  # without it, `signer` pins whatever key is there: the old, or the new
            following.replace(self._private)
            _sync_folder(self.path)
        return self.signer().public_key

    @property
    def has_log(self) -> bool:
        """Whether a ledger was begun with these keys."""
        return self._log_private.exists() or self._log_public.exists()

    def log(self) -> LogSigner:
        """The key that signs the ledger's heads; made, and pinned, the first time.

        Raises:
            SigningKeyError: it is unreadable, readable by others, of the wrong kind, or cannot be made.
        """
        with _explained(f"cannot use the log's key in {self.path}"):
            if not self._log_private.exists():
                _refuse_a_lost(self._log_private, self._log_public)
                _write_once(self._log_private, new_log_pem(), mode=0o600)
            signer = LogSigner(_read_private(self._log_private, self._log_public))
            text = f"{signer.key}\n".encode()
            if not self._log_public.exists():
                self.trust_log(signer.key, OWN_NAME)
                _write_once(self._log_public, text, mode=0o644)
            elif self._log_public.read_bytes() != text:
                raise SigningKeyError(
                    f"{self._log_public} is not the public half of {self._log_private}: one of them was replaced; put "
                    "it back"
                )
            return signer

    def pinned_logs(self) -> list[PinnedLog]:
        """The trusted logs with their names, by name.

        Raises:
            SigningKeyError: a file among them does not hold the key that it is named for.
        """
        with _explained(f"cannot read the trusted keys in {self._pins}"):
            found = [(path, match) for path in self._pin_files() if (match := _PINNED_LOG.fullmatch(path.name))]
            return [PinnedLog(match["name"], _read_pinned_log(path, match["log_id"])) for path, match in found]

    def trusted_logs(self) -> list[LogKey]:
        """The trusted logs."""
        return [pin.key for pin in self.pinned_logs()]

    def trust_log(self, key: LogKey, name: str) -> None:
        """Pin a log's key under a name, as `trust` does a signer's.

        Raises:
            SigningKeyError: the name cannot be a file name.
        """
        if not _PINNED_LOG.fullmatch(file_name := f"{name}.{key.log_id.hex()}.vkey"):
            raise SigningKeyError(f"{name[:80]!r} cannot name a key: use up to 64 letters, digits, _ . @ and -")
        if key not in self.trusted_logs():
            with _explained(f"cannot write to {self._pins}"):
                _write_once(self._pins / file_name, f"{key}\n".encode(), mode=0o644)

    def distrust_log(self, which: str) -> list[LogKey]:
        """Unpin the logs of a name, or the log whose id begins with `which` (at least 8 digits); return them."""
        gone = [
            pin
            for pin in self.pinned_logs()
            if pin.name == which or (len(which) >= 8 and pin.key.log_id.hex().startswith(which))
        ]
        with _explained(f"cannot remove a key from {self._pins}"):
            for pin in gone:
                (self._pins / f"{pin.name}.{pin.key.log_id.hex()}.vkey").unlink(missing_ok=True)
        return [pin.key for pin in gone]

    def pinned(self) -> list[PinnedKey]:
        """The trusted keys with their names, by name.

        Raises:
            SigningKeyError: a file among them does not hold the key that it is named for.
        """
        with _explained(f"cannot read the trusted keys in {self._pins}"):
            found = [(path, match) for path in self._pin_files() if (match := _PINNED.fullmatch(path.name))]
            return [PinnedKey(match["name"], _read_pin(path, match["key_id"])) for path, match in found]

    def trusted(self) -> list[PublicKey]:
        """The trusted keys."""
        return [pin.key for pin in self.pinned()]

    def trust(self, pem: bytes, name: str) -> PublicKey:
        """Pin a public key under a name of letters, digits, `_`, `.`, `@` and `-`; pinning it twice changes nothing.

        Raises:
            SigningKeyError: it is not a P-256 public key, or the name cannot be a file name.
        """
        key = PublicKey.parse(pem)
        if not _PINNED.fullmatch(file_name := f"{name}.{key.key_id}.pem"):
            raise SigningKeyError(f"{name[:80]!r} cannot name a key: use up to 64 letters, digits, _ . @ and -")
        if key not in self.trusted():
            with _explained(f"cannot write to {self._pins}"):
                _write_once(self._pins / file_name, key.pem, mode=0o644)
        return key

    def distrust(self, which: str) -> list[PublicKey]:
        """Unpin the keys of a name, or the key whose id begins with `which` (at least 8 digits); return them.

        Raises:
            SigningKeyError: nothing is pinned by that name or id.
        """
        gone = [pin for pin in self.pinned() if _answers(pin, which)]
        if not gone:
            names = ", ".join(pin.name for pin in self.pinned()) or "none"
            raise SigningKeyError(f"no trusted key answers to {which!r}; trusted are: {names}")
        with _explained(f"cannot remove a key from {self._pins}"):
            for pin in gone:
                (self._pins / f"{pin.name}.{pin.key.key_id}.pem").unlink(missing_ok=True)
        return [pin.key for pin in gone]

    def _pin_files(self) -> list[Path]:
        return sorted(self._pins.iterdir()) if self._pins.is_dir() else []


def _refuse_a_lost(private: Path, public: Path) -> None:
    """A key that was here and is gone is not replaced unseen: what the new one signs, nobody has pinned."""
    if public.exists() and not private.exists():  # another process may have made both meanwhile
        raise SigningKeyError(
            f"{private} is gone, and {public} is still there: put it back, or move the other away "
            "as well, and a new pair is made and pinned"
        )


def _read_private(private: Path, public: Path) -> bytes:
    mode = stat.S_IMODE(private.stat().st_mode)
    if mode & 0o077:
        raise SigningKeyError(
            f"{private} can be read by others (mode {mode:04o}); if nobody has, `chmod 600` it, "
            f"else move it and {public.name} away, and a new key is made"
        )
    return private.read_bytes()


def _read_pinned_log(path: Path, log_id: str) -> LogKey:
    key = LogKey.parse(path.read_text(encoding="utf-8", errors="replace"))
    if key.log_id.hex() != log_id:
        raise SigningKeyError(f"{path} does not hold the key that its name says; remove it and pin the key again")
    return key


def _answers(pin: PinnedKey, which: str) -> bool:
    return pin.name == which or (len(which) >= 8 and pin.key.key_id.startswith(which))


def _read_pin(path: Path, key_id: str) -> PublicKey:
    key = PublicKey.parse(path.read_bytes())
    if key.key_id != key_id:
        raise SigningKeyError(f"{path} does not hold the key that its name says; remove it and pin the key again")
    return key


def _write_once(target: Path, data: bytes, *, mode: int) -> None:
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
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SigningKeyError(
            f"{what}: {error.strerror or error}; make the folder writable, or point COGNIFY_HOME at another"
        ) from error
