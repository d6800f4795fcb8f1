"""Until when sealed runs must be kept, and locked: computed for one or for all of a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from cognify_core.api.refreshing import profile_now
from cognify_core.canonical import parse
from cognify_core.errors import StoreError
from cognify_core.model.events import Release, parse_event
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.retention import FLOORS, Hold, Retention, holds_of, longest, years_after
from cognify_core.vault.protocol import Lock, Mode

if TYPE_CHECKING:
    from cognify_core.store.keeping import Clocks
    from cognify_core.store.protocol import Store


class Holding:
    """What keeps sealed runs. What the workspace says, and the profiles, are read once for however many runs."""

    def __init__(self, store: Store, then: Retention | None = None) -> None:
        """Read what was said.

        Args:
            store: whose runs they are.
            then: what would be said now, after all that was said.

        Raises:
            FormatError, ConfigurationError: what the store keeps of it does not read.
        """
        self._store = store
        said = [(each.saved_at, Retention.parse(parse(each.policy))) for each in store.policies("retention")]
        self._said = said if then is None else [*said, (stamp_time(utc_now()), then)]
        self._profiles: dict[str, date | None] = {}

    @property
    def in_force(self) -> Retention:
        """What was said last; the defaults where nothing was."""
        return self._said[-1][1] if self._said else Retention()

    def hold(self, clocks: Clocks) -> Hold:
        """Until when a run must be kept, and why. No day comes nearer."""
        holds = holds_of(
            self._said_since(clocks.sealed_at),
            sealed_on=_sealed_on(clocks.run_id, clocks.sealed_at),
            last_seal_on=_sealed_on(clocks.run_id, clocks.last_seal_at),
            templates=clocks.templates,
            market=list(self._market_dates(clocks)),
        )
        if clocks.kept is not None and (day := _day(clocks.kept.until)) is not None:
            holds.append(Hold(day, clocks.kept.why))
        return longest(holds)

    def moved(self, clocks: Clocks) -> Hold | None:
        """The same, where it is another day than the one that is written down."""
        hold = self.hold(clocks)
        return hold if clocks.kept is None or clocks.kept.until != hold.day else None

    def lock(self, clocks: Clocks, mode: Mode) -> tuple[Lock, Hold]:
        """The lock that a package of a run is given: through the last day on which it must be kept.

        Where that day is not known yet, a hold without a date is asked for as well, on top of the years that are known.
        """
        hold = self.hold(clocks)
        years = max(self.in_force.retention_years, *(floor.years for floor in FLOORS.values()))
        last = hold.until or years_after(_sealed_on(clocks.run_id, clocks.sealed_at), years)
        last = max(last, utc_now().date())  # a lock that has ended would be refused
        until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
        return Lock(mode, until, held=hold.until is None), hold

    def _said_since(self, sealed_at: str) -> list[Retention]:
        """What has been in force since then: what was at that time, and all that came after."""
        earlier = [said for at, said in self._said if str(at)[:19] <= str(sealed_at)[:19]]
        later = [said for at, said in self._said if str(at)[:19] > str(sealed_at)[:19]]
        return [earlier[-1] if earlier else Retention(), *later]

    def _market_dates(self, clocks: Clocks) -> Iterator[date]:
        released = (parse_event(event).body for event in clocks.releases)
        said = [_day(body.market_date) for body in released if isinstance(body, Release)]
        yield from (day for day in (*said, self._market_date_of(clocks.project)) if day is not None)

    def _market_date_of(self, project: str) -> date | None:
        if project not in self._profiles:
            profile = profile_now(self._store, project)
            self._profiles[project] = None if profile is None else _day(profile.profile.get("market_date"))
        return self._profiles[project]


def _sealed_on(run_id: str, sealed_at: object) -> date:
    """The day of a seal.

    Raises:
        StoreError: the store says something else there.
    """
    day = _day(str(sealed_at)[:10])
    if day is None:
        raise StoreError(f"the store is damaged: {run_id} was sealed at {str(sealed_at)[:40]!r}, which is no time")
    return day


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
