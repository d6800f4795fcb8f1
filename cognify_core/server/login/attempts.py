"""One attempt to sign in with a provider, which begins here, goes on there, and ends here, in the same browser.

All that has to come back unchanged (state, nonce, the verifier of PKCE) is derived from a secret that the browser keeps
in a cookie. So the server keeps nothing, any of its processes can end what another has begun, and nobody can end an
attempt of somebody else's browser.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

COOKIE = "cognify-login"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """See above."""

    secret: str
    then: str
    """The path to go on to."""

    @classmethod
    def new(cls, then: str) -> Self:
        """An attempt that begins."""
        return cls(secrets.token_urlsafe(32), then)

    @classmethod
    def parse(cls, cookie: str | None) -> Self | None:
        """The attempt that a cookie holds; none, where it holds none."""
        secret, _, then = (cookie or "").partition(".")
        return cls(secret, unquote(then)) if _SECRET.fullmatch(secret) else None

    def __str__(self) -> str:
        return f"{self.secret}.{quote(self.then, safe='')}"

    @property
    def state(self) -> str:
        """What the answer must bring."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the id token must say."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Of PKCE (RFC 7636): 43 characters that only whoever began can tell when it ends."""
        return self._derived("verifier")

    def is_answered_by(self, state: str) -> bool:
        """Whether that is the state of this attempt."""
        return hmac.compare_digest(state.encode(), self.state.encode())

    def _derived(self, purpose: str) -> str:
        told = hmac.new(self.secret.encode(), f"cognify {purpose}".encode(), "sha256").digest()
        return urlsafe_b64encode(told).decode().rstrip("=")
