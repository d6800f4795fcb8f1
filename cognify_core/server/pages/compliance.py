"""What runs can show for each law: projects side by side, the runs of one, and one run point by point."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from cognify_core.errors import CognifyError, RunStateError
from cognify_core.export.templates.covered import COVERED, Covered, State, covered, tally
from cognify_core.server.asking import Asked
from cognify_core.server.coverages import Coverages, CoveredRow, InForce, States
from cognify_core.server.pages.addressed import Addressed
from cognify_core.server.pages.rendering import page
from cognify_core.server.releasing import Released, proposal_of, releases_of
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.finding import Wanted

if TYPE_CHECKING:
    from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}", tags=["pages"])
RUNS = 12
"""Side by side on one page: no more records than these are read for it."""
PROJECTS = 8
Said = Annotated[str, StringConstraints(max_length=2000)]


class Looked(Addressed):
    """What somebody looks at, as the address holds it."""

    project: Said | None = None
    law: Literal["eu_ai_act", "hipaa"] = "eu_ai_act"
    sealed: Literal["yes", "no"] | None = None
    after: Said | None = None
    """The project, or the run, after which the page begins."""


@dataclass(frozen=True, slots=True)
class Covering:
    """A run, and how far it answers a law."""

    row: RunRow
    states: States | None
    """None: its record does not read."""

    @property
    def tally(self) -> dict[State, int]:
        """How many rows are answered how far."""
        return tally(self.states or ())


@dataclass(frozen=True, slots=True)
class Project:
    """A project, by its newest run: a sealed one, where there is one."""

    name: str
    row: RunRow | None
    by_law: tuple[Covering, ...]
    released: Released | None
    """The run that is released, where one is."""


def coverages_of(request: Request) -> Coverages:
    """What is known of coverage."""
    coverages: Coverages = request.app.state.coverages
    return coverages


Known = Annotated[Coverages, Depends(coverages_of)]


@router.get("/compliance")
def show_compliance(
    request: Request, asked: Annotated[Asked, visit(May.READ)], looked: Annotated[Looked, Query()], known: Known
) -> Response:
    """The projects or, of one that is named, its runs."""
    seen(asked, None, "compliance")
    if looked.project is None:
        return _projects(request, asked, looked, known)
    law, store = covered(looked.law), asked.room.store
    in_force = InForce.of(asked.room, looked.project)
    wanted = Wanted(project=looked.project, sealed=None if looked.sealed is None else looked.sealed == "yes")
    rows = store.find_runs(wanted, after=looked.after, limit=RUNS + 1)
    runs = [Covering(row, known.states(asked.room, row, law, in_force)) for row in rows[:RUNS]]
    return page(
        request,
        "compliance_project.html",
        looked=looked,
        law=law,
        laws=COVERED,
        runs=runs,
        released=releases_of(store, looked.project),
        proposed={run.row.run_id for run in runs if proposal_of(store, run.row.run_id)},
        newest=_newest(asked, runs, law, in_force, known),
        next=looked.address(after=rows[RUNS - 1].run_id) if len(rows) > RUNS else None,
    )


@router.get("/runs/{run_id}/compliance")
def show_run_compliance(
    request: Request, asked: Annotated[Asked, visit(May.READ)], run_id: str, known: Known
) -> Response:
    """Every row of every law, as one run answers it."""
    row = asked.room.store.run(run_id)
    if row.amends is not None:
        raise RunStateError(f"{run_id} is an addendum: what it says counts for the run that it amends, {row.amends}")
    in_force, clear = InForce.of(asked.room, row.project), asked.caller.may(May.WATCH)
    seen(asked, run_id, "compliance")
    by_law: list[tuple[Covered, tuple[CoveredRow, ...]]] = []
    problem: str | None = None
    try:
        by_law = [(law, known.rows(asked.room, row, law, in_force, clear=clear)) for law in COVERED]
    except CognifyError as error:
        problem = str(error)
    return page(request, "compliance_run.html", row=row, by_law=by_law, problem=problem)


def _newest(
    asked: Asked, runs: list[Covering], law: Covered, in_force: InForce, known: Coverages
) -> tuple[CoveredRow, ...]:
    """The rows of the first run on the page whose record reads."""
    for run in runs:
        if run.states is not None:
            return known.rows(asked.room, run.row, law, in_force, clear=asked.caller.may(May.WATCH))
    return ()


def _projects(request: Request, asked: Asked, looked: Looked, known: Coverages) -> Response:
    names = asked.room.store.projects()
    first = 0 if looked.after is None else bisect_right(names, looked.after)
    shown = names[first : first + PROJECTS]
    more = len(names) > first + PROJECTS
    return page(
        request,
        "compliance.html",
        looked=looked,
        laws=COVERED,
        projects=[_project(asked, name, known) for name in shown],
        next=looked.address(after=shown[-1]) if more else None,
    )


def _project(asked: Asked, name: str, known: Coverages) -> Project:
    store, in_force = asked.room.store, InForce.of(asked.room, name)
    released = next((each for each in releases_of(store, name).values() if each.is_last), None)
    sealed = store.find_runs(Wanted(project=name, sealed=True), limit=1)
    for row in sealed or store.find_runs(Wanted(project=name), limit=1):
        by_law = known.states_of(COVERED, asked.room, row, in_force)
        return Project(name, row, tuple(Covering(row, states) for states in by_law), released)
    return Project(name, None, (), released)
