"""The first page: it leads to the visitor's workspace, or lets them choose one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.server.asking import rooms_of
from cognify_core.server.pages.rendering import page
from cognify_core.server.roles import Caller
from cognify_core.server.visiting import visitor

router = APIRouter(tags=["pages"])


@router.get("/")
def enter(request: Request, caller: Annotated[Caller, Depends(visitor)]) -> Response:
    """The workspaces of whoever visits; of one alone, its runs."""
    rows = [row for row in rooms_of(request).names() if caller.sees(row.workspace)]
    if len(rows) == 1:
        return RedirectResponse(f"/w/{rows[0].workspace}/runs", 303)
    return page(request, "entrance.html", rows=rows)


@router.get("/w/{workspace_id}")
def enter_workspace(workspace_id: str) -> Response:
    """A workspace's first page is that of its runs."""
    return RedirectResponse(f"/w/{workspace_id}/runs", 303)
