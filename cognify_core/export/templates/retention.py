"""How long a document must be kept: floors of the law, from the day on which their clock starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Retention:
    """Until when something must be kept. `until` is none as long as the clock has not started: an open hold."""

    until: date | None
    why: str

    def __str__(self) -> str:
        return f"{'open hold' if self.until is None else f'until {self.until.isoformat()}'}: {self.why}"


def years_after(start: date, years: int) -> date:
    """The same day, so many years later; 1 March where there is no 29 February."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 3, 1)


def months_after(start: date, months: int) -> date:
    """The same day, so many months later; the first of the next month where there is no such day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    try:
        return start.replace(year=year, month=month + 1)
    except ValueError:
        return date(year + (month == 11), (month + 1) % 12 + 1, 1)


def longest(holds: Iterable[Retention]) -> Retention:
    """The one that ends last; an open hold ends after all others."""
    return max(holds, key=lambda hold: hold.until or date.max)
