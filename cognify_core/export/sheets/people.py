"""The sheets of what people said: notes, and approvals with whether who approved is who trained."""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.export.document.sections_signoff import attested_on
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.sheets.common import TOLD, facts_cell, told_cells
from cognify_core.export.sheets.sheet import Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.bodies import BY_COMMITMENT
from cognify_core.model.events import Attestation, Release
from cognify_core.model.names import same_name

_SEGREGATED = {
    True: "yes",
    False: "NO: the same name",
    None: "not to be seen here: who ran it is a commitment",
}


def notes(dossier: Dossier) -> Sheet:
    """A row for each note."""
    columns = (Column("kind", 20), Column("text", 90), Column("about", 32), *TOLD)
    rows = (
        (told.body.note_kind, told.body.text, told.body.subject, *told_cells(dossier, told)) for told in dossier.notes
    )
    return Sheet.of("notes", "What people said of the run, in their own words.", columns, rows)


def approvals(dossier: Dossier) -> Sheet:
    """A row for each attestation and each release."""
    columns = (
        Column("what", 16),
        Column("statement", 70),
        Column("printed name", 32),
        Column("role", 32),
        Column("date", 26),
        Column("meaning", 24),
        Column("about", 40, mono=True),
        Column("ran by", 32),
        Column("approver is not who ran it", 26),
        Column("bound to", 71, mono=True),
        Column("facts", 50),
        *TOLD,
    )
    about = "Attestations and releases: name, role, date, meaning; and, of releases, who ran the training."
    return Sheet.of("approvals", about, columns, _rows(dossier))


def is_segregated(body: Release) -> bool | None:
    """Whether a release names two persons: the name of who approved is not that of who ran the training.

    None where who ran it stands as a commitment alone, which nobody can compare with a name.
    """
    return None if body.ran_by.startswith(BY_COMMITMENT) else not same_name(body.approved_by, body.ran_by)


def _rows(dossier: Dossier) -> Iterator[tuple[Value, ...]]:
    for told in dossier.of_kind(Attestation):
        body = told.body
        bound = "\n".join(map(str, (*(body.datasets or ()), *((body.evidence,) if body.evidence else ()))))
        yield (
            body.form or "attestation",
            body.claim,
            body.by,
            body.role,
            attested_on(told),
            body.meaning or "not given",
            body.subject or "the run",
            None,
            None,
            void(dossier, body) or bound or "the run",
            facts_cell(body.facts or {}),
            *told_cells(dossier, told),
        )
    for release in dossier.releases:
        yield _release(dossier, release)


def _release(dossier: Dossier, told: Told[Release]) -> tuple[Value, ...]:
    body = told.body
    marketed = f"; placed on the market {body.market_date}" if body.market_date else ""
    return (
        "release",
        f"This run is the released one; before it: {body.supersedes or 'no earlier run'}{marketed}.",
        body.approved_by,
        body.role,
        body.on,
        body.meaning or "released",
        "the run",
        body.ran_by,
        _SEGREGATED[is_segregated(body)],
        "the run",
        None,
        *told_cells(dossier, told),
    )
