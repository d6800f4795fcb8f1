"""Recorded sign-offs, and boxes for those made on this document (21 CFR 11.50: name, date and time, meaning)."""

from __future__ import annotations

from cognify_core.export.document.blocks import Block, Prose, Section, SignOff, Table
from cognify_core.export.document.cells import gap, moment, mono, plain, table
from cognify_core.export.document.void import void
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.bodies import Attestation

MEANINGS = (
    "Prepared: I am responsible for the training that this document describes.",
    "Reviewed: I have compared this document with its evidence.",
    "Approved: I approve the use of the model for the stated purpose.",
)
_COLUMNS = (("Statement", 2.2), ("Name", 1.1), ("Role", 1.0), ("Date", 1.1), ("Meaning", 1.0), ("Bound to", 3.9))


def sign_off(dossier: Dossier) -> Section:
    """What named persons have said, word by word, and where others sign."""
    return Section("Sign-off", (*_recorded(dossier), *_released(dossier), SignOff(MEANINGS)))


def attested_on(told: Told[Attestation]) -> str:
    """The day that the person gave, else when it was recorded, and which of the two it is."""
    return told.body.on or f"recorded {moment(told.time)}"


def _recorded(dossier: Dossier) -> tuple[Block, ...]:
    if not dossier.attestations:
        return (Prose("No attestation is recorded.", (dossier.closed.evidence,)),)
    rows = [
        (
            plain(told.body.claim, told),
            plain(told.body.by),
            plain(told.body.role),
            plain(attested_on(told)),
            plain(told.body.meaning or "not given"),
            gap(reason) if (reason := void(dossier, told.body)) else mono(_bound(told.body)),
        )
        for told in dossier.attestations
    ]
    return (table(dossier, _COLUMNS, rows, "Recorded attestations"),)


def _bound(body: Attestation) -> str:
    bound = (body.subject, *(body.datasets or ()), body.evidence)
    return ", ".join(str(each) for each in bound if each) or "the run"


def _released(dossier: Dossier) -> tuple[Table, ...]:
    if not dossier.releases:
        return ()
    columns = (
        ("Approved by", 1.5),
        ("Role", 1.5),
        ("Date", 1.0),
        ("Ran by", 1.5),
        ("Meaning", 1.5),
        ("Supersedes", 2.0),
    )
    rows = [
        (
            plain(told.body.approved_by, told),
            plain(told.body.role),
            plain(told.body.on),
            plain(told.body.ran_by),
            plain(told.body.meaning or "released"),
            mono(told.body.supersedes or "no earlier run"),
        )
        for told in dossier.releases
    ]
    return (table(dossier, columns, rows, "Releases"),)
