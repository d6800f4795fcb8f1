"""The façade's functions about keeping. Each imports what it needs when it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.functions import this_session

if TYPE_CHECKING:
    from cognify_core.api.outbox import Delivery
    from cognify_core.api.purging import Purged
    from cognify_core.api.vaulting import Plan
    from cognify_core.model.retention import Retention
    from cognify_core.store.keeping import VaultFact
    from cognify_core.store.working import Job
    from cognify_core.vault.protocol import Finding
    from cognify_core.vault.uri import VaultUri


@dataclass(frozen=True, slots=True)
class RetentionView:
    """What a workspace says of keeping, and what that comes to."""

    said: Retention
    version: int
    """0: nothing was ever said, and these are the defaults."""
    saved_at: str | None
    templates: tuple[str, ...]
    """Those that documents were made with, whose laws apply."""
    waiting: tuple[Job, ...]
    """The outbox."""


def retention() -> RetentionView:
    """How long sealed runs are kept here, and what happens to them meanwhile."""
    from cognify_core.api.keeping import retention_in_force, templates_made

    store = this_session().workspace.store
    known = store.policies("retention")
    version, saved_at = (known[-1].version, known[-1].saved_at) if known else (0, None)
    made = tuple(sorted(templates_made(store)))
    return RetentionView(retention_in_force(store), version, saved_at, made, tuple(store.jobs(kind="deliver")))


def set_retention(
    *,
    retention_years: int | None = None,
    archive_after_days: int | None = None,
    auto_export_on_seal: bool | None = None,
    auto_export_format: str | None = None,
    override_reason: str | None = None,
) -> tuple[RetentionView, int]:
    """Change what is given. Longer is for what is sealed already too, shorter for new runs alone.

    Returns what is in force, and how many runs are kept until another day now. `cognify sync` makes the locks
    in vaults longer.

    Raises:
        ConfigurationError: a value is wrong, or below what a law asks whose documents are made here, without a reason.
        UnsupportedExportError: there is no such format.
    """
    from cognify_core.api import keeping
    from cognify_core.export.formats import export_format

    if auto_export_format is not None:
        export_format(auto_export_format, None)
    given = {
        "retention_years": retention_years,
        "archive_after_days": archive_after_days,
        "auto_export_on_seal": auto_export_on_seal,
        "auto_export_format": auto_export_format,
        "override_reason": override_reason,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    _, longer = keeping.set_retention(this_session().workspace.store, changes)
    return retention(), longer


def vault() -> VaultUri:
    """The vault of this workspace."""
    from cognify_core.api.keeping import vault_in_force

    workspace = this_session().workspace
    return vault_in_force(workspace.settings, workspace.store)


def set_vault(uri: str) -> VaultUri:
    """Say which vault this workspace uses. Nothing is asked of it: `try_vault` does that.

    Raises:
        ConfigurationError: it names no vault, or holds a secret.
    """
    from cognify_core.canonical import encode
    from cognify_core.model.names import stamp_time, utc_now
    from cognify_core.vault.uri import VaultUri

    named = VaultUri.parse(uri)
    this_session().workspace.store.put_policy("vault", encode(str(named)), stamp_time(utc_now()))
    return named


def try_vault(uri: str = "default", *, put: bool = True) -> list[Finding]:
    """Whether a vault is there, keeps versions and locks; with `put`, by a small object that is locked for a minute.

    Raises:
        ConfigurationError, VaultError: there is none, or it does not answer.
    """
    from cognify_core.api.keeping import find_vault
    from cognify_core.api.vaulting import try_out

    workspace = this_session().workspace
    return try_out(find_vault(workspace.settings, workspace.store, uri), put=put)


def vault_facts(run_id: str | None = None, *, check: bool = False) -> list[VaultFact]:
    """What vaults said last of the packages of a run, or of all; with `check` they are asked again now.

    Raises:
        RunNotFoundError: there is no such run.
        VaultUnavailableError, VaultError: a vault cannot be asked.
    """
    from cognify_core.api.rechecking import recheck
    from cognify_core.api.vaulting import latest

    workspace = this_session().workspace
    known = latest(workspace.store.facts(run_id))  # also of a run that was purged: facts outlive it
    if run_id is not None and not known:
        known = latest(workspace.store.facts(workspace.find(run_id).run_id))
    return [recheck(workspace, fact) for fact in known] if check else known


def sync() -> tuple[list[Delivery], list[str]]:
    """Work off the outbox now, make locks in vaults as long as they must be, and see to it that old packages move.

    Where runs are recorded to a server: send it what it has not got, and have sealed there what was to be.

    Returns what became of each delivery, and what else was done or could not be, in words.
    """
    from cognify_core.api.rechecking import archive, lengthen
    from cognify_core.api.remote import RemoteWorkspace

    workspace = this_session().workspace
    if isinstance(workspace, RemoteWorkspace):
        return workspace.sync(), []
    return workspace.outbox.work_off(now=True), [*lengthen(workspace), *archive(workspace)]


def plan_vault(run_id: str, uri: str = "default") -> Plan:
    """What a package of a run would be given in a vault: mode, day, and why.

    Raises:
        ConfigurationError, RunNotFoundError, RunStateError: there is no such vault or run, or it is not sealed.
    """
    from cognify_core.api.vaulting import plan_for

    workspace = this_session().workspace
    return plan_for(workspace, workspace.find(run_id).run_id, uri)


def purge(run_id: str, *, by: str | None = None, approved_by: str | None = None, reason: str | None = None) -> Purged:
    """Delete a sealed run whose time has come, by an administrator and with the agreement of somebody else.

    Its tombstone stays, and what locks in vaults still hold (docs/deletion.md).

    Raises:
        RunStateError: it must still be kept, is not sealed, or one of the two or the reason is missing.
        RunNotFoundError: there is no such run.
    """
    from cognify_core.api.purging import purge_now

    return purge_now(this_session(), run_id, by=by, approved_by=approved_by, reason=reason)
