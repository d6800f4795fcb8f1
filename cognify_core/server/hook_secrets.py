"""The secrets that webhooks are signed with: computed from one key of the workspace, and kept nowhere.

The key lies beside the signing key, in `keys/` of the workspace's home, readable by its owner alone. So a copy of the
database signs nothing; processes that serve one store share the folder anyway.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cognify_core.errors import SigningKeyError
from cognify_core.seal.key_files import explained, read_private, write_once

FILE = "webhooks.key"
_BYTES = 32


def secret_of(keys: Path, workspace: str, hook_id: str) -> bytes:
    """The secret of a webhook; its key is made when it is first needed.

    Args:
        keys: the folder with the workspace's keys.
        workspace: whose webhook it is.
        hook_id: which.

    Raises:
        SigningKeyError: the key cannot be read or written, or others can read it.
    """
    path = keys / FILE
    with explained(f"{path} cannot be used"):
        if not path.exists():
            write_once(path, secrets.token_bytes(_BYTES), mode=0o600)
        key = read_private(path, path)
    if len(key) != _BYTES:
        raise SigningKeyError(f"{path} is no key of {_BYTES} bytes; restore it, or move it away and make webhooks anew")
    info = f"cognify webhook\n{workspace}\n{hook_id}".encode()
    return HKDF(SHA256(), _BYTES, salt=None, info=info).derive(key)


def shown(secret: bytes) -> str:
    """As a receiver is given it."""
    return f"whsec_{b64encode(secret).decode('ascii')}"


def id_of(secret: bytes) -> str:
    """By this it is known whether it is the same; it tells nothing of 256 random bits."""
    return sha256(secret).hexdigest()[:16]


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`, as Standard Webhooks has it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(secret, signed, 'sha256')).decode('ascii')}"
