"""What a person asks for: seal this, discard that, give me the package."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from cognify_core.api.accesses import note_access
from cognify_core.api.exporting import Package
from cognify_core.api.keeping import find_vault
from cognify_core.api.refreshing import refresh
from cognify_core.api.releasing import release_run
from cognify_core.api.saying import text_of
from cognify_core.api.sealing import Sealed
from cognify_core.api.session import Session
from cognify_core.api.vaulting import Confirm, check_personal, deliver, plan_for
from cognify_core.errors import (
    ConfigurationError,
    RunNotFoundError,
    RunStateError,
    VaultUnavailableError,
    VerificationError,
)
from cognify_core.export.formats import export_format
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.events import Release
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.seal.ledger import tombstone_leaf
from cognify_core.store.keeping import VaultFact
from cognify_core.store.protocol import Tombstone
from cognify_core.verify.store_check import read_sealed

_LOOK_SECONDS = 0.1


def seal_now(session: Session, run_id: str | None) -> Sealed:
    """Seal a run that has ended, and every addendum of it that is closed and not sealed.

    Raises:
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
        VerificationError: the run has a seal already, and something contradicts it.
    """
    wanted = ended(session, run_id)
    _seal(session, wanted)
    workspace = session.workspace
    run, *_ = read_sealed(workspace.store, wanted, [workspace.signer.public_key, *workspace.ring.trusted()])
    note_access(session, wanted, "seal")
    return Sealed.read(run.bundle)


def export_now(
    session: Session,
    run_id: str | None,
    *,
    format: str,  # noqa: A002 - the word that users know
    template: str | None,
    path: str | Path | None,
    refresh_first: bool = True,
    vault: str | None = None,
    confirm: Confirm | None = None,
    watch: Watch = unwatched,
) -> Package:
    """Seal what is to be sealed, bring what a document needs into an addendum, and write the package.

    Args:
        session: this process's.
        run_id: the run; none: this process's last.
        format: the package's format.
        template: the template, where the format has some.
        path: where to write it.
        refresh_first: whether an addendum may be made for what has changed since the seal: profile, access log.
        vault: the URI of the vault that it goes into as well, or `default`.
        confirm: asked, before a lock that cannot be undone, whether it is meant; none: it is.
        watch: told what is being done now, and how far it has come.

    Raises:
        UnsupportedExportError: no such format and template; nothing has been sealed then.
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
        VerificationError: what is in the store contradicts what was signed; nothing was written then.
        ConfigurationError: there is no such vault, or it was not meant.
        VaultError: the vault refused; the package is written all the same.
    """
    kind = export_format(format, template)
    if vault is not None:
        _check_vault(session, vault, personal=kind.template is not None and kind.template.shows_personal_data)
    wanted = ended(session, run_id)
    if session.workspace.store.run(wanted).amends is not None:
        raise RunStateError(f"{wanted} is an addendum: export the run that it amends, which carries it")
    watch("sealing")
    _seal(session, wanted)
    refreshed = refresh(session.workspace, wanted, kind) if refresh_first else None
    try:
        package = session.workspace.export(wanted, format=format, template=template, path=path, watch=watch)
    except VerificationError:
        note_access(session, wanted, "export", outcome="failed")
        raise
    note_access(session, wanted, "export", subject=str(package.package_hash))
    package = replace(package, refreshed=None if refreshed is None else str(refreshed))
    if vault is None:
        return package
    watch("putting it into the vault")
    return replace(package, kept=_into_vault(session, package, vault, confirm))


def _check_vault(session: Session, vault: str, *, personal: bool) -> None:
    """Refuse before anything is done what would be refused afterwards."""
    if session.settings.mode == "dry":
        raise ConfigurationError("a dry run keeps nothing, and puts nothing into a vault")
    workspace = session.workspace
    check_personal(find_vault(workspace.settings, workspace.store, vault), personal=personal)


def _into_vault(session: Session, package: Package, vault: str, confirm: Confirm | None) -> tuple[VaultFact, ...]:
    workspace = session.workspace
    plan = plan_for(workspace, package.run_id, vault)
    if plan.warning is not None:
        workspace.say(plan.warning)
        if confirm is not None and not confirm(plan):
            raise ConfigurationError(f"nothing was put into {plan.uri.place}; the package is {package.path}")
    try:
        return deliver(workspace, package, plan)
    except VaultUnavailableError as error:
        workspace.outbox.put(package.run_id, package.format, package.template, str(plan.uri))
        raise VaultUnavailableError(f"{error}; it waits in the outbox, and `cognify sync` tries again") from error


def discard_now(session: Session, run_id: str, reason: str) -> Tombstone:
    """Delete an unsealed run and leave a tombstone.

    Raises:
        ConfigurationError: no reason was given.
        RunNotFoundError, RunSealedError, RunStateError: no such run, it is sealed, or it goes on.
    """
    if not text_of("a reason", reason):
        raise ConfigurationError("a run is discarded for a reason, which its tombstone keeps: give one")
    wanted = ended(session, run_id)
    workspace = session.workspace
    workspace.ledger  # noqa: B018 - one that begins now takes in first what was there before
    signer = workspace.signer
    return workspace.store.discard(wanted, reason, stamp_time(utc_now()), lambda stone: tombstone_leaf(stone, signer))


def release_now(session: Session, run_id: str | None, **said: Any) -> Release:
    """Seal what is to be sealed, and say that a run is the released one of its project.

    Raises:
        ConfigurationError: who approves is who ran it, or nobody knows who ran it; a day is none.
        RunNotFoundError, RunStateError: there is no such run, it goes on, or it is an addendum.
    """
    wanted = ended(session, run_id)
    if session.workspace.store.run(wanted).amends is not None:
        raise RunStateError(f"{wanted} is an addendum: release the run that it amends")
    _seal(session, wanted)
    return release_run(session, wanted, **said)


def _seal(session: Session, run_id: str) -> None:
    """Seal what is not sealed yet, and say so of an addendum: it was left by a process that ended before its seal."""
    workspace = session.workspace
    workspace.seal(run_id)
    for addendum in workspace.store.addenda(run_id):
        if addendum.status not in (Status.RUNNING, Status.AUDIT_SEALED):
            workspace.say(f"{addendum.run_id}, an addendum that was left {addendum.status}, is sealed as it stands")
            workspace.seal(addendum.run_id)
    workspace.outbox.sealed(run_id)


def ended(session: Session, run_id: str | None) -> str:
    """The id of a run that no longer goes on; what this process has open of it is brought to its end.

    Raises:
        RunNotFoundError, RunStateError: there is no such run, or it goes on.
    """
    if session.is_off:
        raise RunStateError("COGNIFY_MODE=off: nothing was recorded, so there is nothing to seal, export or discard")
    workspace = session.workspace
    wanted = session.wanted(run_id)
    if session.goes_on(wanted):
        raise RunStateError(f"{wanted} is going on in this process: it can be sealed when it has ended")
    session.settle()
    session.guests.wait(wanted)
    if not session.rank.is_first:
        _await_first_rank(session, wanted)
    row = workspace.store.run(wanted)
    if row.status is Status.RUNNING:
        raise RunStateError(f"{wanted} is RUNNING in another process: it can be sealed when that has ended it")
    if row.status is Status.DISCARDED:
        raise RunNotFoundError(f"{wanted} was discarded")
    return wanted


def _await_first_rank(session: Session, run_id: str) -> None:
    """Give the rank that closes the run the time to do so."""
    deadline = time.monotonic() + session.settings.rank_seconds
    while session.workspace.store.run(run_id).status is Status.RUNNING and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
