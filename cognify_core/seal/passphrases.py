"""Private keys under a passphrase (PKCS #8, as `openssl pkcs8 -topk8` writes them), and who knows it."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cognify_core.errors import SigningKeyError

ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
MEND = "set COGNIFY_KEY_PASSPHRASE_FILE or COGNIFY_KEY_PASSPHRASE, or run the command in a terminal, which asks for it"
Ask: TypeAlias = Callable[[str], str]
"""Asks a person for a passphrase without showing it."""


@dataclass(frozen=True, slots=True, repr=False)
class Passphrase:
    """Where the passphrase comes from. It is printed nowhere, and kept by nobody."""

    told: str | None = None
    file: Path | None = None
    """Its first line, where it was not `told`."""
    ask: Ask | None = None
    """Asked last, and only for a key that has one."""

    def for_new(self) -> bytes | None:
        """Of a key that is made now; none where nothing says that it should have one.

        Raises:
            SigningKeyError: the file cannot be read, holds nothing, or others can read it.
        """
        if self.told is not None:
            return self.told.encode()
        return None if self.file is None else passphrase_in(self.file)

    def open(self, pem: bytes, where: Path) -> bytes:
        """The private key in a file, without its passphrase where it has one.

        Raises:
            SigningKeyError: nobody knows the passphrase, or it is another.
        """
        if ENCRYPTED not in pem:
            return pem
        known = self.for_new()
        if known is None and self.ask is not None:
            known = self.ask(f"Passphrase of {where}: ").encode()
        if known is None:
            raise SigningKeyError(f"the private key in {where} has a passphrase, and nobody told it: {MEND}")
        return decrypted(pem, known, where)

    def close(self, pem: bytes) -> bytes:
        """A private key as it is written: under the passphrase, where there is one for new keys."""
        known = self.for_new()
        return pem if known is None else encrypted(pem, known)


NO_PASSPHRASE = Passphrase()


def passphrase_in(file: Path) -> bytes:
    """The first line of a file that nobody else can read.

    Raises:
        SigningKeyError: it cannot be read, holds nothing, or others can read it.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        line = file.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise SigningKeyError(f"the passphrase's file {file} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SigningKeyError(f"the passphrase's file {file} can be read by others (mode {mode:04o}); `chmod 600` it")
    if not line:
        raise SigningKeyError(f"the passphrase's file {file} holds none in its first line")
    return line


def encrypted(pem: bytes, passphrase: bytes) -> bytes:
    """A private key under a passphrase.

    Raises:
        SigningKeyError: the passphrase is empty.
    """
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    if not passphrase:
        raise SigningKeyError("an empty passphrase protects nothing")
    key = load_pem_private_key(pem, password=None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))


def decrypted(pem: bytes, passphrase: bytes, where: Path) -> bytes:
    """A private key without its passphrase.

    Raises:
        SigningKeyError: the passphrase is another.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem, password=passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"the passphrase does not open the private key in {where}, or it is damaged") from error
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
