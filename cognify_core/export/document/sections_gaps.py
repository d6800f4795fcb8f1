"""What is missing, why, what mends it, and who owns it."""

from __future__ import annotations

from cognify_core.export.document.blocks import Block, Prose, Section
from cognify_core.export.document.cells import ROWS, count, mono, plain, sentence, table
from cognify_core.export.document.told_gaps import owner, told_gaps
from cognify_core.export.dossier import Dossier

GAPS = "Gaps and their owners"


def open_gaps(dossier: Dossier, *beside: Block) -> Section:
    """Every gap of the record, and `beside` those of a template, which stand with its rows too."""
    found = told_gaps(dossier)
    closed = dossier.closed
    reasons = tuple(sentence(f"The record is not complete: {reason}", closed) for reason in closed.body.reasons[:ROWS])
    if not found:
        return Section(GAPS, (*reasons, Prose("The record names no gap.", (closed.evidence,)), *beside))
    columns = (("Subject", 1.8), ("What could not be seen, and why", 3.0), ("What mends it", 3.0), ("Owner", 1.2))
    rows = [
        (
            mono(item.gap.subject, item.told),
            plain(item.gap.reason),
            mono(item.gap.mend or "nothing is known to"),
            plain(owner(dossier.profile, item.gap.owner)),
        )
        for item in found
    ]
    lead: Block = Prose(f"{count(len(found), 'gap')} recorded: what nobody could see, or only a person can say.")
    return Section(GAPS, (*reasons, lead, table(dossier, columns, rows), *beside))
