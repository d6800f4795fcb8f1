"""Signing in with a provider: the way there, and the way back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from cognify_core.model.shown import plain
from cognify_core.server.front import front_of
from cognify_core.server.login.answers import TheProvider, arrived, elsewhere, login_page, slowly
from cognify_core.server.login.attempts import COOKIE, Attempt
from cognify_core.server.problems import Problem
from cognify_core.server.visiting import local_path

router = APIRouter(prefix="/login", tags=["pages"], dependencies=[Depends(slowly)])
_CALLBACK = "/login/callback"
_SECONDS = 600
"""How long one may take there."""
Text = Annotated[str | None, Query(max_length=4000)]


@router.get("/provider")
def leave_for_provider(
    request: Request, provider: TheProvider, then: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Begin an attempt, and go to the provider."""
    attempt, front = Attempt.new(local_path(then)), front_of(request)
    response = elsewhere(provider.address(attempt, front.origin(request) + _CALLBACK))
    front.set_cookie(request, response, COOKIE, str(attempt), _SECONDS)
    return response


@router.get("/callback")
def come_back(
    request: Request, provider: TheProvider, code: Text = None, state: Text = None, iss: Text = None, error: Text = None
) -> Response:
    """End an attempt that this browser began: it is over, however it ends."""
    front = front_of(request)
    attempt = Attempt.parse(front.cookie(request, COOKIE))
    if attempt is None or state is None or not attempt.is_answered_by(state):
        return login_page(request, "/", 403, "This attempt to sign in is over, or was begun elsewhere; begin again.")
    if code is None:
        told = f"The provider has let nobody in: {plain(error or 'it sent no code')[:100]}."
        return login_page(request, attempt.then, 403, told)
    try:
        known = provider.known(attempt, front.origin(request) + _CALLBACK, code, iss)
        response = arrived(request, "oidc", known, attempt.then)
    except Problem as refused:
        response = login_page(request, attempt.then, refused.status_code, str(refused.detail))
    front.forget_cookie(request, response, COOKIE)
    return response
