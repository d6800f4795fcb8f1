"""A log's key as a Sigstore trusted root, which `@sigstore/verify` and `cosign --trusted-root` read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cognify_core.canonical import Json, encode
from cognify_core.seal.authorities import Authority
from cognify_core.seal.encoding import base64_text
from cognify_core.seal.notes import LogKey

_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""Of a SubjectPublicKeyInfo of Ed25519 (RFC 8410, §4)."""


def trusted_root_of(key: LogKey, authorities: Sequence[Authority] = ()) -> bytes:
    """The trusted root in which `key` is the one transparency log.

    Of the authorities, those whose pinned chain begins with the certificate that signs timestamps: Sigstore's verifiers
    ask for it. No one else is trusted.
    """
    log = {
        "baseUrl": f"https://{key.origin}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64_text(_ED25519_PREFIX + key.public),
            "keyDetails": "PKIX_ED25519",
            "validFor": {"start": "1970-01-01T00:00:00Z"},
        },
        "logId": {"keyId": base64_text(key.log_id)},
    }
    media = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    empty: list[str] = []
    return encode(
        {
            "mediaType": media,
            "tlogs": [log],
            "certificateAuthorities": empty,
            "ctlogs": empty,
            "timestampAuthorities": [found for each in authorities for found in _authority(each)],
        }
    )


def _authority(authority: Authority) -> Iterator[dict[str, Json]]:
    from cryptography.hazmat.primitives.serialization import Encoding

    first, *_ = chain = authority.certificates
    if first == chain[-1]:
        return
    valid = {"start": first.not_valid_before_utc, "end": first.not_valid_after_utc}
    yield {
        "subject": {"commonName": first.subject.rfc4514_string(), "organization": authority.subject},
        "certChain": {"certificates": [{"rawBytes": base64_text(each.public_bytes(Encoding.DER))} for each in chain]},
        "validFor": {end: f"{at:%Y-%m-%dT%H:%M:%SZ}" for end, at in valid.items()},
    }
