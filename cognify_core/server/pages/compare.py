"""Two runs, compared: chosen from the list, from a run, or by their ids."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, StringConstraints

from cognify_core.server.asking import Asked
from cognify_core.server.comparisons import Comparison
from cognify_core.server.pages.addressed import Addressed
from cognify_core.server.pages.rendering import page
from cognify_core.server.pages.run import portrait_of, portraits_of
from cognify_core.server.portraits import Portraits
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.finding import Wanted

router = APIRouter(prefix="/w/{workspace_id}/compare", tags=["pages"])
OFFERED = 50
"""Of the newest runs, so many are offered."""
SHOWN = 400
"""Of what differs under one heading, so many are shown."""
RunId = Annotated[str, StringConstraints(max_length=60)]


class Chosen(Addressed):
    """The two runs, as the address of the page holds them; or as the list of runs sends them."""

    a: RunId | None = None
    b: RunId | None = None
    run: list[RunId] = Field(default_factory=list, max_length=200)

    @property
    def both(self) -> tuple[str | None, str | None]:
        """Those that are named, whichever way."""
        named = [run_id for run_id in (self.a, self.b, *self.run) if run_id is not None]
        return (named[0] if named else None), (named[1] if len(named) == 2 else None)


@router.get("")
def compare(
    request: Request,
    asked: Annotated[Asked, visit(May.READ)],
    chosen: Annotated[Chosen, Query()],
    portraits: Annotated[Portraits, Depends(portraits_of)],
) -> Response:
    """Two runs beside each other; where fewer or more are chosen, the form that asks for two."""
    a, b = chosen.both
    if a is None or b is None:
        return _form(request, asked, a, len(chosen.run))
    if chosen.run:
        return RedirectResponse(f"/w/{asked.room.name}/compare{Chosen(a=a, b=b).address(run=None)}", 303)
    rows = [asked.room.store.run(run_id) for run_id in (a, b)]
    told = [portrait_of(asked, row, portraits) for row in rows]
    for run_id in dict.fromkeys((a, b)):
        seen(asked, run_id, "diff")
    problems = [f"{row.run_id}: {problem}" for row, (_, problem) in zip(rows, told, strict=True) if problem]
    (first, _), (second, _) = told
    comparison = Comparison(first.dossier, second.dossier) if first and second else None
    return page(request, "compare.html", rows=rows, comparison=comparison, problems=problems, most=SHOWN)


def _form(request: Request, asked: Asked, first: str | None, number: int) -> Response:
    """The form, with what is known already."""
    offered = asked.room.store.find_runs(Wanted(), limit=OFFERED)
    seen(asked, None, "list")
    wrong = f"Two runs are compared; {number} were chosen." if number not in (0, 2) else ""
    return page(request, "compare_form.html", status=422 if wrong else 200, first=first, offered=offered, wrong=wrong)
