"""How long HIPAA documentation is kept: six years from its creation or from when it was last in effect (164.316)."""

from __future__ import annotations

from datetime import date

from cognify_core.export.dossier import Dossier
from cognify_core.model.retention import FLOORS, Hold, longest, years_after

YEARS = FLOORS["hipaa"].years


def documentation(dossier: Dossier) -> Hold:
    """Six years after the last seal; as long as the documentation is in effect the clock has not started."""
    days = [date.fromisoformat(seal.sealed_at[:10]) for seal in dossier.seals]
    days = days or [date.fromisoformat(dossier.closed_at[:10])]
    return longest(
        Hold(
            years_after(day, YEARS),
            f"{YEARS} years after its creation on {day.isoformat()}; later where it was in effect after that day",
        )
        for day in days
    )
