"""Attest something of a sealed run: the forms that documents look for, those that the run lacks first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, StringConstraints

from cognify_core.api.profiles import today
from cognify_core.api.saying import checked
from cognify_core.errors import ConfigurationError, FormatError, StoreError
from cognify_core.export.templates.covered import COVERED
from cognify_core.model.attestation_forms import PHI_BASES
from cognify_core.server.asking import Asked
from cognify_core.server.attestation_fields import ABOUT, TITLES, Field, bases, facts_of, fields_of
from cognify_core.server.coverages import Coverages, CoveredRow, InForce
from cognify_core.server.forms import NewAttestation
from cognify_core.server.pages.compliance import coverages_of
from cognify_core.server.pages.rendering import DONE, page
from cognify_core.server.pages.run import portraits_of
from cognify_core.server.pages.saying import sealed_run
from cognify_core.server.portraits import Portraits
from cognify_core.server.roles import May
from cognify_core.server.routes.saying import add_attestation
from cognify_core.server.visiting import act, sent_fields, visit
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}/attestation", tags=["pages"])
DONE["attestation"] = "The attestation is added, and its addendum is sealed."
OF_LAWS = ("annex_iv", "hipaa", "test_report", "phi", "encryption_at_rest")
"""Forms that answer rows of a law."""
MOST = 1000
Word = Annotated[str, StringConstraints(max_length=MOST)]
Known = Annotated[Coverages, Depends(coverages_of)]
Seen = Annotated[Portraits, Depends(portraits_of)]


class Looked(BaseModel):
    """Which form, and what a link fills in."""

    form: Word = ""
    basis: Word = ""
    """Of `phi`."""
    subject: Word = ""


@router.get("")
def write_attestation(
    request: Request,
    asked: Annotated[Asked, visit(May.SAY)],
    run_id: str,
    looked: Annotated[Looked, Query()],
    known: Known,
    portraits: Seen,
) -> Response:
    """The form of an attestation."""
    row = sealed_run(asked, run_id)
    return _page(request, asked, row, looked, known, portraits, {"on": today(), "subject": looked.subject})


@router.post("")
def send_attestation(
    request: Request,
    asked: Annotated[Asked, act(May.SAY)],
    run_id: str,
    sent: Annotated[dict[str, str], Depends(sent_fields)],
    known: Known,
    portraits: Seen,
) -> Response:
    """Add an attestation."""
    row, looked = (
        sealed_run(asked, run_id),
        Looked(form=sent.get("form", "")[:MOST], basis=sent.get("basis", "")[:MOST]),
    )
    fields = fields_of(looked.form, looked.basis)
    said = {each.name: value for each in fields if (value := sent.get(each.name, "").strip())}
    wrong = dict(_wrong(fields, said))
    refused = ""
    if not wrong:
        try:
            add_attestation(asked, run_id, checked(lambda: _attestation(looked, said)))
        except ConfigurationError as error:
            refused = str(error)
        else:
            return _back(asked, run_id, looked.form, said.get("subject", ""))
    return _page(request, asked, row, looked, known, portraits, said, wrong, refused)


def _wrong(fields: tuple[Field, ...], said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for each in fields:
        if each.required and each.name not in said:
            yield each.name, "this is needed"
        elif len(said.get(each.name, "")) > each.most:
            yield each.name, f"at most {each.most} characters"


def _attestation(looked: Looked, said: Mapping[str, str]) -> NewAttestation:
    plain = {name: value for name, value in said.items() if not name.startswith("facts.")}
    facts = facts_of(looked.form, looked.basis, said)
    return NewAttestation.model_validate({**plain, "form": looked.form or None, "facts": facts})


def _back(asked: Asked, run_id: str, form: str, subject: str) -> Response:
    """To the row that it answers, where it is one; else to the run."""
    here = f"/w/{asked.room.name}/runs/{run_id}"
    if form not in OF_LAWS:
        return RedirectResponse(f"{here}?done=attestation#said", 303)
    anchor = f"#{subject}" if form in ("annex_iv", "hipaa") else ""
    return RedirectResponse(f"{here}/compliance?done=attestation{anchor}", 303)


def _page(
    request: Request,
    asked: Asked,
    row: RunRow,
    looked: Looked,
    known: Coverages,
    portraits: Portraits,
    said: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    refused: str = "",
) -> Response:
    form = looked.form if looked.form in TITLES else ""
    basis = looked.basis if looked.basis in PHI_BASES else ""
    rows = _rows(asked, row, known)
    return page(
        request,
        "attestation.html",
        status=422 if wrong or refused else 200,
        row=row,
        form=form,
        basis=basis,
        titles=TITLES,
        about=ABOUT[form],
        words=PHI_BASES.get(basis, ""),
        bases=tuple(bases()),
        lacking=_lacking(rows),
        fields=fields_of(form, basis, subjects=_subjects(form, rows)),
        datasets=portraits.of(asked.room, row).datasets if form == "phi" else (),
        said=said,
        wrong=wrong or {},
        refused=refused,
    )


def _rows(asked: Asked, row: RunRow, known: Coverages) -> list[CoveredRow]:
    """The rows of all laws as the run answers them; none where its record does not read."""
    in_force = InForce.of(asked.room, row.project)
    try:
        return [each for law in COVERED for each in known.rows(asked.room, row, law, in_force, clear=False)]
    except (FormatError, StoreError, ConfigurationError):
        return []


def _lacking(rows: list[CoveredRow]) -> Counter[str]:
    """How much each form would supply that is missing."""
    wanted = {mend.asks: dict(mend.asks).get("form", "") for row in rows for mend in row.mends}
    return Counter(form for form in wanted.values() if form)


def _subjects(form: str, rows: list[CoveredRow]) -> Iterator[tuple[str, str]]:
    """What an attestation of that form can be about."""
    if form == "encryption_at_rest":
        asks = (dict(mend.asks) for row in rows for mend in row.mends)
        yield from ((ask["subject"], "") for ask in asks if ask.get("form") == form and "subject" in ask)
    for row in rows:
        if row.point.prefix == form:
            yield row.point.name, f"{row.point.ref} {row.point.title}: {row.state}"
