"""Vaults are asked again: what they say now is kept as a further fact, and locks that are too short are made longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.evidence_file import add_evidence, vault_fact
from cognify_core.api.holding import Holding
from cognify_core.api.keeping import retention_in_force, vault_in_force
from cognify_core.api.vaulting import latest, stamp
from cognify_core.errors import CognifyError, RunNotFoundError
from cognify_core.vault.opening import open_vault
from cognify_core.vault.protocol import Lock, LockState, Mode, Reading, Vault
from cognify_core.vault.uri import VaultUri

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.keeping import VaultFact


def vault_of(workspace: Workspace, place: str) -> Vault:
    """The vault of a fact, which names it without options: with those of the vault in force, where that is the one.

    Raises:
        ConfigurationError: there is no such vault.
    """
    return open_vault(reached(vault_in_force(workspace.settings, workspace.store), place))


def reached(current: VaultUri, place: str) -> VaultUri:
    """How the vault of a fact is reached while `current` is in force: with its options, where it is the same bucket.

    Raises:
        ConfigurationError: there is no such vault.
    """
    uri = VaultUri.parse(place)
    same = (current.kind, current.bucket) == (uri.kind, uri.bucket)
    return replace(uri, options=current.options) if same else uri


def recheck(workspace: Workspace, fact: VaultFact) -> VaultFact:
    """Ask the vault again, and keep what it says.

    Raises:
        VaultUnavailableError, VaultError: it cannot be asked; nothing is kept then.
    """
    reading = vault_of(workspace, fact.vault).look(fact.key, fact.version)
    return keep_reading(workspace, fact, reading, asked_of(fact))


def lengthen(workspace: Workspace) -> Iterator[str]:
    """Make the lock of every package longer whose run is to be kept longer; say what was done or could not be."""
    holding, frozen = Holding(workspace.store), {each.run_id: each for each in workspace.store.all_clocks()}
    opened = cache(partial(vault_of, workspace))
    for fact in latest(workspace.store.facts()):
        if (clocks := frozen.get(fact.run_id)) is None:
            continue  # it was purged; what a lock still holds stays as it is
        asked = asked_of(fact)
        try:
            wanted, _ = holding.lock(clocks, asked.mode)
            if not wanted.outlasts(asked):
                continue
            reading = opened(fact.vault).extend(fact.key, fact.version, wanted)
            after = keep_reading(workspace, fact, reading, wanted)
            yield f"{fact.vault}/{fact.key}: {after.state} until {after.until}"
        except CognifyError as error:
            yield f"{fact.vault}/{fact.key} could not be kept longer: {error}"


def archive(workspace: Workspace) -> Iterator[str]:
    """See to it that old packages move to a cheaper class, in the vault in force."""
    days = retention_in_force(workspace.store).archive_after_days
    if days is None or not workspace.store.facts():
        return
    try:
        yield open_vault(vault_in_force(workspace.settings, workspace.store)).archive(days)
    except CognifyError as error:
        yield f"nothing is moved to a cheaper class: {error}"


def asked_of(fact: VaultFact) -> Lock:
    """The lock that was asked for."""
    until = datetime.strptime(fact.asked_until, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Lock(Mode(fact.asked_mode), until, fact.asked_held)


def keep_reading(workspace: Workspace, fact: VaultFact, reading: Reading, asked: Lock) -> VaultFact:
    """Keep what a vault says now of what it said something of before."""
    after = replace(
        fact,
        mode=None if reading.mode is None else str(reading.mode),
        until=None if reading.until is None else stamp(reading.until),
        held=reading.held,
        asked_mode=str(asked.mode),
        asked_until=stamp(asked.until),
        asked_held=asked.held,
        state=str(reading.state(asked, fact.digest)),
        read_at=stamp(reading.read_at),
    )
    workspace.store.put_fact(after)
    for receipt in _receipts(workspace, fact):
        add_evidence(receipt, fact.package_hash, [vault_fact(after)])
    return after


def _receipts(workspace: Workspace, fact: VaultFact) -> Iterator[Path]:
    """Where the package lies, if it is still there."""
    try:
        receipts = workspace.store.receipts(fact.run_id)
    except RunNotFoundError:
        return
    for receipt in receipts:
        if receipt.package_hash == fact.package_hash and Path(receipt.path).is_file():
            yield Path(receipt.path)


def is_gone(state: str) -> bool:
    """Whether a state says that nothing is there any more."""
    return state == LockState.MISSING
