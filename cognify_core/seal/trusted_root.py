"""A log's key as a Sigstore trusted root, which `@sigstore/verify` and `cosign --trusted-root` read."""

from __future__ import annotations

from cognify_core.canonical import encode
from cognify_core.seal.encoding import base64_text
from cognify_core.seal.notes import LogKey

_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""Of a SubjectPublicKeyInfo of Ed25519 (RFC 8410, §4)."""


def trusted_root_of(key: LogKey) -> bytes:
    """The trusted root in which `key` is the one transparency log, and no one else is trusted."""
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
            "timestampAuthorities": empty,
        }
    )
