"""Who did what, when and from where, as far as it was snapshot into the record."""

from __future__ import annotations

from cognify_core.export.document.blocks import Block, Callout, Prose, Section
from cognify_core.export.document.cells import cut, moment, mono, plain, table
from cognify_core.export.document.clear_values import ClearValues
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.bodies import Access

_COLUMNS = (
    ("Time", 1.5),
    ("User", 2.2),
    ("From", 2.2),
    ("Action, outcome", 1.1),
    ("Object", 2.0),
    ("Known by", 1.0),
    ("Seen by", 1.5),
)
_SEEN = {"server": "observed by a server", "machine": "declared by the machine"}


def access_log(dossier: Dossier, *, clear: bool = False) -> Section:
    """The access log. Users and addresses stand as commitments, or in clear where `clear` and the openings say so."""
    values = ClearValues.of(dossier.openings if clear else ())
    if not dossier.accesses:
        missing = "No access is recorded in this document. That is no statement that there was none."
        return Section("Access log", (Callout(missing, "warning"),))
    rows = [
        (
            plain(moment(told.body.at), told),
            mono(values.show(told.body.actor, clear=clear)),
            mono(values.show(told.body.source, clear=clear)),
            plain(_action(told)),
            mono(told.body.subject or dossier.run_id),
            plain(told.body.auth or "not recorded"),
            plain(_SEEN[told.body.observed_by]),
        )
        for told in dossier.accesses
    ]
    return Section("Access log", (_lead(dossier, clear=clear), table(dossier, _COLUMNS, rows)))


def _action(told: Told[Access]) -> str:
    return f"{cut(told.body.action, 40)} ({told.body.outcome})"


def _lead(dossier: Dossier, *, clear: bool) -> Block:
    first, last = dossier.accesses[0], dossier.accesses[-1]
    period = f"{len(dossier.accesses):,} recorded, from {moment(first.body.at)} to {moment(last.body.at)}."
    if clear:
        how = "Each clear value was checked against the commitment in the record; 'erased' means that it is gone."
    else:
        how = (
            "Users and addresses stand as commitments (SHA-256 with 32 random bytes); the clear values are kept apart."
        )
    return Prose(f"{period} {how}", tuple(dict.fromkeys((first.evidence, last.evidence))))
