"""Signing in with what one has: an API key, a link that holds once, the word of a proxy. Signing out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from cognify_core.model.names import utc_now
from cognify_core.server import sessions, tokens
from cognify_core.server.asking import require_ours, rooms_of
from cognify_core.server.front import front_of, require_our_page
from cognify_core.server.login import links
from cognify_core.server.login.answers import arrived, elsewhere, login_page, proxied_of, signed_in, slowly
from cognify_core.server.login.provider import Known
from cognify_core.server.pages.rendering import page
from cognify_core.server.visiting import sent_token

router = APIRouter(tags=["pages"])


def keeps_cookies(request: Request) -> None:
    """Go on where a session can be kept: else a link would be used up for nothing.

    Raises:
        Problem: 400, its cookie would travel in clear.
    """
    front_of(request).require_cookies(request, sessions.COOKIE)


_FROM_OURS = [Depends(require_our_page), Depends(slowly), Depends(keeps_cookies)]


@router.get("/login")
def show_login(
    request: Request,
    then: Annotated[str, Query(alias="next", max_length=2000)] = "/",
    once: Annotated[str | None, Query(max_length=100)] = None,
    ended: Annotated[bool, Query()] = False,
) -> Response:
    """The page on which one signs in. What merely looks at a link, as mail programs do, does not use it up."""
    if once is not None:
        return page(request, "login_once.html", once=once)
    proxied = proxied_of(request)
    user = None if proxied is None else proxied.user(request)
    if proxied is None or user is None or ended:
        return login_page(request, then)
    if not (parts := proxied.parts(user)):
        return login_page(request, then, 403, f"{user} has no role here: COGNIFY_PROXY_ROLES says who has.")
    return arrived(request, "proxy", Known(user, user, parts), then)


@router.post("/login", dependencies=_FROM_OURS)
def enter_with_key(
    request: Request,
    key: Annotated[str, Form(max_length=200)],
    then: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Sign in with an API key: the session is what the key is, and ends with it."""
    token = tokens.admit(rooms_of(request).store, key.strip(), utc_now())
    if token is None:
        return login_page(request, then, 403, "This API key is not known here, has expired, or was revoked.")
    return signed_in(request, token, then)


@router.post("/login/once", dependencies=_FROM_OURS)
def enter_once(request: Request, once: Annotated[str, Form(max_length=100)]) -> Response:
    """Sign in with a link, which is used up."""
    person = links.use(rooms_of(request).store, once, utc_now())
    if person is None:
        told = "This link was used, or is older than 15 minutes; `cognify login-link` makes another one."
        return login_page(request, "/", 403, told)
    return signed_in(request, person, "/")


@router.post("/logout")
def leave(request: Request, token: Annotated[str, Depends(sent_token)]) -> Response:
    """Sign out: the session ends."""
    if (visit := sessions.visit_of(request)) is not None:
        require_ours(request, visit, token)
        sessions.end(rooms_of(request).store, visit.session_id)
    response = elsewhere("/login?ended=1")
    front_of(request).forget_cookie(request, response, sessions.COOKIE)
    return response
