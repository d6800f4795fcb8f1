"""Under which address browsers reach the server, and the cookie that is safe there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from cognify_core.errors import ConfigurationError
from cognify_core.server.problems import Problem

if TYPE_CHECKING:
    from cognify_core.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PREFIX = "__Host-"
"""A browser takes a cookie of that name over TLS alone, for this host alone, and from nobody else (RFC 6265bis)."""


@dataclass(frozen=True, slots=True)
class Front:
    """What the operator has said of the address."""

    public: str | None = None
    """The origin that browsers see, where it is not the one that requests name."""
    behind_tls: bool = False
    """A proxy speaks TLS: what comes in clear came over TLS to it."""

    @classmethod
    def of(cls, settings: Settings, *, behind_tls: bool) -> Front:
        """The front that the settings describe.

        Raises:
            ConfigurationError: COGNIFY_PUBLIC_URL is no origin.
        """
        if (url := settings.public_url) is None:
            return cls(behind_tls=behind_tls)
        read = urlsplit(url)
        if (
            read.scheme not in ("http", "https")
            or not read.hostname
            or url.rstrip("/") != f"{read.scheme}://{read.netloc}"
        ):
            raise ConfigurationError(f"COGNIFY_PUBLIC_URL is written https://audit.example.org, not {url[:100]!r}")
        return cls(url.rstrip("/").lower(), behind_tls)

    def origin(self, request: Request) -> str:
        """The origin of our own pages, as this browser names it."""
        if self.public is not None:
            return self.public
        scheme = "https" if self.behind_tls else request.url.scheme
        return f"{scheme}://{request.headers.get('host', '').lower()}"

    def cookie_name(self, request: Request, name: str) -> str | None:
        """What a cookie is called here; none where it would travel in clear."""
        read = urlsplit(self.origin(request))
        if read.scheme == "https":
            return PREFIX + name
        return name if read.hostname in LOOPBACK else None

    def cookie(self, request: Request, name: str) -> str | None:
        """What a cookie of ours holds."""
        called = self.cookie_name(request, name)
        return None if called is None else request.cookies.get(called)

    def require_cookies(self, request: Request, name: str) -> str:
        """What a cookie is called here.

        Raises:
            Problem: 400, it would travel in clear.
        """
        called = self.cookie_name(request, name)
        if called is None:
            raise Problem(
                400,
                "signing in takes https; where a proxy speaks it, say so with --behind-tls or COGNIFY_PUBLIC_URL",
            )
        return called

    def set_cookie(
        self, request: Request, response: Response, name: str, value: str, seconds: int | None = None
    ) -> None:
        """Have the browser keep a cookie, for `seconds`, or until it is closed.

        Raises:
            Problem: 400, it would travel in clear.
        """
        called = self.require_cookies(request, name)
        secure = called.startswith(PREFIX)
        response.set_cookie(called, value, seconds, path="/", secure=secure, httponly=True, samesite="lax")

    def forget_cookie(self, request: Request, response: Response, name: str) -> None:
        """Have the browser forget a cookie."""
        called = self.cookie_name(request, name) or name
        response.delete_cookie(called, path="/", secure=called.startswith(PREFIX), httponly=True, samesite="lax")


def front_of(request: Request) -> Front:
    """The front of this server."""
    front: Front = request.app.state.front
    return front


def require_our_page(request: Request) -> None:
    """Let pass what a page of ours has sent, as the browser says in `Origin` and `Sec-Fetch-Site`.

    Raises:
        Problem: 403, it says otherwise, or nothing.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = front_of(request).origin(request)
    if (origin is None and site is None) or origin not in (None, ours) or site not in (None, "same-origin"):
        raise Problem(
            403,
            f"this was not sent by a page of {ours[:200]}; where browsers reach the server under another address, its "
            "operator sets COGNIFY_PUBLIC_URL",
        )
