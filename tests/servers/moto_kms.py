"""moto's server, with the one thing that its KMS leaves out (its own comment says so): a digest is signed as a digest.

The real one knows it from `MessageType`; what is signed here through boto3 is always a digest of 32 bytes.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from moto.kms.utils import ECDSAPrivateKey
from moto.server import main

DIGEST = 32


def sign(self: ECDSAPrivateKey, message: bytes, signing_algorithm: str) -> bytes:
    """Sign a digest."""
    assert (len(message), signing_algorithm) == (DIGEST, "ECDSA_SHA_256"), "nothing but digests is sent"
    signature: bytes = self.private_key.sign(message, ec.ECDSA(Prehashed(SHA256())))
    return signature


if __name__ == "__main__":
    ECDSAPrivateKey.sign = sign
    main()
