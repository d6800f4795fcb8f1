"""What it would mean to say another vault: nothing is kept, and nothing is asked of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.keeping import vault_in_force
from cognify_core.api.outbox import DELIVER
from cognify_core.api.rechecking import reached
from cognify_core.api.vaulting import latest

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store
    from cognify_core.vault.uri import VaultUri


@dataclass(frozen=True, slots=True)
class Moving:
    """From one vault to another."""

    before: VaultUri
    after: VaultUri
    lying: int
    """Files that lie in vaults. They stay where they are."""
    otherwise: int
    """Those of them that would be looked at with other options than now, and may not be found so."""
    waiting: int
    """Packages that wait for the vault: they go into the one that is in force then."""


def foresee_vault(settings: Settings, store: Store, after: VaultUri) -> Moving:
    """Compute it.

    Raises:
        ConfigurationError: what is in force names no vault.
    """
    before = vault_in_force(settings, store)
    places = [fact.vault for fact in latest(store.facts())]
    other = {place for place in set(places) if reached(before, place).options != reached(after, place).options}
    return Moving(before, after, len(places), sum(map(other.__contains__, places)), len(store.jobs(kind=DELIVER)))
