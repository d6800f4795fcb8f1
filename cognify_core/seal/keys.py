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

from collections.abc import Callable
from pathlib import Path

from cognify_core.errors import SigningKeyError
from cognify_core.seal.authorities import pinned_authorities
from cognify_core.seal.key_files import explained, read_private, write_once, write_over
from cognify_core.seal.notes import LogKey, LogSigner, new_log_pem
from cognify_core.seal.passphrases import NO_PASSPHRASE, Passphrase, encrypted
from cognify_core.seal.pins import Form, Pin, Pins
from cognify_core.seal.signers import known_key_file, open_known
from cognify_core.seal.signing import LocalSigner, PublicKey, Signer, new_private_pem
from cognify_core.store.places import sync_directory

OWN_NAME = "this-machine"


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
        self._log_private = path / "log.pem"
        self._log_public = path / "log.vkey"
        pins = path / "trusted"
        self._signers: Pins[PublicKey] = Pins(
            pins, Form("pem", PublicKey.parse, lambda key: key.pem, lambda key: key.key_id)
        )
        self.logs: Pins[LogKey] = Pins(pins, Form("vkey", _parse_log, _log_line, lambda key: key.log_id.hex()))
        """The logs that are trusted."""
        self.authorities = pinned_authorities(pins)
        """The time stamping authorities that are trusted."""

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

    def signing(self) -> frozenset[str]:
        """Ids of the keys that sign seals and heads here now. None is made, asked for elsewhere, or opened.

        Raises:
            SigningKeyError: a public key is unreadable.
        """
        with explained(f"cannot read {self.path}"):
            public = self._public if (uri := self.signer_uri) is None else known_key_file(self.path, uri)
            seals = [PublicKey.parse(public.read_bytes()).key_id] if public.exists() else []
            heads = [self._log_public] if self._log_public.exists() else []
            return frozenset((*seals, *(_parse_log(file.read_bytes()).log_id.hex() for file in heads)))

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
            sync_directory(self.path)
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
            sync_directory(self.path)
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
            text = _log_line(signer.key)
            if not self._log_public.exists():
                self.logs.trust(text, OWN_NAME)
                write_once(self._log_public, text, mode=0o644)
            elif self._log_public.read_bytes() != text:
                raise SigningKeyError(
                    f"{self._log_public} is not the public half of {self._log_private}: one of them was replaced; put "
                    "it back"
                )
            return signer

    def pinned(self) -> list[Pin[PublicKey]]:
        """The trusted signers' keys with their names, by name.

        Raises:
            SigningKeyError: a file among them does not hold the key that it is named for.
        """
        return self._signers.pinned()

    def trusted(self) -> list[PublicKey]:
        """The trusted signers' keys."""
        return list(self._signers.trusted())

    def trust(self, pem: bytes, name: str) -> PublicKey:
        """Pin a signer's public key under a name.

        Raises:
            SigningKeyError: it is not a P-256 public key, or the name cannot be a file name.
        """
        return self._signers.trust(pem, name)

    def distrust(self, which: str) -> list[PublicKey]:
        """Unpin the signers' keys of a name, or the key whose id begins with `which`; return them.

        Raises:
            SigningKeyError: nothing is pinned by that name or id.
        """
        gone = self._signers.distrust(which)
        if not gone:
            names = ", ".join(pin.name for pin in self.pinned()) or "none"
            raise SigningKeyError(f"no trusted key answers to {which!r}; trusted are: {names}")
        return gone


def _refuse_a_lost(private: Path, public: Path) -> None:
    """A key that was here and is gone is not replaced unseen: what the new one signs, nobody has pinned."""
    if public.exists() and not private.exists():  # another process may have made both meanwhile
        raise SigningKeyError(
            f"{private} is gone, and {public} is still there: put it back, or move the other away "
            "as well, and a new pair is made and pinned"
        )


def _parse_log(line: bytes) -> LogKey:
    return LogKey.parse(line.decode("utf-8", "replace"))


def _log_line(key: LogKey) -> bytes:
    return f"{key}\n".encode()
