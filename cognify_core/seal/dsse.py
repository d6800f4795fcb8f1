"""DSSE: a signature over a payload and its type, together (secure-systems-lab/dsse, protocol.md)."""

from __future__ import annotations

from cognify_core.seal.signing import PublicKey, Signer, low_s

IN_TOTO = "application/vnd.in-toto+json"
"""The payload type of every statement."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding, with lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer, payload_type: str = IN_TOTO) -> bytes:
    """The DER signature of `signer` over a payload.

    Raises:
        SigningKeyError: the signer cannot.
    """
    return low_s(signer.sign(pae(payload_type, payload)))


def verify(payload: bytes, signature: bytes, key: PublicKey, payload_type: str = IN_TOTO) -> None:
    """Check that `key` signed `payload`.

    Raises:
        VerificationError: it did not.
    """
    key.verify(signature, pae(payload_type, payload))
