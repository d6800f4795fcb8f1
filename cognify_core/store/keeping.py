"""What a store keeps of keeping: facts about vaults, what a workspace says, until when, work to be done, purges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from cognify_core.model.digest import Digest

if TYPE_CHECKING:
    from cognify_core.store.protocol import Leaf, Tombstone


@dataclass(frozen=True, slots=True)
class VaultFact:
    """What a vault said, when it was asked, of one version of one file of a package. A fact outlives its run."""

    run_id: str
    package_hash: Digest
    part: Literal["package", "receipt", "oms"]
    vault: str
    """Where, without options: `s3://bucket/prefix`."""
    key: str
    version: str
    digest: Digest
    """Of the bytes that were put; where the state is `missing` they were not found."""
    mode: str | None
    until: str | None
    """Mode and date as they were read back; seconds, UTC."""
    held: bool
    asked_mode: str
    asked_until: str
    asked_held: bool
    state: str
    """A `cognify_core.vault.protocol.LockState`."""
    read_at: str


PolicyKind: TypeAlias = Literal["retention", "vault", "timestamps"]


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """What was said for a workspace at a time; earlier versions stay."""

    version: int
    """From 1 on."""
    policy: bytes
    """Canonical JSON."""
    saved_at: str


@dataclass(frozen=True, slots=True)
class KeepUntil:
    """Until which day a sealed run must be kept: an entry, which no later one shortens."""

    until: str | None
    """The last day, as in `2036-11-28`; none: an open hold."""
    why: str
    set_at: str


@dataclass(frozen=True, slots=True)
class Job:
    """Work that waits until it is done: in the store, so that no crash forgets it."""

    job_id: str
    """What makes it one: asking twice for the same is asking once."""
    kind: str
    run_id: str
    due_at: str
    created_at: str
    attempts: int = 0
    last_error: str | None = None
    done_at: str | None = None


@dataclass(frozen=True, slots=True)
class Purge:
    """Who had a sealed run deleted, and who agreed."""

    requested_by: str
    approved_by: str
    reason: str
    purged_at: str
    statement: str | None
    """The digest of the seal's statement."""
    remains: str
    """What stays in vaults, as canonical JSON."""


class Keeping(Protocol):
    """The part of a `Store` that is about keeping. As there: what is written is on disk when a method returns."""

    def put_fact(self, fact: VaultFact) -> None:
        """Keep what a vault said. Facts are never changed, and stay when their run is purged."""

    def facts(self, run_id: str | None = None) -> list[VaultFact]:
        """What vaults said of a run's packages, or of all, oldest first."""

    def put_policy(
        self, kind: PolicyKind, policy: bytes, saved_at: str, *, workspace: str = "default"
    ) -> PolicyVersion:
        """Keep what a workspace says now. Where it says what the last version says, that one is returned."""

    def policies(self, kind: PolicyKind, *, workspace: str = "default") -> list[PolicyVersion]:
        """Every version, oldest first."""

    def keep_until(self, run_id: str, entry: KeepUntil) -> KeepUntil:
        """Keep a sealed run until a day; return what is in force then.

        An earlier day than is in force changes nothing. An open hold takes the place of a day, and a day that of an
        open hold: its clock has started.
        """

    def kept_until(self, run_id: str) -> KeepUntil | None:
        """What is in force for a run; none where nothing was ever said."""

    def put_job(self, job: Job) -> Job:
        """Keep work to be done; return what is kept, which is the first with that id."""

    def claim_job(self, now: str, lease_until: str, *, workspace: str | None = None) -> Job | None:
        """Of the work that is due at `now`, what is oldest, for whoever asks first, and for nobody else till then.

        Of the runs of one workspace where it is named.
        """

    def finish_job(self, job_id: str, done_at: str) -> None:
        """It is done."""

    def postpone_job(self, job_id: str, error: str, due_at: str) -> None:
        """It failed, and is to be tried again."""

    def jobs(self, *, done: bool = False, workspace: str | None = None) -> list[Job]:
        """Work that waits, oldest first; with `done`, also what is done. Of one workspace's runs where it is named."""

    def purge(self, run_id: str, purge: Purge, log: Callable[[Tombstone], Leaf] | None = None) -> list[str]:
        """Delete a sealed run with its addenda, and leave tombstones; return the ids.

        As for `Store.discard`, the same transaction appends the leaf that `log` makes of each tombstone.

        Raises `RunStateError` where it must still be kept, or is not sealed. What vaults hold is not touched.
        """

    def purges(self) -> Sequence[tuple[str, Purge]]:
        """The sealed runs that were purged, oldest first."""
