"""Say something of a sealed run: a note, in an addendum of its own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError, RunStateError
from cognify_core.model.record import Status
from cognify_core.model.words import NOTE_KINDS
from cognify_core.server.asking import Asked
from cognify_core.server.forms import NewNote
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.roles import May
from cognify_core.server.routes.saying import add_note
from cognify_core.server.visiting import act, visit
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}", tags=["pages"])
DONE["note"] = "The note is added, and its addendum is sealed."
Line = Annotated[str, Form(max_length=200)]
Given = Annotated[str, Query(max_length=1000)]
"""What a link fills in beforehand."""


@router.get("/note")
def write_note(
    request: Request, asked: Annotated[Asked, visit(May.SAY)], run_id: str, kind: Given = "general", subject: Given = ""
) -> Response:
    """The form of a note."""
    return _note_form(request, sealed_run(asked, run_id), {"kind": kind, "subject": subject})


@router.post("/note")
def send_note(
    request: Request,
    asked: Annotated[Asked, act(May.SAY)],
    run_id: str,
    text: Annotated[str, Form(max_length=40_000)] = "",
    kind: Line = "general",
    subject: Line = "",
) -> Response:
    """Add a note."""
    row = sealed_run(asked, run_id)
    said = {"text": text, "kind": kind, "subject": subject}
    if not text.strip():
        return _note_form(request, row, said, "A note has a text.")
    try:
        new = checked(lambda: NewNote(text=text, kind=kind, subject=subject.strip() or None))
        add_note(asked, run_id, new)
    except ConfigurationError as error:
        return _note_form(request, row, said, str(error))
    return RedirectResponse(f"/w/{asked.room.name}/runs/{run_id}?done=note#said", 303)


def _note_form(request: Request, row: RunRow, said: dict[str, str], wrong: str = "") -> Response:
    status = 422 if wrong else 200
    return page(request, "note.html", status=status, row=row, said=said, wrong=wrong, kinds=NOTE_KINDS)


def sealed_run(asked: Asked, run_id: str) -> RunRow:
    """A sealed run, of which something can be said here.

    Raises:
        RunStateError: it is not sealed, or is an addendum.
    """
    row = asked.room.store.run(run_id)
    if row.amends is not None:
        raise RunStateError(f"{run_id} is an addendum: say it of the run that it amends, {row.amends}")
    if row.status is not Status.AUDIT_SEALED:
        raise RunStateError(f"{run_id} is not sealed yet: seal it first, and what is said then goes into an addendum")
    return row
