"""The list of runs: found by what one knows of them, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from cognify_core.api.gaps import count_gaps
from cognify_core.model.record import Status
from cognify_core.server.asking import Asked
from cognify_core.server.pages.filters_of_runs import GAPS, STATUSES, Filters
from cognify_core.server.pages.rendering import page
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs", tags=["pages"])
ROWS = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A run, as the list shows it."""

    row: RunRow
    gaps: int
    person: str | None


@router.get("")
def show_runs(
    request: Request, asked: Annotated[Asked, visit(May.READ)], filters: Annotated[Filters, Query()]
) -> Response:
    """Runs, newest first, by pages."""
    store, people = asked.room.store, asked.caller.may(May.WATCH)
    rows = store.find_runs(filters.wanted(people=people), after=filters.after, limit=ROWS + 1)
    shown, more = rows[:ROWS], len(rows) > ROWS
    seen(asked, None, "list")
    glances = store.glance([row.run_id for row in shown])
    return page(
        request,
        "runs.html",
        filters=filters,
        listed=[
            Listed(row, count_gaps(glances[row.run_id].gaps), glances[row.run_id].person if people else None)
            for row in shown
            if row.run_id in glances
        ],
        counts=store.count_runs(),
        projects=store.projects(),
        statuses=STATUSES,
        gap_choices=GAPS,
        people=people,
        origin=str(request.base_url).rstrip("/"),
        next=filters.address(after=shown[-1].run_id) if more else None,
        live=any(row.status is Status.RUNNING for row in shown),
    )
