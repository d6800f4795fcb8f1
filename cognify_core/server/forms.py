"""What routes answer with, and what they take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cognify_core.api.access_log import ShownAccess
from cognify_core.model.bodies import Day
from cognify_core.model.retention import MAX_YEARS
from cognify_core.server.roles import Role
from cognify_core.store.protocol import RunRow
from cognify_core.store.tenancy import Token, WorkspaceRow
from cognify_core.store.working import Job

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Person = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
"""A printed name, or a role."""


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
    evidence: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    """The digest of what bears it out."""
    on: Annotated[str, StringConstraints(max_length=10)] | None = None
    form: Annotated[str, StringConstraints(max_length=60)] | None = None
    subject: Annotated[str, StringConstraints(max_length=1000)] | None = None
    datasets: list[Annotated[str, StringConstraints(max_length=80)]] | None = None
    facts: dict[str, Any] | None = None


class NewProposal(Form):
    """That a sealed run be released."""

    by: Person
    role: Person
    reason: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    """The exact words."""
    ran_by: Person | None = None
    """Who ran the training; else it stands in the release by the commitment to that user."""
    market_date: Day | None = None
    """When the AI system is placed on the market or put into service (AI Act, Art. 18(1))."""


class NewRefusal(Form):
    """That a proposal is not followed."""

    by: Person
    role: Person
    reason: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class NewApproval(Form):
    """That a run is released which somebody else has proposed."""

    approved_by: Person
    role: Person
    meaning: Text | None = None


class ReleaseShown(Shown):
    """A release."""

    run_id: str
    approved_by: str
    role: str
    ran_by: str
    on: str
    meaning: str | None
    market_date: str | None
    supersedes: str | None


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


class WaitingShown(Shown):
    """A package that waits for the vault."""

    run_id: str | None
    attempts: int
    since: str
    due_at: str
    error: str | None
    """Of the last try."""

    @classmethod
    def of(cls, job: Job) -> WaitingShown:
        """Show a job of the outbox."""
        return cls(
            run_id=job.run_id,
            attempts=job.attempts,
            since=job.created_at,
            due_at=job.due_at,
            error=job.last_error,
        )


class RoundShown(Shown):
    """A round through vaults."""

    at: str | None
    """None: there was none yet."""
    looked: int
    """How many locks were read back."""
    read: int
    """Of how many the bytes were read and hashed."""
    unasked: list[str]
    """Vaults that did not answer."""
    next_at: str | None
    """When the next one is due."""


class AccessShown(Shown):
    """An entry of the access log. What was erased is null."""

    entry: int
    """Its place in the log."""
    at: str
    run_id: str | None
    """Null: what was looked at is no single run."""
    action: str
    subject: str | None
    actor: str | None
    source: str | None
    auth: str | None
    outcome: str
    observed_by: str
    within: int
    """It stands for all that the same caller did of the same kind in so many seconds from then on; 0: for this once."""

    @classmethod
    def of(cls, shown: ShownAccess) -> AccessShown:
        """Show an entry."""
        said = shown.access.model_dump(include={"at", "action", "subject", "auth", "outcome", "observed_by"})
        kept = {name: getattr(shown, name) for name in ("run_id", "actor", "source", "within")}
        return cls(entry=shown.position, **said, **kept)


class AccessesPage(Shown):
    """Entries, newest first; `next` is the cursor of the page after, where there is one."""

    accesses: list[AccessShown]
    next: int | None


class Erasure(Form):
    """Whose names and addresses are to be erased from the access log; one of the two."""

    run_id: Annotated[str, StringConstraints(max_length=60)] | None = None
    """Those beside the entries of this run."""
    value: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    """This name, or address, wherever it stands."""


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
