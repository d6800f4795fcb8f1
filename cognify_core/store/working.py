"""What a store keeps of work that waits until it is done, and of the webhooks that are told what happened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from cognify_core.store.keeping import KeepUntil, VaultFact


@dataclass(frozen=True, slots=True)
class Job:
    """Work that waits until it is done: in the store, so that no crash forgets it."""

    job_id: str
    """What makes it one: asking twice for the same is asking once."""
    kind: str
    run_id: str | None
    """The run that it is for, with which it goes; none: it is for the workspace."""
    due_at: str
    created_at: str
    attempts: int = 0
    """How often it was claimed. Whoever has claimed it last may say what became of it."""
    last_error: str | None = None
    done_at: str | None = None
    workspace: str = "default"
    lane: str | None = None
    """Work of one lane is done one after the other, but for what two begin at the same moment: the id of a webhook."""
    body: bytes = b""
    """What is to be done, as far as the id does not say it."""
    failed_at: str | None = None
    """It was given up."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much work of a kind there is, for gauges."""

    kind: str
    waiting: int
    oldest_at: str | None
    """Since when the oldest of it is due."""
    failed: int


@dataclass(frozen=True, slots=True)
class Hook:
    """Somebody who is told by HTTP what happens in a workspace. What signs it is not kept here."""

    hook_id: str
    workspace: str
    url: str
    """It may hold a secret of the receiver's: shown whole to nobody."""
    events: tuple[str, ...]
    label: str
    enabled: bool
    created_by: str
    created_at: str
    secret_id: str
    """The beginning of the SHA-256 of its secret: whether the secret here is the one that was given out."""
    leaves: int
    facts: int
    """How many leaves of the workspace's ledger, and facts of the store, it has been told of."""


class Working(Protocol):
    """The part of a `Store` that is about work. As there: what is written is on disk when a method returns.

    What is said of a job with `attempt` is passed over where another worker has claimed it since.
    """

    def put_job(self, job: Job) -> Job:
        """Keep work to be done; return what is kept, which is the first with that id."""

    def claim_job(
        self,
        now: str,
        lease_until: str,
        *,
        kinds: Collection[str] = (),
        workspace: str | None = None,
    ) -> Job | None:
        """Of the work that is due at `now`, what is oldest, for whoever asks first, and for nobody else till then.

        Of these kinds where some are named, of one workspace where it is named, and of no lane in which work is held.
        """

    def renew_job(self, job_id: str, lease_until: str, *, attempt: int) -> bool:
        """It is still being done; False where somebody else does it by now."""

    def finish_job(self, job_id: str, done_at: str, *, attempt: int | None = None) -> None:
        """It is done."""

    def postpone_job(self, job_id: str, error: str, due_at: str, *, attempt: int | None = None) -> None:
        """It failed, and is to be tried again."""

    def fail_job(self, job_id: str, error: str, failed_at: str, *, attempt: int) -> None:
        """It failed, and is given up."""

    def repeat_job(self, job_id: str, body: bytes, due_at: str, *, attempt: int) -> None:
        """It is done for this time, and due again; `body` is what the next one has to know."""

    def jobs(
        self,
        *,
        done: bool = False,
        kind: str | None = None,
        lane: str | None = None,
        workspace: str | None = None,
    ) -> list[Job]:
        """Work that waits, oldest first; with `done`, also what is done or given up.

        Of one kind, lane or workspace where it is named.
        """

    def waiting(self) -> list[Waiting]:
        """How much work there is of each kind."""

    def forget_jobs(self, kind: str, before: str) -> int:
        """Delete the jobs of a kind that were done or given up before then; return how many."""

    def put_hook(self, hook: Hook) -> None:
        """Keep a webhook."""

    def hooks(self, *, workspace: str | None = None) -> list[Hook]:
        """Webhooks, oldest first; of one workspace where it is named."""

    def hook(self, hook_id: str) -> Hook | None:
        """The webhook of that id."""

    def change_hook(
        self,
        hook_id: str,
        *,
        label: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Say anew of it what is given; the rest stays, whoever else changes that at the same time."""

    def drop_hook(self, hook_id: str) -> None:
        """Delete a webhook, and what was still to be sent to it."""

    def tell_hook(self, hook_id: str, jobs: Sequence[Job], *, leaves: int, facts: int) -> None:
        """Keep what is to be sent to it, and how far that goes, in one transaction. Neither number ever falls."""

    def facts_after(self, count: int, most: int) -> list[tuple[int, VaultFact]]:
        """Facts of all workspaces after the first `count`, up to `most`, each with how many there are up to it."""

    def count_facts(self) -> int:
        """How many facts there are."""

    def ending(self, since: str, until: str, *, workspace: str = "default") -> list[tuple[str, KeepUntil]]:
        """The sealed runs of a workspace which must be kept until a day between these, both included."""
