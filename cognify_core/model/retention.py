"""How long things are kept: what a workspace says, floors of the law, and the day on which each clock starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cognify_core.canonical import Json
from cognify_core.errors import ConfigurationError, FloorError

MAX_YEARS = 100
"""The longest lock that S3 and GCS take."""


class Retention(BaseModel):
    """What a workspace does with what was sealed. The first four are those of `PATCH …/retention`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retention_years: int = Field(default=10, ge=0, le=MAX_YEARS)
    """From the seal. Ten years cover both floors below."""
    archive_after_days: int | None = Field(default=None, ge=1, le=36_500)
    """When packages in a vault move to a cheaper class, which is still read at once; none: never."""
    auto_export_on_seal: bool = False
    """Whether a sealed run is exported and put into the vault by itself."""
    auto_export_format: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")] = "json"
    override_reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] | None = (
        None
    )
    """Why floors of the law do not apply to what is sealed while this is in force; where none is said, they do."""

    @classmethod
    def parse(cls, value: Json) -> Self:
        """Read what was said.

        Raises:
            ConfigurationError: a field is unknown, or says what it cannot say; the message names it.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            name = ".".join(map(str, first["loc"])) or "retention"
            raise ConfigurationError(f"{name} cannot be {str(first['input'])[:80]!r}: {first['msg']}") from None

    def to_json(self) -> dict[str, Json]:
        """All of it, as JSON has it."""
        said: dict[str, Json] = self.model_dump(mode="json")
        return said


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a law asks, and when its clock starts."""

    years: int
    clock: Literal["market", "seal"]
    """`market`: when the system was placed on the market or put into service; unknown, it is an open hold."""
    citation: str


FLOORS = {
    "eu_ai_act": Floor(10, "market", "Regulation (EU) 2024/1689, Art. 18(1)"),
    "hipaa": Floor(6, "seal", "45 CFR 164.316(b)(2)(i), 164.530(j)"),
}
"""By the template that documents are made with: whoever makes one says that its law applies."""
LOG_MONTHS = 6
"""For logs, from their creation: Regulation (EU) 2024/1689, Art. 19(1) and 26(6)."""


def check_floors(said: Retention, templates: Iterable[str]) -> None:
    """Refuse years below a floor that applies, unless a reason is given.

    Raises:
        FloorError: they are below, without a reason; the message names the law.
    """
    below = [(name, FLOORS[name]) for name in sorted(set(templates) & set(FLOORS))]
    below = [(name, floor) for name, floor in below if said.retention_years < floor.years]
    if below and said.override_reason is None:
        name, floor = max(below, key=lambda each: each[1].years)
        counted = "1 year is" if said.retention_years == 1 else f"{said.retention_years} years are"
        raise FloorError(
            f"{counted} fewer than the {floor.years} that {floor.citation} asks, and documents "
            f"are made here with the template {name}; give a reason to keep them for less all the same"
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when something must be kept. `until` is none as long as the clock has not started: an open hold."""

    until: date | None
    why: str

    @property
    def day(self) -> str | None:
        """The last day, as stores keep it; none for an open hold."""
        return None if self.until is None else self.until.isoformat()

    def __str__(self) -> str:
        return f"{'open hold' if self.until is None else f'until {self.until.isoformat()}'}: {self.why}"


def holds_of(
    said: Iterable[Retention], *, sealed_on: date, last_seal_on: date, templates: Iterable[str], market: Iterable[date]
) -> list[Hold]:
    """What keeps a sealed run: its workspace's years, and the floors of the laws that documents were made for.

    Args:
        said: every retention that has been in force since the seal: the longest counts, so that a shorter one is for
            new runs alone. So with floors: they hold a run unless each of these has overridden them.
        sealed_on: the day of the run's seal.
        last_seal_on: the day of the last seal of it or of an addendum.
        templates: those that documents of this run were made with.
        market: the days on which the system is said to have been placed on the market.
    """
    every = list(said)
    years = max(each.retention_years for each in every)
    holds = [Hold(years_after(sealed_on, years), f"{years} years after the seal of {sealed_on.isoformat()}")]
    if all(each.override_reason is not None for each in every):
        return holds
    days = list(market)
    for name in sorted(set(templates) & set(FLOORS)):
        floor = FLOORS[name]
        starts = days if floor.clock == "market" else [last_seal_on]
        if not starts:
            holds.append(Hold(None, f"{floor.citation}: the date of placing on the market is not known"))
        holds += [
            Hold(years_after(start, floor.years), f"{floor.citation}: {floor.years} years after {start.isoformat()}")
            for start in starts
        ]
    return holds


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


def longest(holds: Iterable[Hold]) -> Hold:
    """The one that ends last; an open hold ends after all others."""
    return max(holds, key=lambda hold: hold.until or date.max)
