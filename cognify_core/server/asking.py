"""Who asks, in which workspace, and whether they may: what every route begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from cognify_core.model.names import utc_now
from cognify_core.server.front import require_our_page
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Caller, May, Role
from cognify_core.server.rooms import Room, Rooms
from cognify_core.server.seeing import refused
from cognify_core.server.sessions import Visit, address_of, caller_of_token, is_csrf_token, visit_of
from cognify_core.server.tokens import admit

CSRF_HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is let in: who asks, and the workspace that they ask about."""

    caller: Caller
    room: Room


def rooms_of(request: Request) -> Rooms:
    """The server's workspaces."""
    rooms: Rooms = request.app.state.rooms
    return rooms


def caller_of(
    request: Request, authorization: Annotated[str | None, Header(description="`Bearer cog_…`")] = None
) -> Caller:
    """Whoever sends the request: by an API key, else by the session of a browser, whose writes come from our pages.

    Raises:
        Problem: 401, where neither comes with it and holds; 403, where a browser's write is not known to be ours.
    """
    if authorization is None and (visit := visit_of(request)) is not None:
        if request.method not in SAFE:
            require_ours(request, visit, request.headers.get(CSRF_HEADER, ""))
        return visit.caller
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem(401, "send an API key: Authorization: Bearer cog_…; `cognify token create` makes one", _CHALLENGE)
    token = admit(rooms_of(request).store, key.strip(), utc_now())
    if token is None:
        raise Problem(401, "this API key is not known here, has expired, or was revoked", _CHALLENGE)
    return caller_of_token(token, "api_key", address_of(request))


def require_ours(request: Request, visit: Visit, token: str) -> None:
    """Let a write pass that a page of this visit has sent.

    Raises:
        Problem: 403, it came from elsewhere, or without the token of the session.
    """
    require_our_page(request)
    if not is_csrf_token(visit.session_id, token):
        raise Problem(403, "the page that sent this is of another session, or too old: load it again")


def asked(*permissions: May) -> Any:
    """A dependency: the caller and the workspace of the path, where all of `permissions` are given.

    A workspace that the caller has no part in is not found, whether it is there or not.
    """

    def check(
        request: Request,
        caller: Annotated[Caller, Depends(caller_of)],
        workspace_id: Annotated[str, Path(max_length=100, description="Of an embedded store: `default`.")],
    ) -> Asked:
        return admitted(request, caller, workspace_id, *permissions)

    return Depends(check)


def admitted(request: Request, caller: Caller, workspace_id: str, *permissions: May) -> Asked:
    """The request of a caller who has these permissions in that workspace; one refused is an entry of the access log.

    Raises:
        Problem: 404, it is not there for them; 403, they have a part in it, and not these permissions.
    """
    room = rooms_of(request).find(workspace_id) if caller.sees(workspace_id) else None
    if room is None:
        raise Problem(404, f"there is no workspace {workspace_id[:100]!r} for you")
    asked = Asked(caller.within(workspace_id), room)
    try:
        require(asked.caller, *permissions)
    except Problem:
        refused(asked, request.path_params.get("run_id"), request.scope["route"].name)
        raise
    return asked


def everywhere(permission: May) -> Any:
    """A dependency: a caller who has that permission in all workspaces."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.roles:
            raise Problem(403, "this takes a role in all workspaces")
        require(caller, permission)
        return caller

    return Depends(check)


def require(caller: Caller, *permissions: May) -> None:
    """Let a caller with these permissions pass.

    Raises:
        Problem: 403, naming what is missing and who has it.
    """
    for permission in permissions:
        if not caller.may(permission):
            able = ", ".join(role for role in Role if permission in role.permissions)
            raise Problem(403, f"the role {caller.role} may not {permission}; these may: {able}")
