"""Time stamping authorities that are trusted here, by the certificates at the root of their chains.

They lie beside the other pinned keys, one file each: `trusted/<name>.<authority id>.crt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cognify_core.errors import SigningKeyError
from cognify_core.seal.key_files import explained, write_once

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.@-]{0,63})\.(?P<authority_id>[0-9a-f]{64})\.crt")


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


@dataclass(frozen=True, slots=True)
class PinnedAuthority:
    """An authority that somebody here decided to trust, under the name that they gave it."""

    name: str
    key: Authority


class PinnedAuthorities:
    """The authorities that are pinned in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pinned(self) -> list[PinnedAuthority]:
        """Those that are trusted, by name.

        Raises:
            SigningKeyError: a file among them does not hold what it is named for.
        """
        with explained(f"cannot read the trusted keys in {self._folder}"):
            paths = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
            found = [(path, match) for path in paths if (match := _PINNED.fullmatch(path.name))]
            return [PinnedAuthority(match["name"], _read(path, match["authority_id"])) for path, match in found]

    def trusted(self) -> tuple[Authority, ...]:
        """Those that are trusted."""
        return tuple(pin.key for pin in self.pinned())

    def trust(self, pem: bytes, name: str) -> Authority:
        """Pin an authority under a name; pinning it twice changes nothing.

        Raises:
            SigningKeyError: it is no chain of certificates, or the name cannot be a file name.
        """
        authority = Authority.parse(pem)
        if not _PINNED.fullmatch(file_name := f"{name}.{authority.authority_id}.crt"):
            raise SigningKeyError(f"{name[:80]!r} cannot name a key: use up to 64 letters, digits, _ . @ and -")
        if authority not in self.trusted():
            with explained(f"cannot write to {self._folder}"):
                write_once(self._folder / file_name, authority.pem, mode=0o644)
        return authority

    def distrust(self, which: str) -> tuple[Authority, ...]:
        """Unpin those of a name, or the one whose id begins with `which` (at least 8 digits); return them."""
        gone = [
            pin
            for pin in self.pinned()
            if pin.name == which or (len(which) >= 8 and pin.key.authority_id.startswith(which))
        ]
        with explained(f"cannot remove a key from {self._folder}"):
            for pin in gone:
                (self._folder / f"{pin.name}.{pin.key.authority_id}.crt").unlink(missing_ok=True)
        return tuple(pin.key for pin in gone)


def _read(path: Path, authority_id: str) -> Authority:
    authority = Authority.parse(path.read_bytes())
    if authority.authority_id != authority_id:
        raise SigningKeyError(f"{path} does not hold what its name says; remove it and pin the authority again")
    return authority


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
