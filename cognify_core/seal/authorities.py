"""Time stamping authorities that are trusted here, by the certificates at the root of their chains.

They lie beside the other pinned keys, one file each: `trusted/<name>.<authority id>.crt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cognify_core.errors import SigningKeyError
from cognify_core.seal.pins import Form, Pins

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Authority:
    """A chain of certificates, from that of an authority, or of whoever vouches for it, to a root that is trusted."""

    pem: bytes
    """One certificate or more, the root last."""

    def __post_init__(self) -> None:
        if _normal(self.pem) != self.pem:
            raise SigningKeyError("a chain of certificates is not in its one PEM spelling; read it with `parse`")

    @classmethod
    def parse(cls, pem: bytes) -> Self:
        """Read PEM certificates in any spelling.

        Raises:
            SigningKeyError: there is none, they do not follow one another, or the last one is no root.
        """
        return cls(_normal(pem))

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The chain, the root last."""
        return tuple(_load(self.pem))

    @property
    def authority_id(self) -> str:
        """Hex SHA-256 of the root: `openssl x509 -noout -fingerprint -sha256` prints it with colons."""
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.certificates[-1].fingerprint(SHA256()).hex()

    @property
    def subject(self) -> str:
        """Whom the root names, as RFC 4514 writes it."""
        return self.certificates[-1].subject.rfc4514_string()


def pinned_authorities(folder: Path) -> Pins[Authority]:
    """The authorities that are trusted, in a folder."""
    return Pins(folder, Form("crt", Authority.parse, lambda chain: chain.pem, lambda chain: chain.authority_id))


def _load(pem: bytes) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise SigningKeyError(f"not PEM certificates (`-----BEGIN CERTIFICATE-----`): {error}") from error


def _normal(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    chain = _load(pem)
    for each, above in zip(chain, (*chain[1:], chain[-1]), strict=True):
        if each.issuer != above.subject:
            told = "is no root" if each is chain[-1] else "was not issued by the one that follows"
            raise SigningKeyError(
                f"the certificate of {each.subject.rfc4514_string()} {told}: give the authority's root, or its chain "
                "with the root last"
            )
    return b"".join(each.public_bytes(Encoding.PEM) for each in chain)
