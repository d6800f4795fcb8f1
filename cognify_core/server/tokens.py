"""API keys: shown once, kept as a digest, for one role in one workspace or in all, until they expire or are revoked.

A key is `cog_<id>_<secret>`, the secret 256 random bits. So many bits need no slow hash: SHA-256 of them tells nobody
anything, and what is compared is compared in constant time.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.roles import Role
from cognify_core.store.tenancy import Tenancy, Token

_KEY = re.compile(r"cog_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODYS = sha256(b"").hexdigest()
MAX_DAYS = 3660


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is given, with the key that is shown this once."""

    token: Token
    key: str


def issue(
    store: Tenancy, role: Role, *, workspace: str | None, label: str, created_by: str, days: int | None
) -> NewToken:
    """Make a token and keep it; `days` is how long it holds, None for ever."""
    token_id, secret, now = secrets.token_hex(8), secrets.token_urlsafe(32), utc_now()
    token = Token(
        token_id=token_id,
        workspace=workspace,
        role=role.value,
        label=label,
        secret_hash=digest(secret),
        created_by=created_by,
        created_at=stamp_time(now),
        expires_at=None if days is None else stamp_time(now + timedelta(days=days)),
    )
    store.put_token(token)
    return NewToken(token, f"cog_{token_id}_{secret}")


def admit(store: Tenancy, key: str, now: datetime) -> Token | None:
    """The token of a key, where it holds at `now`; an unknown id takes as long as a wrong secret."""
    read = _KEY.fullmatch(key)
    token = None if read is None else store.token(read[1])
    given = digest(read[2]) if read is not None else _NOBODYS
    matches = hmac.compare_digest(given, "0" * 64 if token is None else token.secret_hash)
    return token if token is not None and matches and holds(token, now) else None


def holds(token: Token, now: datetime) -> bool:
    """Whether a token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > stamp_time(now))


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8")).hexdigest()
