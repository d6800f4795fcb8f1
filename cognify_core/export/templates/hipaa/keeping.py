"""How long HIPAA documentation is kept: six years from its creation or from when it was last in effect (164.316)."""

from __future__ import annotations

from datetime import date

from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.hipaa.law import YEARS
from cognify_core.export.templates.retention import Retention, longest, years_after


def documentation(dossier: Dossier) -> Retention:
    """Six years after the last seal; as long as the documentation is in effect the clock has not started."""
    days = [date.fromisoformat(seal.sealed_at[:10]) for seal in dossier.seals]
    days = days or [date.fromisoformat(dossier.closed_at[:10])]
    return longest(
        Retention(
            years_after(day, YEARS),
            f"{YEARS} years after its creation on {day.isoformat()}; later where it was in effect after that day",
        )
        for day in days
    )
