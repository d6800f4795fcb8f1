"""Close a run of which nothing arrives any more: first what it means, then the end of its record."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.server.asking import Asked
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.runs import interrupt_run
from cognify_core.server.seeing import seen
from cognify_core.server.silence import closable
from cognify_core.server.visiting import act, visit

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}/interrupt", tags=["pages"])
DONE["interrupted"] = "The run is closed as interrupted. It can be sealed now."


@router.get("")
def ask(request: Request, asked: Annotated[Asked, visit(May.SEAL)], run_id: str) -> Response:
    """What becomes irrevocable, and the button."""
    silence = closable(asked.room, run_id)
    seen(asked, run_id, "show")
    return page(request, "interrupt.html", row=asked.room.store.run(run_id), silence=silence)


@router.post("")
def interrupt(asked: Annotated[Asked, act(May.SEAL)], run_id: str) -> Response:
    """Close it."""
    closable(asked.room, run_id)
    interrupt_run(asked, run_id)
    return RedirectResponse(f"/w/{asked.room.name}/runs/{run_id}?done=interrupted", 303)
