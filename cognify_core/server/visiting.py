"""Who visits a page, and whether they may: what every page begins with."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Path, Request

from cognify_core.server.asking import CSRF_HEADER, Asked, admitted, caller_of, require_ours
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Caller, May
from cognify_core.server.sessions import csrf_token, visit_of

FIELD = "csrf"
"""The field of a form that holds the session's token."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
WorkspaceId = Annotated[str, Path(max_length=100)]
_LONGEST_PATH = 2000


def visitor(request: Request) -> Caller:
    """Whoever looks at a page.

    Raises:
        Problem: 303 to the login, where nobody is signed in.
    """
    return _caller(request, None)


async def sent_token(request: Request) -> str:
    """The token that came with a form or a script's request."""
    if (token := request.headers.get(CSRF_HEADER)) is not None:
        return token
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FORMS:
        return ""
    held = (await request.form()).get(FIELD)
    return held if isinstance(held, str) else ""


async def sent_fields(request: Request) -> dict[str, str]:
    """The texts of a form."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def actor(request: Request, token: Annotated[str, Depends(sent_token)]) -> Caller:
    """Whoever sends a form of a page.

    Raises:
        Problem: 303 to the login, where nobody is signed in; 403, where it was not sent by a page of theirs.
    """
    return _caller(request, token)


def visit(*permissions: May) -> Any:
    """A dependency of a page: the visitor and the workspace of the path, where all of `permissions` are given."""

    def check(request: Request, caller: Annotated[Caller, Depends(visitor)], workspace_id: WorkspaceId) -> Asked:
        return _asked(request, caller, workspace_id, permissions)

    return Depends(check)


def act(*permissions: May) -> Any:
    """A dependency of what a page's form is sent to: the same, where a page of this session has sent it."""

    def check(request: Request, caller: Annotated[Caller, Depends(actor)], workspace_id: WorkspaceId) -> Asked:
        return _asked(request, caller, workspace_id, permissions)

    return Depends(check)


def csrf_of(request: Request) -> str:
    """What the forms of the page carry in their field `csrf`; empty where nobody is signed in."""
    session_id = getattr(request.state, "session_id", None)
    return "" if session_id is None else csrf_token(session_id)


def local_path(text: str | None) -> str:
    """`text`, where it is a path on this server; else the first page. Nobody is sent elsewhere."""
    if text is None or len(text) > _LONGEST_PATH or not text.isascii() or not text.isprintable():
        return "/"
    return text if text.startswith("/") and not text.startswith("//") and "\\" not in text else "/"


def _caller(request: Request, token: str | None) -> Caller:
    if (key := request.headers.get("authorization")) is not None:  # no browser adds it by itself
        return caller_of(request, key)
    if (found := visit_of(request)) is None:
        raise Problem(303, "sign in first", {"Location": _login(request)})
    if token is not None:
        require_ours(request, found, token)
    request.state.session_id = found.session_id
    return found.caller


def _login(request: Request) -> str:
    if request.method != "GET":
        return "/login"
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(here, safe='')}"


def _asked(request: Request, caller: Caller, workspace_id: str, permissions: tuple[May, ...]) -> Asked:
    asked = admitted(request, caller, workspace_id, *permissions)
    request.state.asked = asked
    return asked
