"""A provider of identities (OpenID Connect Core 1.0): who somebody is, by the code flow with PKCE.

Of what it sends, only a signed id token is believed, and what its own endpoints answer over TLS.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError
from cognify_core.http import AnswerError, send
from cognify_core.server.front import LOOPBACK
from cognify_core.server.login.attempts import Attempt
from cognify_core.server.login.id_tokens import claims_of
from cognify_core.server.login.mapping import Roles
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Part

if TYPE_CHECKING:
    from cognify_core.settings import Settings

_DISCOVERY = "/.well-known/openid-configuration"
_SECONDS, _MOST = 10.0, 1 << 20
_KEPT_SECONDS = 3600.0
_SHORTEST_SECONDS = 10.0
"""Keys are not asked for again within this: whoever forges key ids makes us ask nobody."""
_NAMES = ("name", "preferred_username", "email", "sub")
_LONGEST_NAME = 200
_LONGEST_SUBJECT = 255
"""OpenID Connect Core 1.0 §2."""
_log = logging.getLogger("cognify.server")


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom the provider has told us of."""

    subject: str
    """Its issuer, and what that calls them for ever."""
    name: str
    parts: frozenset[Part]


class Provider:
    """One provider, and who of its people is what here. Any thread may ask."""

    def __init__(self, issuer: str, client_id: str, secret: str | None, scopes: str, roles: Roles) -> None:
        self.issuer, self._client_id, self._secret, self._scopes, self._roles = issuer, client_id, secret, scopes, roles
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: list[Any] = []
        self._metadata_at = self._keys_at = float("-inf")

    @classmethod
    def of(cls, settings: Settings) -> Provider | None:
        """The one that the settings name.

        Raises:
            ConfigurationError: something of it is missing or wrong.
        """
        issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
        if issuer is None:
            return None
        if client_id is None or not settings.oidc_roles:
            raise ConfigurationError("COGNIFY_OIDC_ISSUER needs COGNIFY_OIDC_CLIENT_ID and COGNIFY_OIDC_ROLES")
        if not _is_safe(issuer):
            raise ConfigurationError(f"COGNIFY_OIDC_ISSUER is an https URL, not {issuer[:100]!r}")
        roles = Roles.parse("COGNIFY_OIDC_ROLES", settings.oidc_roles)
        return cls(issuer, client_id, _secret(settings), settings.oidc_scopes, roles)

    def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser goes to sign in.

        Raises:
            Problem: 502, the provider does not say.
        """
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        address: str = prepare_grant_uri(
            self._endpoint("authorization_endpoint"),
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=self._scopes,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return address

    def known(self, attempt: Attempt, redirect_uri: str, code: str, said_issuer: str | None) -> Known:
        """Whoever signed in, once the provider has sent the browser back with a code.

        Raises:
            Problem: 403, it is not proven who that is, or they are nothing here; 502, the provider does not answer.
        """
        demanded = self.metadata().get("authorization_response_iss_parameter_supported") is True
        if said_issuer != self.issuer and (demanded or said_issuer is not None):  # RFC 9207
            raise Problem(403, "another provider has answered than was asked; sign in again")
        answer = self._exchange(attempt, redirect_uri, code)
        access_token = str(answer.get("access_token", ""))
        claims = claims_of(str(answer.get("id_token", "")), self._signing_keys, self._expected(attempt, access_token))
        sub = claims["sub"]
        if not isinstance(sub, str) or not sub or not sub.isprintable() or len(sub) > 255:
            raise Problem(403, "the provider names nobody")
        if self._roles.missing(claims):
            claims = self._userinfo(access_token, sub) | claims
        parts = self._roles.parts(claims)
        name = next(str(claims[each]) for each in _NAMES if isinstance(claims.get(each), str) and claims[each])
        if not parts:
            raise Problem(403, f"{_shown(name)} has no role here: COGNIFY_OIDC_ROLES says who has")
        return Known(f"{self.issuer} {sub}", _shown(name), parts)

    def metadata(self) -> Mapping[str, Any]:
        """What the provider says of itself.

        Raises:
            Problem: 502, it does not, or it is another one.
        """
        with self._lock:
            if time.monotonic() - self._metadata_at > _KEPT_SECONDS:
                said = self._get(self.issuer.rstrip("/") + _DISCOVERY)
                if said.get("issuer") != self.issuer:
                    raise self._failed(f"it calls itself {str(said.get('issuer'))[:100]!r}, not {self.issuer!r}")
                self._metadata, self._metadata_at = said, time.monotonic()
            return self._metadata

    def _expected(self, attempt: Attempt, access_token: str) -> dict[str, str]:
        said = {"iss": self.issuer, "client_id": self._client_id, "nonce": attempt.nonce}
        return said | {"access_token": access_token}

    def _endpoint(self, name: str) -> str:
        url = self.metadata().get(name)
        if not isinstance(url, str) or not _is_safe(url):
            raise self._failed(f"it names no {name} that is reached over https")
        return url

    def _signing_keys(self, anew: bool) -> list[Any]:
        url = self._endpoint("jwks_uri")
        with self._lock:
            age = time.monotonic() - self._keys_at
            if age > _KEPT_SECONDS or (anew and age > _SHORTEST_SECONDS):
                keys = self._get(url).get("keys")
                self._keys, self._keys_at = keys if isinstance(keys, list) else [], time.monotonic()
            return self._keys

    def _exchange(self, attempt: Attempt, redirect_uri: str, code: str) -> dict[str, Any]:
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        said = {"code": code, "redirect_uri": redirect_uri, "code_verifier": attempt.verifier}
        body = prepare_token_request("authorization_code", **said)
        methods = self.metadata().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._secret is None:
            auth = ClientAuth(self._client_id, None, "none")
        elif "client_secret_basic" in methods:  # RFC 6749 §2.3.1: both are encoded first
            auth = ClientAuth(quote(self._client_id, safe=""), quote(self._secret, safe=""), "client_secret_basic")
        else:
            auth = ClientAuth(self._client_id, self._secret, "client_secret_post")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = auth.prepare("POST", self._endpoint("token_endpoint"), headers, body)
        return self._asked("POST", url, body.encode(), headers)

    def _userinfo(self, access_token: str, sub: str) -> dict[str, Json]:
        if "userinfo_endpoint" not in self.metadata():
            return {}
        said = self._get(self._endpoint("userinfo_endpoint"), Authorization=f"Bearer {access_token}")
        if said.get("sub") != sub:
            raise Problem(403, "the provider tells of somebody else; sign in again")
        return said

    def _get(self, url: str, **headers: str) -> dict[str, Any]:
        return self._asked("GET", url, None, headers)

    def _asked(self, method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        asking = {"Accept": "application/json", **headers}
        try:
            said = send(method, url, data, seconds=_SECONDS, most=_MOST, headers=asking, follow=False)
        except AnswerError as error:
            if method == "POST" and error.status in (400, 401):
                _log.warning("the provider %s refuses a code: %s", self.issuer, error.body[:500])
                raise Problem(403, "the provider does not know this attempt any more; sign in again") from None
            raise self._failed(str(error)) from None
        except OSError as error:
            raise self._failed(str(error)) from None
        try:
            read = json.loads(said or b"")
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise self._failed(f"{url} answers with no JSON object")
        return read

    def _failed(self, why: str) -> Problem:
        _log.error("the provider %s cannot be asked: %s", self.issuer, why)
        return Problem(502, f"the provider {self.issuer} cannot be asked now; the server's log says why")


def _secret(settings: Settings) -> str | None:
    if (path := settings.oidc_client_secret_file) is not None:
        try:
            return path.read_text(encoding="utf-8").partition("\n")[0].strip()
        except OSError as error:
            raise ConfigurationError(f"COGNIFY_OIDC_CLIENT_SECRET_FILE cannot be read: {error}") from None
    return None if settings.oidc_client_secret is None else settings.oidc_client_secret.get_secret_value()


def _is_safe(url: str) -> bool:
    read = urlsplit(url)
    return bool(read.hostname) and (read.scheme == "https" or (read.scheme == "http" and read.hostname in LOOPBACK))


def _shown(name: str) -> str:
    """A name that whoever has it chose, as it is kept: short, and of characters that every database takes."""
    return "".join(each if each.isprintable() else "�" for each in name[:_LONGEST_NAME])
