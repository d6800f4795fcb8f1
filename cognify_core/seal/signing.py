"""ECDSA P-256 keys: the public half as a value, the private half behind a protocol.

P-256 with SHA-256 is the one pair that OpenSSL, `model_signing`, `cosign` and `@sigstore/verify` all check.
`cryptography` is imported where it is used, so that `import cognify` stays quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol, Self

from cognify_core.errors import SigningKeyError, VerificationError
from cognify_core.seal.encoding import base64_text, strict_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the group of P-256 (SEC 2, §2.4.2)."""
MAKE_ONE = "make one with `openssl ecparam -name prime256v1 -genkey -noout`"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An ECDSA P-256 public key, as the one PEM text (SubjectPublicKeyInfo) that OpenSSL writes for it."""

    pem: bytes

    def __post_init__(self) -> None:
        if _normal_pem(self.pem) != self.pem:
            raise SigningKeyError("a public key is not in the one PEM spelling of its kind; read it with `parse`")

    @classmethod
    def parse(cls, pem: bytes) -> Self:
        """Read a PEM public key in any spelling (line ends, text around it).

        Raises:
            SigningKeyError: it is no PEM public key, or not of the curve P-256.
        """
        return cls(_normal_pem(pem))

    @classmethod
    def of_der(cls, der: bytes) -> Self:
        """Read a SubjectPublicKeyInfo.

        Raises:
            SigningKeyError: it is none, or not of the curve P-256.
        """
        lines = [base64_text(der)[place : place + 64] for place in range(0, len(base64_text(der)), 64)]
        pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
        return cls.parse(pem.encode())

    @property
    def der(self) -> bytes:
        """The key as SubjectPublicKeyInfo: what stands in a ledger's leaves."""
        return strict_base64("".join(self.pem.decode().splitlines()[1:-1]))

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the PEM text: what `sha256sum` prints for the key's file, and the hint in a bundle."""
        return sha256(self.pem).hexdigest()

    @property
    def dsse_key_id(self) -> str:
        """What securesystemslib calls the key: hex SHA-256 of its form of it, in OLPC's canonical JSON."""
        public = self.pem.decode()
        form = f'{{"keytype":"ecdsa","keyval":{{"public":"{public}"}},"scheme":"ecdsa-sha2-nistp256"}}'
        return sha256(form.encode()).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a DER signature (ECDSA, SHA-256) over `message`.

        A signature has one spelling here: strict DER, and of the two values of s the lower one. Else a package could
        be changed, byte for byte, and still verify.

        Raises:
            VerificationError: this key did not make it.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        if low_s(signature) != signature:
            raise VerificationError("the signature is not in its one spelling (strict DER, low s)")
        try:
            _load_public(self.pem).verify(signature, message, ECDSA(SHA256()))
        except InvalidSignature as error:
            raise VerificationError(f"the key {self.key_id[:16]}… did not sign this") from error


class Signer(Protocol):
    """Whoever holds a private key: a file here, a key management service elsewhere.

    Trusted for identity: whoever owns it can forge new seals, but not back-date those that carry a timestamp.
    """

    @property
    def public_key(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """The DER signature (ECDSA P-256 over SHA-256 of `message`). Raises `SigningKeyError` if it cannot."""


class LocalSigner:
    """A private key in memory, as read from a file."""

    def __init__(self, pem: bytes) -> None:
        """Read a PEM private key (PKCS #8 or SEC 1, without a passphrase).

        Raises:
            SigningKeyError: it is none, or not of the curve P-256.
        """
        self._key = _load_private(pem)
        self.public_key = PublicKey(_public_pem(self._key.public_key()))

    def sign(self, message: bytes) -> bytes:
        """The DER signature over `message`."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return low_s(self._key.sign(message, ECDSA(SHA256())))


def new_private_pem() -> bytes:
    """A fresh P-256 private key, as PKCS #8 PEM without a passphrase."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def low_s(signature: bytes) -> bytes:
    """The one spelling of a signature: both (r, s) and (r, n − s) verify, and the lower s is the one that counts.

    Raises:
        VerificationError: it is not a DER pair of integers.
    """
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    try:
        r, s = decode_dss_signature(signature)
    except ValueError as error:
        raise VerificationError("the signature is not DER") from error
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise VerificationError("the signature's numbers do not lie in the group of P-256")
    return encode_dss_signature(r, min(s, ORDER - s))


def _normal_pem(pem: bytes) -> bytes:
    return _public_pem(_load_public(pem))


def _public_pem(key: EllipticCurvePublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _load_public(pem: bytes) -> EllipticCurvePublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"not a PEM public key (`-----BEGIN PUBLIC KEY-----`): {error}") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise SigningKeyError(f"the public key is {_kind(key)}; seals are made with ECDSA P-256, so {MAKE_ONE}")
    return key


def _load_private(pem: bytes) -> EllipticCurvePrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise SigningKeyError("the private key has a passphrase, which nobody is there to type; remove it") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"not a PEM private key: {error}; {MAKE_ONE}") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SigningKeyError(f"the private key is {_kind(key)}; seals are made with ECDSA P-256, so {MAKE_ONE}")
    return key


def _kind(key: object) -> str:
    curve = getattr(getattr(key, "curve", None), "name", None)
    return f"of the curve {curve}" if curve else f"of the type {type(key).__name__.lstrip('_')}"
