"""Every run of a period as a workbook: counted first, then made, and taken along with its receipt."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints, field_validator

from cognify_core.api.populating import check_period
from cognify_core.api.populations import populations
from cognify_core.api.profiles import today
from cognify_core.errors import ConfigurationError
from cognify_core.export.population import opened_on
from cognify_core.model.names import day_after
from cognify_core.server.asking import Asked
from cognify_core.server.pages.packages import as_file
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.population import (
    NewPopulation,
    PopulationShown,
    download_population,
    download_population_receipt,
    make_population,
)
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import act, visit
from cognify_core.store.finding import Counts

router = APIRouter(prefix="/w/{workspace_id}/population", tags=["pages"])
DONE["population"] = "The list is made."
_MOST_SHOWN = 100


class Period(BaseModel):
    """The form. What is empty is the year so far."""

    since: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] = ""
    until: Annotated[str, StringConstraints(max_length=40, strip_whitespace=True)] = ""

    @field_validator("since")
    @classmethod
    def _from_new_year_on(cls, since: str) -> str:
        return since or f"{today()[:4]}-01-01"

    @field_validator("until")
    @classmethod
    def _until_today(cls, until: str) -> str:
        return until or today()

    model_config = {"validate_default": True}


@router.get("")
def show_population(
    request: Request, asked: Annotated[Asked, visit(May.EXPORT)], period: Annotated[Period, Query()]
) -> Response:
    """How many runs were opened in a period, and the lists that were made before."""
    return _page(request, asked, period)


@router.post("")
def make(request: Request, asked: Annotated[Asked, act(May.EXPORT)], period: Annotated[Period, Form()]) -> Response:
    """Make the list."""
    try:
        check_period(period.since, period.until)
    except ConfigurationError:
        return _page(request, asked, period)
    made = make_population(asked, NewPopulation(since=period.since, until=period.until))
    said = f"since={period.since}&until={period.until}&done=population"
    return RedirectResponse(f"/w/{asked.room.name}/population?{said}#{made.package_hash[7:19]}", 303)


@router.get("/{package_hash}")
def take(asked: Annotated[Asked, visit(May.EXPORT)], package_hash: str) -> Response:
    """A list's bytes."""
    return as_file(download_population(asked, package_hash))


@router.get("/{package_hash}/receipt")
def take_receipt(asked: Annotated[Asked, visit(May.EXPORT)], package_hash: str) -> Response:
    """The signed statement over a list."""
    return as_file(download_population_receipt(asked, package_hash))


def _page(request: Request, asked: Asked, period: Period) -> Response:
    counts, gone, wrong = None, 0, ""
    try:
        check_period(period.since, period.until)
        counts, gone = _counted(asked, period)
        seen(asked, None, "list")
    except ConfigurationError as error:
        wrong = str(error).replace("--", "")
    return page(
        request,
        "population.html",
        status=422 if wrong else 200,
        period=period,
        wrong=wrong,
        counts=counts,
        gone=gone,
        made=[PopulationShown.of(each) for each in populations(asked.room, _MOST_SHOWN)],
    )


def _counted(asked: Asked, period: Period) -> tuple[Counts, int]:
    """The runs of the period, and the tombstones of those that are gone."""
    store = asked.room.store
    before = day_after(date.fromisoformat(period.until))
    gone = [stone for stone in store.tombstones() if period.since <= opened_on(stone.run_id) <= period.until]
    return store.count_runs(since=period.since, until=before), len(gone)
