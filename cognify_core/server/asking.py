"""Who asks, in which workspace, and whether they may: what every route begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from cognify_core.api.workspace import Workspace
from cognify_core.model.names import utc_now
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Caller, May, Role
from cognify_core.server.rooms import Rooms
from cognify_core.server.tokens import admit

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is let in: who asks, and the workspace that they ask about."""

    caller: Caller
    room: Workspace


def rooms_of(request: Request) -> Rooms:
    """The server's workspaces."""
    rooms: Rooms = request.app.state.rooms
    return rooms


def caller_of(
    request: Request, authorization: Annotated[str | None, Header(description="`Bearer cog_…`")] = None
) -> Caller:
    """Whoever sends the request.

    Raises:
        Problem: 401, where no token that holds comes with it.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Problem(401, "send an API key: Authorization: Bearer cog_…; `cognify token create` makes one", _CHALLENGE)
    token = admit(rooms_of(request).store, key.strip(), utc_now())
    if token is None:
        raise Problem(401, "this API key is not known here, has expired, or was revoked", _CHALLENGE)
    address = request.client.host if request.client is not None else "unknown"
    return Caller(f"token {token.token_id} ({token.label})", "api_key", Role(token.role), token.workspace, address)


def asked(*permissions: May) -> Any:
    """A dependency: the caller and the workspace of the path, where all of `permissions` are given.

    A workspace that the caller has no part in is not found, whether it is there or not.
    """

    def check(
        request: Request,
        caller: Annotated[Caller, Depends(caller_of)],
        workspace_id: Annotated[str, Path(max_length=100, description="Of an embedded store: `default`.")],
    ) -> Asked:
        room = rooms_of(request).find(workspace_id) if caller.sees(workspace_id) else None
        if room is None:
            raise Problem(404, f"there is no workspace {workspace_id!r} for this API key")
        require(caller, *permissions)
        return Asked(caller, room)

    return Depends(check)


def everywhere(permission: May) -> Any:
    """A dependency: a caller who has that permission in all workspaces."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if caller.workspace is not None:
            raise Problem(403, "this takes an API key of all workspaces")
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
