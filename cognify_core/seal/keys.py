"""The key ring: the folder `COGNIFY_HOME/keys`, with the key that signs here and the public keys that are trusted.

signing.pem                   the private key (0600), made on first use
signing.pub                   its public half; `openssl dgst -verify` reads it
next.pem                      the key that a rotation is about to put in its place (0600)
signer.uri                    who signs instead of `signing.pem`, as in awskms:///alias/NAME
signer.<16 digits>.pub        the public key that was seen first under such a URI
log.pem                       the private key of the ledger's heads (0600), made on first use
log.vkey                      its public half, as C2SP signed notes have it
trusted/<name>.<key id>.pem   one file per pinned key
trusted/<name>.<log id>.vkey  one file per pinned log
trusted/<name>.<root>.crt     one file per pinned time stamping authority
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cognify_core.errors import SigningKeyError
from cognify_core.seal.authorities import PinnedAuthorities
from cognify_core.seal.key_files import explained, read_private, sync_folder, write_once, write_over
from cognify_core.seal.notes import LogKey, LogSigner, new_log_pem
from cognify_core.seal.passphrases import NO_PASSPHRASE, Passphrase, encrypted
from cognify_core.seal.signers import open_known
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

    def __init__(self, path: Path, *, signer: str | None = None, passphrase: Passphrase = NO_PASSPHRASE) -> None:
        """Use a folder.

        Args:
            path: the folder.
            signer: who signs, as a URI; else what `signer.uri` says, else the key in the folder.
            passphrase: of the private keys, where they have one.
        """
        self.path = path
        self._named = signer
        self._passphrase = passphrase
        self._elsewhere: dict[str, Signer] = {}
        self._private = path / "signing.pem"
        self._public = path / "signing.pub"
        self._pins = path / "trusted"
        self._log_private = path / "log.pem"
        self._log_public = path / "log.vkey"
        self.authorities = PinnedAuthorities(self._pins)

    def signer(self) -> Signer:
        """The key that signs here; made, and pinned, the first time.

        Raises:
            SigningKeyError: it is unreadable, readable by others, of the wrong kind, or cannot be made; nobody knows
                its passphrase; who holds it does not answer.
            ConfigurationError: who holds it is named by no URI that is known here.
        """
        if (uri := self.signer_uri) is not None:
            return self._signer_elsewhere(uri)
        with explained(f"cannot use the signing key in {self.path}"):
            if not self._private.exists():
                _refuse_a_lost(self._private, self._public)
                write_once(self._private, self._passphrase.close(new_private_pem()), mode=0o600)
            signer = LocalSigner(self._open(self._private, self._public))
            if not self._public.exists():  # pinned once: a key that is distrusted later stays distrusted
                self.trust(signer.public_key.pem, OWN_NAME)
                write_once(self._public, signer.public_key.pem, mode=0o644)
            elif self._public.read_bytes() != signer.public_key.pem:
                raise SigningKeyError(
                    f"{self._public} is not the public half of {self._private}: one of them was replaced; put it back, "
                    "or move both away, and a new pair is made and pinned"
                )
            return signer

    @property
    def signer_uri(self) -> str | None:
        """Who signs instead of a key in the folder; none where such a key does."""
        if self._named is not None:
            return self._named
        with explained(f"cannot read {self.path}"):
            file = self.path / "signer.uri"
            return file.read_text(encoding="utf-8", errors="replace").strip() if file.exists() else None

    def _signer_elsewhere(self, uri: str) -> Signer:
        if uri not in self._elsewhere:
            self._elsewhere[uri] = open_known(self.path, uri, lambda key: self.trust(key.pem, OWN_NAME))
        return self._elsewhere[uri]

    def _open(self, private: Path, public: Path) -> bytes:
        return self._passphrase.open(read_private(private, public), private)

    def hand_over(self, uri: str, introduce: Callable[[Signer, PublicKey], object]) -> PublicKey:
        """Have a signer elsewhere sign from now on, introduced as in `rotate`; a key in the folder is destroyed.

        Raises:
            ConfigurationError, SigningKeyError: there is no such signer, or it signs already.
        """
        old = self.signer()
        new = self._signer_elsewhere(uri).public_key
        if new == old.public_key:
            raise SigningKeyError(f"{uri} signs already")
        introduce(old, new)
        with explained(f"cannot write to {self.path}"):
            write_over(self.path / "signer.uri", f"{uri}\n".encode())
            for file in (self._private, self._public):
                file.unlink(missing_ok=True)
            sync_folder(self.path)
        return new

    def protect(self, passphrase: bytes | None) -> list[Path]:
        """Put the private keys in the folder under another passphrase, or under none; return their files.

        Raises:
            SigningKeyError: nobody knows the one that they have; they cannot be read or written.
        """
        done = []
        with explained(f"cannot rewrite the private keys in {self.path}"):
            for file in (self._private, self._log_private, self.path / "next.pem"):
                if file.exists():
                    pem = self._open(file, file)
                    write_over(file, pem if passphrase is None else encrypted(pem, passphrase))
                    done.append(file)
        return done

    def rotate(self, introduce: Callable[[Signer, PublicKey], object]) -> PublicKey:
        """Have another key sign from now on; the old public key stays pinned, the old private key is destroyed.

        `introduce` says so with the old key, where that has not been said: after a crash, `rotate` goes on with the
        key that it had made.

        Raises:
            SigningKeyError: a key is unreadable, or cannot be made.
        """
        old = self.signer()
        if self.signer_uri is not None:
            raise SigningKeyError(
                f"{self.signer_uri} signs here: name its successor with `cognify keys rotate --to URI`"
            )
        with explained(f"cannot rotate the signing key in {self.path}"):
            following = self.path / "next.pem"
            if not following.exists():
                write_once(following, self._passphrase.close(new_private_pem()), mode=0o600)
            new = LocalSigner(self._open(following, following)).public_key
            introduce(old, new)
            self._public.unlink(missing_ok=True)  # without it, `signer` pins whatever key is there: the old, or the new
            following.replace(self._private)
            sync_folder(self.path)
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
        with explained(f"cannot use the log's key in {self.path}"):
            if not self._log_private.exists():
                _refuse_a_lost(self._log_private, self._log_public)
                write_once(self._log_private, self._passphrase.close(new_log_pem()), mode=0o600)
            signer = LogSigner(self._open(self._log_private, self._log_public))
            text = f"{signer.key}\n".encode()
            if not self._log_public.exists():
                self.trust_log(signer.key, OWN_NAME)
                write_once(self._log_public, text, mode=0o644)
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
        with explained(f"cannot read the trusted keys in {self._pins}"):
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
            with explained(f"cannot write to {self._pins}"):
                write_once(self._pins / file_name, f"{key}\n".encode(), mode=0o644)

    def distrust_log(self, which: str) -> list[LogKey]:
        """Unpin the logs of a name, or the log whose id begins with `which` (at least 8 digits); return them."""
        gone = [
            pin
            for pin in self.pinned_logs()
            if pin.name == which or (len(which) >= 8 and pin.key.log_id.hex().startswith(which))
        ]
        with explained(f"cannot remove a key from {self._pins}"):
            for pin in gone:
                (self._pins / f"{pin.name}.{pin.key.log_id.hex()}.vkey").unlink(missing_ok=True)
        return [pin.key for pin in gone]

    def pinned(self) -> list[PinnedKey]:
        """The trusted keys with their names, by name.

        Raises:
            SigningKeyError: a file among them does not hold the key that it is named for.
        """
        with explained(f"cannot read the trusted keys in {self._pins}"):
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
            with explained(f"cannot write to {self._pins}"):
                write_once(self._pins / file_name, key.pem, mode=0o644)
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
        with explained(f"cannot remove a key from {self._pins}"):
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
