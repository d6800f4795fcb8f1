"""What those are answered with who sign in: the page on which they do, a session, or where to go on."""

from __future__ import annotations

import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server import sessions
from cognify_core.server.asking import rooms_of
from cognify_core.server.front import front_of
from cognify_core.server.limits import Rates
from cognify_core.server.login.provider import Known, Provider
from cognify_core.server.login.proxied import Proxied
from cognify_core.server.pages.rendering import page
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Auth
from cognify_core.server.sessions import address_of
from cognify_core.server.visiting import local_path
from cognify_core.store.tenancy import Token
from cognify_core.store.visitors import Person


def slowly(request: Request) -> None:
    """Let an address try to sign in now and then.

    Raises:
        Problem: 429, it tries too often.
    """
    rates: Rates = request.app.state.logins
    if not rates.take(address_of(request)):
        raise Problem(429, "too many attempts to sign in; wait a minute", {"Retry-After": "60"})


def provider_of(request: Request) -> Provider | None:
    """The provider of this server."""
    provider: Provider | None = request.app.state.provider
    return provider


def proxied_of(request: Request) -> Proxied | None:
    """How this server's proxies let people in."""
    proxied: Proxied | None = request.app.state.proxied
    return proxied


def the_provider(request: Request) -> Provider:
    """The provider.

    Raises:
        Problem: 404, there is none.
    """
    if (provider := provider_of(request)) is None:
        raise Problem(404, "this server has no provider; its operator sets COGNIFY_OIDC_ISSUER")
    return provider


TheProvider = Annotated[Provider, Depends(the_provider)]


def login_page(request: Request, then: str, status: int = 200, refused: str | None = None) -> Response:
    """The page on which one signs in."""
    provider = provider_of(request)
    issuer = None if provider is None else urlsplit(provider.issuer).hostname
    return page(request, "login.html", status=status, next=local_path(then), refused=refused, issuer=issuer)


def arrived(request: Request, auth: Auth, known: Known, then: str) -> Response:
    """Begin a session of somebody whom a provider or a proxy has told us of."""
    parts = " ".join(sorted(map(str, known.parts)))
    person = Person(secrets.token_hex(8), auth, known.subject, known.name, parts, stamp_time(utc_now()))
    kept = rooms_of(request).store.put_person(person)
    if kept.removed_at is not None:
        return login_page(request, then, 403, "An administrator of this server has removed you.")
    return signed_in(request, kept, then)


def signed_in(request: Request, rests_on: Person | Token, then: str) -> Response:
    """Begin a session under a new id, end the one that the browser had, and go on."""
    store, front = rooms_of(request).store, front_of(request)
    response = elsewhere(local_path(then))
    before = front.cookie(request, sessions.COOKIE)
    front.set_cookie(request, response, sessions.COOKIE, sessions.begin(store, rests_on, utc_now()))
    if before is not None:
        sessions.end(store, before)
    return response


def elsewhere(path: str) -> Response:
    """Go on there."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})
