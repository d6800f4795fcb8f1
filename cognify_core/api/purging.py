"""A sealed run is deleted when its time has come, by two people, and not before (docs/deletion.md)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.accesses import this_user
from cognify_core.api.keeping import keep
from cognify_core.api.rechecking import is_gone, vault_of
from cognify_core.api.vaulting import latest, stamp
from cognify_core.canonical import Json, encode
from cognify_core.errors import CognifyError, RunStateError
from cognify_core.model.digest import Digest
from cognify_core.model.names import same_name, stamp_time, utc_now
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger import tombstone_leaf
from cognify_core.store.keeping import Purge

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.keeping import VaultFact

ESCALATION = "docs/deletion.md says who decides, and how"


@dataclass(frozen=True, slots=True)
class Purged:
    """What became of a purge."""

    run_ids: tuple[str, ...]
    """The run, and before it its addenda."""
    purge: Purge
    remains: tuple[dict[str, Json], ...]
    """What is still there: held by a lock, or in a vault that could not be asked, or a file elsewhere."""


def purge_now(session: Session, run_id: str, *, by: str | None, approved_by: str | None, reason: str | None) -> Purged:
    """Delete a sealed run, its addenda and its packages, as far as no lock holds them.

    Raises:
        RunStateError: it must still be kept, is not sealed, or one of the two or the reason is missing.
        RunNotFoundError: there is no such run.
    """
    workspace = session.workspace
    wanted = session.wanted(run_id)
    _refuse_kept(workspace, wanted)
    first, second, why = _two(workspace, by, approved_by, reason)
    facts = latest(workspace.store.facts(wanted))
    files = [Path(receipt.path) for receipt in workspace.store.receipts(wanted)]
    remains = [*_held(workspace, facts), *_elsewhere(workspace, files)]
    said = Purge(
        first, second, why, stamp_time(utc_now()), _statement(workspace, wanted), encode(remains).decode("utf-8")
    )
    workspace.ledger  # noqa: B018 - one that begins now takes in first what was there before
    signer = workspace.signer
    gone = workspace.store.purge(wanted, said, lambda stone: tombstone_leaf(stone, signer))
    _remove(workspace, wanted, facts, remains)
    return Purged(tuple(gone), said, tuple(remains))


def _refuse_kept(workspace: Workspace, run_id: str) -> None:
    """Refuse what must be kept, before anything is asked about people."""
    row = workspace.store.run(run_id)
    if row.amends is not None:
        raise RunStateError(f"{run_id} is an addendum, and goes with the run that it amends, {row.amends}")
    if row.freeze is None:
        raise RunStateError(f"{run_id} was never sealed: `cognify discard` deletes it")
    keep(workspace.store, run_id)
    kept = workspace.store.kept_until(run_id)
    if kept is None or kept.until is None or kept.until >= stamp(utc_now())[:10]:
        until = "by an open hold" if kept is None or kept.until is None else f"until {kept.until}"
        raise RunStateError(f"{run_id} is kept {until} ({'' if kept is None else kept.why}); {ESCALATION}")


def _two(workspace: Workspace, by: str | None, approved_by: str | None, reason: str | None) -> tuple[str, str, str]:
    """An administrator, a second person and a reason.

    Here an administrator is who owns the store: they could delete it anyway.
    """
    first, second, why = ((text or "").strip() for text in (by, approved_by, reason))
    if not (first and second and why):
        raise RunStateError(f"a purge has an administrator (by), a second approver and a reason; {ESCALATION}")
    if same_name(first, second) or same_name(second, this_user()):
        raise RunStateError(f"{second} cannot approve what they ask for themselves; {ESCALATION}")
    if not workspace.store.is_owned:
        raise RunStateError(f"only the owner of {workspace.store.place} administrates it; {ESCALATION}")
    return first, second, why


def _statement(workspace: Workspace, run_id: str) -> str | None:
    bundle = workspace.store.bundle(run_id)
    return None if bundle is None else str(Digest.of(Bundle.parse(bundle).payload))


def _held(workspace: Workspace, facts: list[VaultFact]) -> Iterator[dict[str, Json]]:
    """What locks still hold now, or may: a vault that cannot be asked is taken to hold it."""
    for fact in facts:
        where: dict[str, Json] = {"vault": fact.vault, "key": fact.key, "version": fact.version}
        try:
            now = vault_of(workspace, fact.vault).look(fact.key, fact.version)
        except CognifyError as error:
            yield where | {"state": "unknown", "why": str(error)[:300]}
            continue
        if now.digest is not None and (now.held or (now.until is not None and now.until > now.read_at)):
            until = None if now.until is None else stamp(now.until)
            yield where | {"state": "held", "mode": None if now.mode is None else str(now.mode), "until": until}


def _elsewhere(workspace: Workspace, files: list[Path]) -> Iterator[dict[str, Json]]:
    """Packages that were written to other places are the business of who put them there."""
    for path in files:
        if path.is_file() and not path.is_relative_to(workspace.settings.packages_path):
            yield {"path": str(path), "state": "not ours"}


def _remove(workspace: Workspace, run_id: str, facts: list[VaultFact], remains: list[dict[str, Json]]) -> None:
    shutil.rmtree(workspace.settings.packages_path / run_id, ignore_errors=True)
    kept = {(each.get("vault"), each.get("key"), each.get("version")) for each in remains}
    for fact in facts:
        if (fact.vault, fact.key, fact.version) in kept or is_gone(fact.state):
            continue
        try:
            vault_of(workspace, fact.vault).remove(fact.key, fact.version)
        except CognifyError as error:
            remains.append({"vault": fact.vault, "key": fact.key, "version": fact.version, "why": str(error)[:300]})
