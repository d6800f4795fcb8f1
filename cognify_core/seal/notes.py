"""Signed notes (C2SP signed-note) and tree heads (C2SP tlog-checkpoint), with Ed25519 keys.

A log's key is a line of text, `<origin>+<hash>+<base64>`, which names the log and checks its notes. It is another key
than the one that signs seals: who can make a head cannot make a seal.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cognify_core.errors import FormatError, SigningKeyError, VerificationError
from cognify_core.merkle import HASH_SIZE
from cognify_core.seal.encoding import base64_text, strict_base64

ED25519 = b"\x01"
ORIGIN_PREFIX = "cognify.dev/ledger/"
MAX_NOTE = 1 << 16
"""No head has more bytes."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A log's name and public key."""

    origin: str
    public: bytes
    """32 bytes."""

    def __post_init__(self) -> None:
        if not self.origin or "+" in self.origin or any(mark.isspace() for mark in self.origin):
            raise SigningKeyError(f"{self.origin[:80]!r} cannot name a log: no spaces, no plus sign, not empty")
        if not self.origin.isascii() or not self.origin.isprintable() or len(self.public) != HASH_SIZE:
            raise SigningKeyError("a log's name is printable ASCII, and its key has 32 bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key's line, with or without its line end.

        Raises:
            SigningKeyError: it is not such a line.
        """
        parts = text.removesuffix("\n").split("+", 2)
        if len(parts) != 3:
            raise SigningKeyError("not a log's key: that is one line, <origin>+<hash>+<base64>")
        try:
            data = strict_base64(parts[2])
        except FormatError as error:
            raise SigningKeyError(f"not a log's key: {error}") from error
        if data[:1] != ED25519:
            raise SigningKeyError("not a log's key: only Ed25519 (type 1) is known here")
        key = cls(parts[0], data[1:])
        if str(key) != text.removesuffix("\n"):
            raise SigningKeyError("not a log's key: its hash is not that of its name and key")
        return key

    def __str__(self) -> str:
        return f"{self.origin}+{self.log_id[:4].hex()}+{base64_text(ED25519 + self.public)}"

    @property
    def log_id(self) -> bytes:
        """SHA-256 over name, type and key: 32 bytes, of which notes carry the first four."""
        return sha256(self.origin.encode() + b"\n" + ED25519 + self.public).digest()

    def verify(self, text: bytes, signature: bytes) -> None:
        """Check an Ed25519 signature.

        Raises:
            VerificationError: this key did not make it.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the log {self.origin} did not sign this head") from error


@dataclass(frozen=True, slots=True)
class Head:
    """A tree head: how many leaves a log had, and the root over them."""

    origin: str
    size: int
    root: bytes

    def encode(self) -> bytes:
        """The note's text (tlog-checkpoint): three lines."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head with the signatures under it, as the bytes that were signed."""

    head: Head
    note: bytes
    """The whole: text, an empty line, signature lines."""

    @classmethod
    def parse(cls, note: bytes) -> Self:
        """Read a note, and only what is written as one; nothing is verified.

        Raises:
            FormatError: it is none, or not a tree head's.
        """
        _text, head, _signatures = _split(note)
        return cls(head, note)

    def verify(self, key: LogKey) -> Head:
        """Check that `key` signed it; signatures of others (witnesses) are passed over.

        Raises:
            VerificationError: it did not, or the head is another log's.
        """
        text, head, signatures = _split(self.note)
        if head.origin != key.origin:
            raise VerificationError(f"the head is one of the log {head.origin}, not of {key.origin}")
        mine = [data[4:] for name, data in signatures if name == key.origin and data[:4] == key.log_id[:4]]
        if len(mine) != 1:
            raise VerificationError(f"the head carries {len(mine)} signatures of the log {key.origin}, not one")
        key.verify(text, mine[0])
        return head


class LogSigner:
    """The private half of a log's key, in memory, as read from a file."""

    def __init__(self, pem: bytes, origin: str | None = None) -> None:
        """Read a PEM private key (PKCS #8, Ed25519); without an `origin` the log is named by its key.

        Raises:
            SigningKeyError: it is none.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError(f"not a PEM private key without a passphrase: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyError("the log's key is not of the kind Ed25519")
        self._key = key
        public = key.public_key().public_bytes_raw()
        self.key = LogKey(origin or f"{ORIGIN_PREFIX}{sha256(public).hexdigest()[:16]}", public)

    def key_of(self, record: str | None) -> LogKey:
        """The key under the name that heads of a record have, or, without one, those of the log."""
        return self.key if record is None else LogKey(f"{self.key.origin}/{record}", self.key.public)

    def sign(self, size: int, root: bytes, *, record: str | None = None) -> SignedHead:
        """The signed head of this log, or of a record: for one size and root always the same bytes.

        A record is that of a run, by its id, or `accesses`. Its heads have an origin of their own, `<log>/<record>`, so
        that none passes for one of the log.
        """
        key = self.key_of(record)
        head = Head(key.origin, size, root)
        signature = base64_text(key.log_id[:4] + self._key.sign(head.encode()))
        return SignedHead(head, head.encode() + f"\n— {key.origin} {signature}\n".encode())


def new_log_pem() -> bytes:
    """A fresh Ed25519 private key, as PKCS #8 PEM without a passphrase."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _split(note: bytes) -> tuple[bytes, Head, list[tuple[str, bytes]]]:
    """A note's text, the head that it tells, and its signatures by name."""
    if len(note) > MAX_NOTE:
        raise FormatError(f"not a tree head: more than {MAX_NOTE:,} bytes")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not a tree head: byte {error.start} is not UTF-8") from error
    text, separator, rest = whole.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise FormatError("not a tree head: it is no signed note (text, an empty line, signature lines)")
    if any(ord(mark) < 0x20 and mark != "\n" for mark in whole):
        raise FormatError("not a tree head: it holds control characters")
    lines = (text + "\n").split("\n")
    if len(lines) != 4 or lines[3]:
        raise FormatError("not a tree head: its text is not three lines")
    return (text + "\n").encode(), _head(lines), [_signature(line) for line in rest[:-1].split("\n")]


def _head(lines: list[str]) -> Head:
    origin, size, root = lines[:3]
    if not origin or not origin.isascii() or any(mark.isspace() for mark in origin):
        raise FormatError("not a tree head: its origin is no log's name")
    if not size.isascii() or not size.isdigit() or len(size) > 18 or str(int(size)) != size:
        raise FormatError("not a tree head: its size is not a decimal number in its one spelling")
    if len(data := strict_base64(root)) != HASH_SIZE:
        raise FormatError("not a tree head: its root is not 32 bytes")
    return Head(origin, int(size), data)


def _signature(line: str) -> tuple[str, bytes]:
    match line.split(" "):
        case ["\u2014", name, encoded] if name and "+" not in name and len(data := strict_base64(encoded)) >= 5:
            return name, data
        case _:
            raise FormatError("not a tree head: a line under it is no signature")
