"""Until when the documentation must be kept (Art. 18(1)): ten years from the market, not from the seal."""

from __future__ import annotations

from datetime import date

from cognify_core.export.document.blocks import Facts, Prose, Section
from cognify_core.export.document.cells import gap, plain
from cognify_core.export.document.told_gaps import owner
from cognify_core.export.dossier import Dossier
from cognify_core.export.evidence import Evidence
from cognify_core.export.templates.statements import profile_evidence
from cognify_core.model.retention import FLOORS, LOG_MONTHS, Hold, longest, months_after, years_after

YEARS = FLOORS["eu_ai_act"].years


def market_dates(dossier: Dossier) -> tuple[tuple[date, str, tuple[Evidence, ...]], ...]:
    """The days on which the system is said to have been placed on the market or put into service."""
    said = [(told.body.market_date, "release", (told.evidence,)) for told in dossier.releases]
    every = (*said, (dossier.profile.market_date, "profile", profile_evidence(dossier)))
    return tuple((day, source, cites) for text, source, cites in every if (day := _day(text)) is not None)


def _day(text: str | None) -> date | None:
    """A day of the calendar; none where none is said, or one that there is not, like 30 February."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def documentation(dossier: Dossier) -> Hold:
    """Ten years after the last of the market dates; an open hold where there is none."""
    days = market_dates(dossier)
    if not days:
        return Hold(None, "the date of placing on the market is not known; nothing may be deleted until it is")
    return longest(
        Hold(years_after(day, YEARS), f"{YEARS} years after {day.isoformat()}, the market date of the {source}")
        for day, source, _ in days
    )


def logs(dossier: Dossier) -> Hold:
    """The floor for logs, from the end of the record."""
    closed = date.fromisoformat(dossier.closed_at[:10])
    return Hold(months_after(closed, LOG_MONTHS), f"at least {LOG_MONTHS} months after {closed.isoformat()}")


def retention(dossier: Dossier) -> Section:
    """The table, and what it rests on."""
    held = documentation(dossier)
    evidence = [entry for _, _, entries in market_dates(dossier) for entry in entries]
    whose = owner(dossier.profile, "compliance", "annex_iv/retention")
    missing = f"{held}; owner: {whose}; supplied by market_date in the profile, or with the release"
    rows = (
        ("Technical documentation, Art. 18(1)", plain(str(held), *evidence) if held.until else gap(missing)),
        (
            "Logs, Art. 19(1) and 26(6)",
            plain(f"{logs(dossier)}, unless other law, data protection above all, says otherwise"),
        ),
        ("Authorised representative", plain("keeps the documentation as long: Art. 22(3), 54(3)(b)")),
    )
    lead = Prose(
        "The clock of Art. 18(1) starts when the system is placed on the market or put into service, not when the "
        f"record is sealed. {YEARS} years for the documentation and {LOG_MONTHS} months for logs are floors."
    )
    renewal = Prose(
        "Signatures age: over ten years, keep a renewed timestamp of the seal (RFC 3161, RFC 4998) beside this "
        "document."
    )
    return Section("Retention", (lead, Facts(rows), renewal))
