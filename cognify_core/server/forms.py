"""What routes answer with, and what they take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cognify_core.model.retention import MAX_YEARS
from cognify_core.server.roles import Role
from cognify_core.store.protocol import RunRow
from cognify_core.store.tenancy import Token, WorkspaceRow

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Form(BaseModel):
    """What a request says: nothing that is not asked for, and of the type that is."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """What an answer says."""


class RunShown(Shown):
    """A run, as lists have it."""

    run_id: str
    workspace: str
    project: str
    name: str | None
    opened_at: str
    status: str
    complete: bool | None
    size: int
    """Events."""
    amends: str | None
    ordinal: int | None
    sealed_at: str | None
    root: str | None

    @classmethod
    def of(cls, row: RunRow) -> RunShown:
        """Show a run."""
        freeze = row.freeze
        return cls(
            run_id=row.run_id,
            workspace=row.workspace,
            project=row.project,
            name=row.name,
            opened_at=row.opened_at,
            status=row.status.value,
            complete=row.complete,
            size=row.size,
            amends=row.amends,
            ordinal=row.ordinal,
            sealed_at=freeze.sealed_at if freeze else None,
            root=freeze.root if freeze else None,
        )


class RunsPage(Shown):
    """Runs, newest first; `next` is the cursor of the page after, where there is one."""

    runs: list[RunShown]
    next: str | None


class NewRun(Form):
    """A run that begins. Sent twice, with the same nonce, it begins once."""

    run_id: Annotated[str, StringConstraints(max_length=60)]
    time: Annotated[str, StringConstraints(max_length=40)]
    opened: dict[str, Any]
    """The body of its `run_opened` event; `workspace` may be left out."""
    secret: Annotated[str, StringConstraints(min_length=32, max_length=200)]
    """Drawn by whoever records. Every append shows it; the server keeps its digest."""


class Appended(Shown):
    """Where a record stands after an append."""

    size: int
    root: str
    """RFC 6962 root over the first `size` events, hexadecimal."""
    head: str
    """The same, signed with the key of the workspace's log: a C2SP signed note of the origin `<log>/<run_id>`."""


class Finish(Form):
    """How a run ended."""

    status: Literal["COMPLETED", "FAILED", "INTERRUPTED"]


class Reason(Form):
    """Why."""

    reason: Text


class SealShown(Shown):
    """A seal."""

    run_id: str
    sealed_at: str
    statement: str
    size: int
    root: str
    complete: bool
    reasons: list[str]


class NewNote(Form):
    """A note on a sealed run, which goes into an addendum."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=40_000)]
    kind: Annotated[str, StringConstraints(max_length=60)] = "general"
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None


class NewAttestation(Form):
    """What a named person answers for, of a sealed run."""

    claim: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = None
    by: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    meaning: Text | None = None
    on: Annotated[str, StringConstraints(max_length=10)] | None = None
    form: Annotated[str, StringConstraints(max_length=60)] | None = None
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None
    datasets: list[Annotated[str, StringConstraints(max_length=80)]] | None = None
    facts: dict[str, Any] | None = None


class ProfileShown(Shown):
    """A profile, as it was said last."""

    project: str | None
    version: int
    saved_at: str
    profile: dict[str, Any]


class NewStorage(Form):
    """A vault to be used."""

    vault: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class StorageTest(Form):
    """How a vault is to be tried."""

    put: bool = True
    """Put a small object that is locked for a minute, and try to delete it."""


class FindingShown(Shown):
    """What a trial found."""

    name: str
    ok: bool | None
    """None: it could not be found out, or it is only worth knowing."""
    detail: str


class AccessShown(Shown):
    """An entry of the access log. What was erased is null."""

    at: str
    run_id: str
    action: str
    subject: str | None
    actor: str | None
    source: str | None
    auth: str | None
    outcome: str
    observed_by: str


class NewExport(Form):
    """A package to be made."""

    format: Annotated[str, StringConstraints(max_length=40)] = "json"
    template: Annotated[str, StringConstraints(max_length=40)] | None = None


class PackageShown(Shown):
    """A package, as its receipt has it."""

    package_hash: str
    run_id: str
    format: str
    template: str | None
    addenda: int
    name: str


class RetentionChange(Form):
    """What of it is to change. `null` takes `archive_after_days` away."""

    retention_years: Annotated[int, Field(ge=0, le=MAX_YEARS)] | None = None
    archive_after_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    auto_export_on_seal: bool | None = None
    auto_export_format: Annotated[str, StringConstraints(max_length=40)] | None = None
    override_reason: Text | None = None


class RetentionShown(Shown):
    """What is in force."""

    retention_years: int
    archive_after_days: int | None
    auto_export_on_seal: bool
    auto_export_format: str
    override_reason: str | None
    version: int
    """0: nothing was ever said."""
    kept_longer: int = 0
    """How many sealed runs are kept longer after the call."""


class NewWorkspace(Form):
    """A workspace to be made."""

    workspace: Annotated[str, StringConstraints(max_length=63)]
    label: Annotated[str, StringConstraints(max_length=200)] = ""


class WorkspaceShown(Shown):
    """A workspace."""

    workspace: str
    label: str
    created_at: str

    @classmethod
    def of(cls, row: WorkspaceRow) -> WorkspaceShown:
        """Show a workspace."""
        return cls(workspace=row.workspace, label=row.label, created_at=row.created_at)


class NewTokenForm(Form):
    """A token to be given."""

    role: Annotated[Role, Field(strict=False)]
    label: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    days: Annotated[int, Field(ge=1, le=3660)] | None = 90
    """How long it holds; `null`: until it is revoked."""


class TokenShown(Shown):
    """A token, without its key."""

    token_id: str
    workspace: str | None
    role: str
    label: str
    created_by: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    @classmethod
    def of(cls, token: Token) -> TokenShown:
        """Show a token."""
        return cls(**{name: getattr(token, name) for name in cls.model_fields})


class TokenGiven(TokenShown):
    """A token, with its key, this once."""

    key: str
