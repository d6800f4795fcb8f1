"""A leaf's bytes: the body of a Rekor v2 `dsse` entry, version 0.0.2, as canonical JSON.

It holds the SHA-256 of the payload, the signature and the key that made it, and nothing of what was said: a ledger can
be published without publishing anything else. `@sigstore/verify` reads the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cognify_core.canonical import encode, parse
from cognify_core.errors import FormatError, SigningKeyError, VerificationError
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.encoding import base64_text, strict_base64
from cognify_core.seal.ledger_statements import matter_of, parse_leaf_statement
from cognify_core.seal.signing import PublicKey
from cognify_core.store.protocol import Leaf

KIND, VERSION = "dsse", "0.0.2"
_DIGEST, _KEY = "SHA2_256", "PKIX_ECDSA_P256_SHA_256"


@dataclass(frozen=True, slots=True)
class LeafBody:
    """What a leaf's bytes say."""

    payload_hash: bytes
    signature: bytes
    key: PublicKey

    def encode(self) -> bytes:
        """The bytes that are hashed."""
        verifier = {"keyDetails": _KEY, "publicKey": {"rawBytes": base64_text(self.key.der)}}
        spec = {
            "payloadHash": {"algorithm": _DIGEST, "digest": base64_text(self.payload_hash)},
            "signatures": [{"content": base64_text(self.signature), "verifier": verifier}],
        }
        return encode({"apiVersion": VERSION, "kind": KIND, "spec": {"dsseV002": spec}})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a body, and only the bytes that `encode` would write.

        Raises:
            FormatError: they are anything else.
        """
        match parse(data):
            case {
                "spec": {
                    "dsseV002": {
                        "payloadHash": {"digest": str(digest)},
                        "signatures": [{"content": str(content), "verifier": {"publicKey": {"rawBytes": str(der)}}}],
                    }
                }
            }:
                try:
                    key = PublicKey.of_der(strict_base64(der))
                except SigningKeyError as error:
                    raise FormatError(f"not a leaf: {error}") from error
                body = cls(strict_base64(digest), strict_base64(content), key)
            case _:
                raise FormatError("not a leaf: no Rekor v2 dsse entry")
        if body.encode() != data:
            raise FormatError("not a leaf: it is not written in its one form")
        return body

    def check(self, payload: bytes) -> None:
        """Check that this is the leaf of `payload`, signed with the key that it names.

        Raises:
            VerificationError: it is not.
        """
        if sha256(payload).digest() != self.payload_hash:
            raise VerificationError("the statement is not the one whose digest the leaf holds")
        Bundle(payload, self.signature, self.key.key_id).verify(self.key)


def leaf_of(bundle: Bundle, key: PublicKey) -> Leaf:
    """The leaf of a signed statement.

    Raises:
        FormatError: it is not a statement that leaves have.
    """
    kind, subject = matter_of(parse_leaf_statement(bundle.payload))
    body = LeafBody(sha256(bundle.payload).digest(), bundle.signature, key)
    return Leaf(kind, subject, bundle.payload, body.encode())
