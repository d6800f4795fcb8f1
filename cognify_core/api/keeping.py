"""Until when a sealed run is kept, and in which vault: what the workspace says, and the floors of the law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from cognify_core.api.holding import Holding
from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import ConfigurationError, PolicyChangedError, RunStateError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.retention import Hold, Retention, check_floors
from cognify_core.store.keeping import Clocks, KeepUntil, PolicyVersion
from cognify_core.vault.uri import VaultUri

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store
    from cognify_core.vault.protocol import Lock, Mode

_ATTEMPTS = 100
DEFAULT = "default"
"""In the place of a vault's URI: the one that is in force."""


def retention_in_force(store: Store) -> Retention:
    """What the workspace says now; the defaults where it never said anything.

    Raises:
        FormatError, ConfigurationError: what the store keeps of it does not read.
    """
    return _last_said(store.policies("retention"))


def _last_said(known: Sequence[PolicyVersion]) -> Retention:
    return Retention.parse(parse(known[-1].policy)) if known else Retention()


def changed_retention(store: Store, before: Retention, changes: Mapping[str, Json]) -> Retention:
    """What would be in force once these changes were made. A reason for going below a floor is for one change alone.

    Args:
        store: where it is seen which laws apply.
        before: what is in force.
        changes: what is to be another.

    Raises:
        ConfigurationError: a value is wrong.
        FloorError: it is below a floor, without a reason.
    """
    said = Retention.parse({**before.to_json(), "override_reason": None, **changes})
    check_floors(said, templates_made(store))
    return said


def set_retention(store: Store, changes: Mapping[str, Json], *, after: int | None = None) -> tuple[PolicyVersion, int]:
    """Change what is given, and hold sealed runs to it: what is longer is for those too, what is shorter for new ones.

    Of two who change it at once, each changes what is given, and nothing of what the other has changed.

    Args:
        store: the workspace's.
        changes: what is to be another.
        after: the version that the change was decided upon; none: whichever is in force.

    Returns the version, and how many runs are kept until another day: a later one, or the first that is
    known. `foreseeing` tells the same before anything is changed.

    Raises:
        ConfigurationError, FloorError: as `changed_retention`.
        PolicyChangedError: there is another version than `after`, or others go on changing it.
    """
    for attempts_left in reversed(range(_ATTEMPTS)):
        known = store.policies("retention")
        said = changed_retention(store, _last_said(known), changes)
        rests_on = len(known) if after is None else after
        try:
            version = store.put_policy("retention", encode(said.to_json()), stamp_time(utc_now()), after=rests_on)
        except PolicyChangedError:
            if after is not None or not attempts_left:
                raise
        else:
            break
    return version, keep_all(store)


def sealed_clocks(store: Store) -> list[Clocks]:
    """What keeps each sealed run."""
    return [each for each in store.all_clocks() if each.is_sealed]


def templates_made(store: Store) -> frozenset[str]:
    """The templates that documents were made with: whoever makes one says that its law applies."""
    return frozenset(store.count_made())


def keep(store: Store, run_id: str) -> bool:
    """Write down until when a sealed run is kept; whether that is other than before."""
    return _keep(store, [_clocks(store, run_id)]) == 1


def keep_all(store: Store) -> int:
    """Write down until when each sealed run is kept, as of now; of how many that is another day than before."""
    return _keep(store, sealed_clocks(store))


def _keep(store: Store, runs: Sequence[Clocks]) -> int:
    holding, now = Holding(store), stamp_time(utc_now())
    moved = {clocks.run_id: hold for clocks in runs if (hold := holding.moved(clocks)) is not None}
    return store.keep_all_until({run_id: KeepUntil(hold.day, hold.why, now) for run_id, hold in moved.items()})


def hold_of(store: Store, run_id: str) -> Hold:
    """Until when a sealed run must be kept, and why.

    Raises:
        RunStateError: it is not sealed.
    """
    return Holding(store).hold(_clocks(store, run_id))


def lock_for(store: Store, run_id: str, mode: Mode) -> tuple[Lock, Hold]:
    """The lock that a package of a run is given, and what asks for it.

    Raises:
        RunStateError: it is not sealed.
    """
    return Holding(store).lock(_clocks(store, run_id), mode)


def _clocks(store: Store, run_id: str) -> Clocks:
    clocks = store.clocks(run_id)
    if clocks is None:
        raise RunStateError(f"{run_id} is not sealed: nothing keeps it, and `cognify discard` deletes it")
    return clocks


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
