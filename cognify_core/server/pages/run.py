"""One run: what it was made of, what is missing and who owns that, what people said, packages, the seal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from cognify_core.api.access_log import WorkspaceAccesses
from cognify_core.errors import FormatError, RunNotFoundError, StoreError
from cognify_core.model.record import Status
from cognify_core.server.asking import Asked
from cognify_core.server.forms import AccessShown
from cognify_core.server.pages.packages import about_packages
from cognify_core.server.pages.rendering import page
from cognify_core.server.portraits import Portrait, Portraits
from cognify_core.server.releasing import proposal_of, releases_of
from cognify_core.server.roles import May
from cognify_core.server.routes.checking import verify_run
from cognify_core.server.seeing import seen
from cognify_core.server.silence import silence_of
from cognify_core.server.visiting import act, visit
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}", tags=["pages"])
ACCESSES = 100
"""Of the access log, the last ones."""


def portraits_of(request: Request) -> Portraits:
    """The runs that were looked at last."""
    portraits: Portraits = request.app.state.portraits
    return portraits


@router.get("")
def show_run(
    request: Request,
    asked: Annotated[Asked, visit(May.READ)],
    run_id: str,
    portraits: Annotated[Portraits, Depends(portraits_of)],
) -> Response:
    """Everything about a run."""
    row = asked.room.store.run(run_id)
    portrait, problem = portrait_of(asked, row, portraits)
    seen(asked, run_id, "show")
    return page(
        request,
        "run.html",
        row=row,
        portrait=portrait,
        problem=problem,
        addenda=asked.room.store.addenda(run_id),
        accesses=_accesses(asked, run_id),
        silence=silence_of(asked.room, run_id),
        person=_person(asked, run_id),
        released=releases_of(asked.room.store, row.project).get(run_id),
        proposal=proposal_of(asked.room.store, run_id),
        **about_packages(asked, row),
    )


@router.get("/state")
def show_state(request: Request, asked: Annotated[Asked, visit(May.READ)], run_id: str) -> Response:
    """How a run stands, for a page that asks again."""
    row = asked.room.store.run(run_id)
    seen(asked, run_id, "show")
    return page(request, "run_state.html", row=row, then=Status.RUNNING)


@router.post("/verification")
def verify(request: Request, asked: Annotated[Asked, act(May.READ)], run_id: str) -> Response:
    """Compute everything again, and show what holds."""
    row = asked.room.store.run(run_id)
    return page(request, "verification.html", row=row, report=verify_run(asked, run_id))


def portrait_of(asked: Asked, row: RunRow, portraits: Portraits) -> tuple[Portrait | None, str | None]:
    """The run as pages tell it, or why it does not read."""
    try:
        return portraits.of(asked.room, row), None
    except RunNotFoundError:
        raise
    except (FormatError, StoreError) as error:
        return None, str(error)


def _accesses(asked: Asked, run_id: str) -> list[AccessShown] | None:
    if not asked.caller.may(May.WATCH):
        return None
    seen(asked, run_id, "accesses")
    return [AccessShown.of(each) for each in WorkspaceAccesses(asked.room).page(run_id=run_id, limit=ACCESSES)]


def _person(asked: Asked, run_id: str) -> str | None:
    if not asked.caller.may(May.WATCH):
        return None
    glance = asked.room.store.glance([run_id]).get(run_id)
    return None if glance is None else glance.person
