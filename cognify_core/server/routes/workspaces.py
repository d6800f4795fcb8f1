"""Workspaces: which there are, how long they keep things, where, and who may."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from cognify_core.api.keeping import retention_in_force, set_retention, vault_in_force
from cognify_core.api.outbox import DELIVER
from cognify_core.api.vaulting import try_out
from cognify_core.api.workspace import Workspace
from cognify_core.canonical import encode
from cognify_core.errors import ConfigurationError, VaultError
from cognify_core.export.formats import export_format
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.asking import Asked, asked, caller_of, everywhere, rooms_of
from cognify_core.server.forms import (
    FindingShown,
    NewStorage,
    NewTokenForm,
    NewWorkspace,
    RetentionChange,
    RetentionShown,
    RoundShown,
    StorageTest,
    TokenGiven,
    TokenShown,
    WaitingShown,
    WorkspaceShown,
)
from cognify_core.server.problems import Problem
from cognify_core.server.roles import Caller, May
from cognify_core.server.rounds import ROUND, Known
from cognify_core.server.seeing import did
from cognify_core.server.storage import allowed_vault
from cognify_core.server.strict import StrictRoute
from cognify_core.server.tokens import issue

router = APIRouter(prefix="/v2/workspaces", tags=["workspaces"], route_class=StrictRoute)


@router.get("")
def list_workspaces(request: Request, caller: Annotated[Caller, Depends(caller_of)]) -> list[WorkspaceShown]:
    """The workspaces that the caller has a part in."""
    return [WorkspaceShown.of(row) for row in rooms_of(request).names() if caller.sees(row.workspace)]


@router.post("", status_code=201, dependencies=[everywhere(May.ADMIT)])
def add_workspace(request: Request, new: NewWorkspace) -> WorkspaceShown:
    """Make a workspace; one of that name stays as it is."""
    return WorkspaceShown.of(rooms_of(request).add(new.workspace, new.label))


@router.get("/{workspace_id}/retention")
def show_retention(asked: Annotated[Asked, asked(May.READ)]) -> RetentionShown:
    """How long sealed runs are kept, and what happens to them meanwhile."""
    return _retention(asked.room)


@router.patch("/{workspace_id}/retention")
def change_retention(asked: Annotated[Asked, asked(May.KEEP)], change: RetentionChange) -> RetentionShown:
    """Change what is given. Longer is for what is sealed already too, shorter for new runs alone.

    Fewer years than a law asks whose documents are made here are refused with 409, unless a reason is given.
    """
    return retention_changed(asked, change)


def retention_changed(asked: Asked, change: RetentionChange, *, after: int | None = None) -> RetentionShown:
    """Change what is given; nothing, where `after` is said and is not the version in force any more.

    Raises:
        ConfigurationError, FloorError, PolicyChangedError: as `set_retention`.
    """
    said = change.model_dump(exclude_unset=True)
    if missing := [name for name, value in said.items() if value is None and name != "archive_after_days"]:
        raise ConfigurationError(f"{missing[0]} cannot be null")
    if change.auto_export_format is not None:
        export_format(change.auto_export_format, None)
    version, longer = set_retention(asked.room.store, said, after=after)
    did(asked, None, change_retention.__name__, subject=f"version {version.version}")
    return _retention(asked.room, kept_longer=longer)


def _retention(room: Workspace, kept_longer: int = 0) -> RetentionShown:
    known = room.store.policies("retention")
    said = retention_in_force(room.store).to_json()
    return RetentionShown(**said, version=known[-1].version if known else 0, kept_longer=kept_longer)


@router.get("/{workspace_id}/storage")
def show_storage(asked: Annotated[Asked, asked(May.READ)]) -> dict[str, str]:
    """The vault of the workspace."""
    return {"vault": str(vault_in_force(asked.room.settings, asked.room.store))}


@router.put("/{workspace_id}/storage")
def change_storage(asked: Annotated[Asked, asked(May.KEEP)], new: NewStorage) -> dict[str, str]:
    """Say which vault this workspace uses: `s3://`, `gs://` or `az://`. Nothing is asked of it; the test does that."""
    uri = allowed_vault(new.vault, asked.room.settings.storage_endpoints)
    asked.room.store.put_policy("vault", encode(str(uri)), stamp_time(utc_now()))
    did(asked, None, change_storage.__name__, subject=str(uri))
    return show_storage(asked)


@router.post("/{workspace_id}/storage/test")
def test_storage(asked: Annotated[Asked, asked(May.KEEP)], trial: StorageTest) -> list[FindingShown]:
    """Whether the vault is there, keeps versions, and locks what is put into it."""
    uri = vault_in_force(asked.room.settings, asked.room.store)
    try:
        found = try_out(uri, put=trial.put)
    except VaultError as error:
        return [FindingShown(name="answers", ok=False, detail=str(error))]
    return [FindingShown(name=each.name, ok=each.ok, detail=each.detail) for each in found]


@router.get("/{workspace_id}/outbox")
def list_outbox(asked: Annotated[Asked, asked(May.KEEP)]) -> list[WaitingShown]:
    """Packages that wait for the vault, oldest first, and why each is not there yet."""
    return [WaitingShown.of(job) for job in asked.room.store.jobs(kind=DELIVER)]


@router.get("/{workspace_id}/storage/round")
def show_round(asked: Annotated[Asked, asked(May.READ)]) -> RoundShown:
    """What was found when this server last looked at all that lies in vaults."""
    jobs = asked.room.store.jobs(kind=ROUND)
    known = Known.parse(jobs[0].body) if jobs else Known()
    unasked, next_at = sorted(known.unasked), jobs[0].due_at if jobs else None
    return RoundShown(at=known.at, looked=known.looked, read=known.read, unasked=unasked, next_at=next_at)


@router.get("/{workspace_id}/tokens")
def list_tokens(asked: Annotated[Asked, asked(May.ADMIT)]) -> list[TokenShown]:
    """The tokens of a workspace, without their keys."""
    return [TokenShown.of(token) for token in asked.room.store.tokens()]


@router.post("/{workspace_id}/tokens", status_code=201)
def give_token(asked: Annotated[Asked, asked(May.ADMIT)], new: NewTokenForm) -> TokenGiven:
    """Give a token. Its key is shown this once."""
    given = issue(
        asked.room.store,
        new.role,
        workspace=asked.room.name,
        label=new.label,
        created_by=asked.caller.name,
        days=new.days,
    )
    did(asked, None, give_token.__name__, subject=f"token {given.token.token_id}, {new.role}")
    return TokenGiven(**TokenShown.of(given.token).model_dump(), key=given.key)


@router.delete("/{workspace_id}/tokens/{token_id}", status_code=204)
def revoke_token(asked: Annotated[Asked, asked(May.ADMIT)], token_id: str) -> None:
    """End a token now."""
    if asked.room.store.token(token_id) is None:
        raise Problem(404, "there is no such token in this workspace")
    if asked.room.store.revoke_token(token_id, stamp_time(utc_now())):
        did(asked, None, revoke_token.__name__, subject=f"token {token_id}")
