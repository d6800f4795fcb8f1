from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import PublicFormat as Public
from hypothesis import given, settings
from hypothesis import strategies as st

from cognify_core.errors import SigningKeyError, VerificationError
from cognify_core.seal.signing import ORDER, LocalSigner, PublicKey, low_s, new_private_pem
from tests.factories import OTHER_SIGNER, SIGNER

P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
WRONG_KINDS = pytest.mark.parametrize(
    ("key", "kind"),
    [(P384, "of the curve secp384r1"), (ED25519, "Ed25519"), (RSA, "RSA")],
    ids=["p384", "ed25519", "rsa"],
)
GARBAGE = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
JUNK = [b"", b"\x30", b"\x00" * 70, encode_dss_signature(0, 1), encode_dss_signature(1, ORDER)]


def private_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def test_what_a_key_signs_its_public_half_verifies_and_no_other() -> None:
    signer = LocalSigner(new_private_pem())
    signature = signer.sign(b"message")
    signer.public_key.verify(signature, b"message")
    with pytest.raises(VerificationError, match="did not sign this"):
        signer.public_key.verify(signature, b"another message")
    with pytest.raises(VerificationError, match="did not sign this"):
        OTHER_SIGNER.public_key.verify(signature, b"message")


def test_the_key_id_is_what_sha256sum_prints_for_the_key_file() -> None:
    assert SIGNER.public_key.key_id == hashlib.sha256(SIGNER.public_key.pem).hexdigest()


@WRONG_KINDS
def test_a_public_key_of_another_kind_is_refused_with_the_way_out(key: ec.EllipticCurvePrivateKey, kind: str) -> None:
    pem = key.public_key().public_bytes(Encoding.PEM, Public.SubjectPublicKeyInfo)
    with pytest.raises(SigningKeyError, match=f"{kind}.*openssl ecparam -name prime256v1"):
        PublicKey.parse(pem)


@WRONG_KINDS
def test_a_private_key_of_another_kind_is_refused_with_the_way_out(key: ec.EllipticCurvePrivateKey, kind: str) -> None:
    with pytest.raises(SigningKeyError, match=f"{kind}.*openssl ecparam -name prime256v1"):
        LocalSigner(private_pem(key))


@pytest.mark.parametrize("garbage", [b"", b"hello", GARBAGE, b"\xff"])
def test_garbage_is_no_key(garbage: bytes) -> None:
    with pytest.raises(SigningKeyError, match="not a PEM public key"):
        PublicKey.parse(garbage)
    with pytest.raises(SigningKeyError, match="not a PEM private key"):
        LocalSigner(garbage)


def test_a_private_key_is_no_public_key() -> None:
    with pytest.raises(SigningKeyError, match="not a PEM public key"):
        PublicKey.parse(new_private_pem())


def test_a_key_with_a_passphrase_is_refused() -> None:
    locked = private_pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
    with pytest.raises(SigningKeyError, match="has a passphrase"):
        LocalSigner(locked)


def test_a_public_key_has_one_spelling_and_parse_finds_it() -> None:
    pem = SIGNER.public_key.pem
    assert PublicKey.parse(pem.replace(b"\n", b"\r\n") + b"\n\n") == SIGNER.public_key
    with pytest.raises(SigningKeyError, match="one PEM spelling"):
        PublicKey(pem + b"\n")


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_of_the_two_signatures_that_verify_only_the_lower_counts(message: bytes) -> None:
    r, s = decode_dss_signature(SIGNER.sign(message))
    lower, upper = (encode_dss_signature(r, s) for s in sorted((s, ORDER - s)))
    assert low_s(upper) == low_s(lower) == lower
    SIGNER.public_key.verify(lower, message)
    with pytest.raises(VerificationError, match="one spelling"):
        SIGNER.public_key.verify(upper, message)


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_signature(junk: bytes) -> None:
    with pytest.raises(VerificationError, match=r"not DER|do not lie in the group"):
        SIGNER.public_key.verify(junk, b"message")
    with pytest.raises(VerificationError, match=r"not DER|do not lie in the group|one spelling|did not sign"):
        SIGNER.public_key.verify(SIGNER.sign(b"message") + b"\x00", b"message")
