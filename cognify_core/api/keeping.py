"""Until when a sealed run is kept, and in which vault: what the workspace says, and the floors of the law."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cognify_core.api.refreshing import profile_now
from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import ConfigurationError, RunStateError, StoreError
from cognify_core.model.events import Release, parse_event
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.model.retention import FLOORS, Hold, Retention, check_floors, holds_of, longest, years_after
from cognify_core.store.keeping import KeepUntil, PolicyVersion
from cognify_core.vault.protocol import Lock, Mode
from cognify_core.vault.uri import VaultUri

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import RunRow, Store

DEFAULT = "default"
"""In the place of a vault's URI: the one that is in force."""


def retention_in_force(store: Store) -> Retention:
    """What the workspace says now; the defaults where it never said anything.

    Raises:
        FormatError, ConfigurationError: what the store keeps of it does not read.
    """
    known = store.policies("retention")
    return Retention.parse(parse(known[-1].policy)) if known else Retention()


def set_retention(store: Store, changes: Mapping[str, Json]) -> tuple[PolicyVersion, int]:
    """Change what is given, and hold sealed runs to it: what is longer is for those too, what is shorter for new ones.

    A reason for going below a floor is for the same call alone. Returns the version, and how many runs are kept longer.

    Raises:
        ConfigurationError: a value is wrong.
        FloorError: it is below a floor, without a reason.
    """
    before = retention_in_force(store).to_json() | {"override_reason": None}
    said = Retention.parse({**before, **changes})
    check_floors(said, set(templates_made(store)))
    version = store.put_policy("retention", encode(said.to_json()), stamp_time(utc_now()))
    return version, sum(keep(store, row.run_id) for row in _sealed(store))


def templates_made(store: Store) -> Iterator[str]:
    """The templates that documents were made with: whoever makes one says that its law applies."""
    for row in _sealed(store):
        yield from (receipt.template for receipt in store.receipts(row.run_id) if receipt.template)


def _sealed(store: Store) -> list[RunRow]:
    return [row for row in store.runs() if row.status is Status.AUDIT_SEALED]


def keep(store: Store, run_id: str) -> bool:
    """Write down until when a sealed run is kept; whether that is other than before."""
    before, hold = store.kept_until(run_id), hold_of(store, run_id)
    until = None if hold.until is None else hold.until.isoformat()
    after = store.keep_until(run_id, KeepUntil(until, hold.why, stamp_time(utc_now())))
    return before is None or before.until != after.until


def hold_of(store: Store, run_id: str) -> Hold:
    """Until when a sealed run must be kept, and why.

    Raises:
        RunStateError: it is not sealed.
    """
    row = store.run(run_id)
    if row.freeze is None:
        raise RunStateError(f"{run_id} is not sealed: nothing keeps it, and `cognify discard` deletes it")
    seals = [row.freeze.sealed_at, *(each.freeze.sealed_at for each in store.addenda(run_id) if each.freeze)]
    holds = holds_of(
        _said_since(store, row.freeze.sealed_at),
        sealed_on=_sealed_on(run_id, row.freeze.sealed_at),
        last_seal_on=max(_sealed_on(run_id, sealed_at) for sealed_at in seals),
        templates=[receipt.template for receipt in store.receipts(run_id) if receipt.template],
        market=_market_dates(store, row),
    )
    kept = store.kept_until(run_id)  # no day comes nearer
    if kept is not None and (day := _day(kept.until)) is not None:
        holds.append(Hold(day, kept.why))
    return longest(holds)


def _said_since(store: Store, sealed_at: str) -> list[Retention]:
    """What has been in force since then: what was at that time, and all that came after."""
    known = store.policies("retention")
    earlier = [each for each in known if str(each.saved_at)[:19] <= str(sealed_at)[:19]]
    later = [each for each in known if each not in earlier]
    first = Retention.parse(parse(earlier[-1].policy)) if earlier else Retention()
    return [first, *(Retention.parse(parse(each.policy)) for each in later)]


def _market_dates(store: Store, row: RunRow) -> list[date]:
    said = [_day(event.body.market_date) for event in _releases(store, row.run_id) if isinstance(event.body, Release)]
    profile = profile_now(store, row.project)
    stated = profile.profile.get("market_date") if profile is not None else None
    return [day for day in (*said, _day(stated)) if day is not None]


def _releases(store: Store, run_id: str) -> Iterator[Any]:
    for addendum in store.addenda(run_id):
        for event in store.events(addendum.run_id):
            if b'"kind":"release"' in event:
                yield parse_event(event)


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


def lock_for(store: Store, run_id: str, mode: Mode) -> tuple[Lock, Hold]:
    """The lock that a package of a run is given: through the last day on which it must be kept.

    Where that day is not known yet, a hold without a date is asked for as well, on top of the years that are known.
    """
    hold = hold_of(store, run_id)
    row = store.run(run_id)
    sealed_at = row.freeze.sealed_at if row.freeze else ""
    years = max(retention_in_force(store).retention_years, *(floor.years for floor in FLOORS.values()))
    last = hold.until or years_after(_sealed_on(run_id, sealed_at), years)
    last = max(last, utc_now().date())  # a lock that has ended would be refused
    until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    return Lock(mode, until, held=hold.until is None), hold


def vault_in_force(settings: Settings, store: Store) -> VaultUri:
    """The vault of this workspace: `COGNIFY_VAULT`, else what `cognify vault set` said, else a folder.

    Raises:
        ConfigurationError: what was said names no vault.
    """
    if settings.vault is not None:
        return VaultUri.parse(settings.vault)
    known = store.policies("vault")
    if not known:
        return VaultUri.parse(f"file://{quote(str(settings.home / 'vault'))}")
    said = parse(known[-1].policy)
    if not isinstance(said, str):
        raise ConfigurationError("what the store keeps of its vault is no URI: say it again with `cognify vault set`")
    return VaultUri.parse(said)


def find_vault(settings: Settings, store: Store, named: str) -> VaultUri:
    """The vault that is named, or the one in force where that is `default`."""
    return vault_in_force(settings, store) if named == DEFAULT else VaultUri.parse(named)
