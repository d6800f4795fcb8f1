"""What a change of retention would do: computed as `set_retention` computes it, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.holding import Holding
from cognify_core.api.keeping import changed_retention, retention_in_force, sealed_clocks
from cognify_core.api.rechecking import asked_of
from cognify_core.api.vaulting import latest
from cognify_core.model.retention import Hold, Retention

if TYPE_CHECKING:
    from cognify_core.canonical import Json
    from cognify_core.store.keeping import Clocks, VaultFact
    from cognify_core.store.protocol import Store
    from cognify_core.vault.protocol import Lock


@dataclass(frozen=True, slots=True)
class Moved:
    """A sealed run that would be kept until another day."""

    clocks: Clocks
    after: Hold


@dataclass(frozen=True, slots=True)
class Longer:
    """A file in a vault whose lock would be made longer, in the next round."""

    fact: VaultFact
    lock: Lock


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would be, and for what."""

    before: Retention
    after: Retention
    sealed: int
    """Sealed runs."""
    packages: int
    """That were exported of them."""
    moved: tuple[Moved, ...]
    in_vaults: int
    """Files of these runs that lie in vaults."""
    longer: tuple[Longer, ...]

    @property
    def changed(self) -> list[str]:
        """The settings that would be others."""
        before, after = self.before.to_json(), self.after.to_json()
        return [name for name in after if after[name] != before[name]]


def foresee(store: Store, changes: Mapping[str, Json]) -> Foreseen:
    """Compute what these changes would do, all of it as of now.

    Raises:
        ConfigurationError, FloorError: as `set_retention`.
    """
    before = retention_in_force(store)
    after = changed_retention(store, before, changes)
    holding, runs = Holding(store, after), sealed_clocks(store)
    there = {each.run_id: each for each in runs}
    facts = [fact for fact in latest(store.facts()) if fact.run_id in there]
    return Foreseen(
        before=before,
        after=after,
        sealed=len(runs),
        packages=sum(each.packages for each in runs),
        moved=tuple(_moved(holding, runs)),
        in_vaults=len(facts),
        longer=tuple(_longer(holding, there, facts)),
    )


def _moved(holding: Holding, runs: Iterable[Clocks]) -> Iterator[Moved]:
    for clocks in runs:
        if (hold := holding.moved(clocks)) is not None:
            yield Moved(clocks, hold)


def _longer(holding: Holding, runs: Mapping[str, Clocks], facts: Iterable[VaultFact]) -> Iterator[Longer]:
    for fact in facts:
        asked = asked_of(fact)
        lock, _ = holding.lock(runs[fact.run_id], asked.mode)
        if lock.outlasts(asked):
            yield Longer(fact, lock)
