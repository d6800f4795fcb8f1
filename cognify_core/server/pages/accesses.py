"""The access log: found by person, run and day; its head, and whether it holds; the erasure of names."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field, StringConstraints

from cognify_core.api.access_log import WorkspaceAccesses
from cognify_core.errors import CannotVerifyError, ConfigurationError, FormatError, RunNotFoundError, VerificationError
from cognify_core.seal.notes import MAX_NOTE
from cognify_core.server.asking import Asked
from cognify_core.server.forms import AccessesPage, Erasure
from cognify_core.server.pages.addressed import Addressed
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.accesses import erase_names, list_accesses
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import act, visit

router = APIRouter(prefix="/w/{workspace_id}/accesses", tags=["pages"])
DONE["erased"] = "Erased. The entries stay, and say nothing of whom."
DONE["nothing-erased"] = "Nothing was erased: no clear value says that."
ROWS = 100


class Filters(Addressed):
    """The form above the list. What is empty is not asked."""

    person: Annotated[str, StringConstraints(max_length=200)] | None = None
    run: Annotated[str, StringConstraints(max_length=60, strip_whitespace=True)] | None = None
    since: date | None = None
    until: date | None = None
    """That day too."""
    after: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    """The place before which the page begins."""


class Erased(BaseModel):
    """The form of an erasure: one of the two."""

    value: Annotated[str, StringConstraints(max_length=1000)] = ""
    run_id: Annotated[str, StringConstraints(max_length=60, strip_whitespace=True)] = ""


@router.get("")
def show_accesses(
    request: Request, asked: Annotated[Asked, visit(May.WATCH)], filters: Annotated[Filters, Query()]
) -> Response:
    """Who looked, newest first, by pages."""
    try:
        found = list_accesses(
            asked, filters.run, filters.person, filters.since, filters.until, filters.after, limit=ROWS
        )
    except RunNotFoundError:
        found = AccessesPage(accesses=[], next=None)
    log = WorkspaceAccesses(asked.room)
    return page(request, "accesses.html", filters=filters, found=found, signed=log.head(), key=log.key)


@router.post("/verification")
def verify(
    request: Request,
    asked: Annotated[Asked, act(May.WATCH)],
    head: Annotated[str, Form(max_length=MAX_NOTE)] = "",
) -> Response:
    """Compute the whole log again, against a head that was kept elsewhere where one is given."""
    log, wrong, report = WorkspaceAccesses(asked.room), "", None
    try:
        report = log.check_note(_note(head)) if head.strip() else log.check()
    except (FormatError, CannotVerifyError, VerificationError) as error:
        wrong = str(error)
    seen(asked, None, "verify", outcome="failed" if report is None or report.exit_code == 1 else "allowed")
    status = 422 if report is None else 200
    return page(request, "accesses_checked.html", status=status, report=report, wrong=wrong, head=head)


@router.get("/erasure")
def show_erasure(request: Request, _asked: Annotated[Asked, visit(May.KEEP)]) -> Response:
    """What can be erased, and what cannot."""
    return _erasure_form(request, Erased())


@router.post("/erasure")
def ask_erasure(request: Request, asked: Annotated[Asked, act(May.KEEP)], said: Annotated[Erased, Form()]) -> Response:
    """How much would be erased."""
    try:
        count = WorkspaceAccesses(asked.room).count(run_id=said.run_id or None, value=said.value or None)
    except ConfigurationError as error:
        return _erasure_form(request, said, wrong=str(error))
    return _erasure_form(request, said, count=count)


@router.post("/erase")
def erase(request: Request, asked: Annotated[Asked, act(May.KEEP)], said: Annotated[Erased, Form()]) -> Response:
    """Erase names and addresses."""
    try:
        done = erase_names(asked, Erasure(run_id=said.run_id or None, value=said.value or None))
    except ConfigurationError as error:
        return _erasure_form(request, said, wrong=str(error))
    word = "erased" if done["erased"] else "nothing-erased"
    return RedirectResponse(f"/w/{asked.room.name}/accesses?done={word}", 303)


def _erasure_form(request: Request, said: Erased, *, count: int | None = None, wrong: str = "") -> Response:
    return page(request, "erasure.html", status=422 if wrong else 200, said=said, count=count, wrong=wrong)


def _note(text: str) -> bytes:
    """The note of a head, as browsers send it: with their ends of lines, and perhaps without the last one."""
    return (text.replace("\r\n", "\n").strip("\n") + "\n").encode()
