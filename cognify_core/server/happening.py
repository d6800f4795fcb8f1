"""What has happened, as webhooks tell it: read from what stands in the store, whoever wrote it there.

Every message has an id that is computed from what happened. So what is read twice, after a crash, is told once; and
what nobody came to tell is found when the store is read again. A message holds ids, digests and paths; no text that
people have written, and no personal value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError, RunNotFoundError
from cognify_core.model.digest import Digest
from cognify_core.model.events import RunClosed, parse_event
from cognify_core.model.names import stamp_time
from cognify_core.store.working import Hook, Job
from cognify_core.vault.protocol import LockState

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.keeping import VaultFact
    from cognify_core.store.protocol import Store

EVENTS = (
    *("run.sealed", "package.exported", "export.failed"),
    *("verification.failed", "retention.ending", "gap.opened"),
)
TEST = "webhook.test"
NOTIFY = "notify"
"""The kind of a webhook's jobs."""
_FACTS_AT_ONCE = 500
_WORST_LAST = [str(state) for state in LockState]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened in a workspace."""

    event: str
    key: tuple[str, ...]
    """What makes it one."""
    at: str
    data: Mapping[str, Json] = field(default_factory=dict)

    def message_id(self, workspace: str) -> str:
        """The same for whoever tells it, and however often."""
        return f"msg_{sha256(encode([workspace, self.event, *self.key])).hexdigest()[:40]}"

    def body(self) -> bytes:
        """The message."""
        return encode({"type": self.event, "timestamp": self.at, "data": dict(self.data)})


def announce(store: Store, workspace: str, happenings: Iterable[Happening], now: datetime) -> None:
    """Have every webhook of a workspace that asks for it be told, once."""
    found = list(happenings)
    for hook in store.hooks(workspace=workspace) if found else ():
        for job in jobs_of(hook, found, now):
            store.put_job(job)


def jobs_of(hook: Hook, happenings: Iterable[Happening], now: datetime) -> list[Job]:
    """What a webhook is to be sent, in the order in which it happened."""
    wanted = [each for each in happenings if hook.enabled and each.event in hook.events]
    return [job_of(hook, each, now + timedelta(microseconds=number)) for number, each in enumerate(wanted)]


def job_of(hook: Hook, happening: Happening, at: datetime) -> Job:
    """The job that tells a webhook of something."""
    job_id = f"{NOTIFY}:{hook.hook_id}:{happening.message_id(hook.workspace)}"
    due, body = stamp_time(at), happening.body()
    return Job(job_id, NOTIFY, None, due, due, workspace=hook.workspace, lane=hook.hook_id, body=body)


def message_id_of(job: Job) -> str:
    """The id of the message that a job sends."""
    return job.job_id.rpartition(":")[2]


def tell(store: Store, room: Workspace, hook: Hook, now: datetime) -> bool:
    """Have a webhook be told what has come since it was told last; whether there was anything.

    Args:
        store: the store of all workspaces.
        room: the webhook's own.
        hook: the webhook, with how far it was told.
        now: when it is to be told.
    """
    leaves = room.store.ledger_size()
    facts = store.facts_after(hook.facts, _FACTS_AT_ONCE)
    if leaves <= hook.leaves and not facts:
        return False
    happened = [*_sealed_since(room, hook.leaves, leaves), *_kept_since(room, [fact for _, fact in facts])]
    counted = facts[-1][0] if facts else hook.facts
    store.tell_hook(hook.hook_id, jobs_of(hook, happened, now), leaves=leaves, facts=counted)
    return True


def _sealed_since(room: Workspace, start: int, stop: int) -> Iterator[Happening]:
    for leaf in room.store.leaves(start, stop) if start < stop else ():
        if leaf.kind in ("seal", "addendum"):
            yield from _of_a_seal(room, leaf.subject, Digest.of(leaf.payload))


def _of_a_seal(room: Workspace, run_id: str, statement: Digest) -> Iterator[Happening]:
    try:
        row = room.store.run(run_id)
        closed = parse_event(next(room.store.events(run_id, max(row.size - 1, 0)))).body
    except (RunNotFoundError, FormatError, StopIteration):
        return  # it is gone, or does not read: there is no seal to tell of
    freeze = row.freeze
    if row.amends is None and freeze is not None:
        data = {"run_id": run_id, "sealed_at": freeze.sealed_at, "statement": str(statement), "root": freeze.root}
        told = {"size": freeze.size, "complete": row.complete, "path": path_of(room.name, run_id)}
        yield Happening("run.sealed", (run_id,), str(freeze.sealed_at), data | told)
    if isinstance(closed, RunClosed) and (closed.counts.get("gap") or not closed.complete):
        yield gap_opened(room.name, run_id, row.amends, str(freeze.sealed_at if freeze else row.opened_at))


def gap_opened(workspace: str, record: str, amends: str | None, at: str) -> Happening:
    """A record has its first gap. Told once of each record, whoever sees it first: at an append, or at the seal."""
    data: dict[str, Json] = {"run_id": amends or record, "record": record, "path": path_of(workspace, record)}
    return Happening("gap.opened", (record,), at, data)


def verification_failed(workspace: str, run_id: str, contradictions: int, now: datetime) -> Happening:
    """A run was verified where it lies, and something contradicts its seal. Told once a day of each run."""
    path = f"{path_of(workspace, run_id)}/verification"
    data: dict[str, Json] = {"run_id": run_id, "reason": "record", "contradictions": contradictions, "path": path}
    return Happening("verification.failed", ("record", run_id, now.date().isoformat()), stamp_time(now), data)


def _kept_since(room: Workspace, facts: list[VaultFact]) -> Iterator[Happening]:
    known: dict[str, list[VaultFact]] = {}
    for fact in facts:
        if fact.run_id not in known:
            known[fact.run_id] = room.store.facts(fact.run_id)  # none of another workspace's run
        if fact in known[fact.run_id]:
            yield from _of_a_fact(room.name, fact, known[fact.run_id])


def _of_a_fact(workspace: str, fact: VaultFact, history: list[VaultFact]) -> Iterator[Happening]:
    where = (fact.vault, fact.key, fact.version)
    before = [each for each in history[: history.index(fact)] if (each.vault, each.key, each.version) == where]
    if not before and fact.part == "package":
        yield Happening("package.exported", where, fact.read_at, _told_of(workspace, fact))
    if before and is_worse(fact, before[-1]):
        data = {**_told_of(workspace, fact), "was": before[-1].state, "reason": "vault"}
        yield Happening("verification.failed", (*where, fact.state, fact.read_at), fact.read_at, data)


def is_worse(fact: VaultFact, before: VaultFact) -> bool:
    """Whether a lock is less than it was; that it ends on the day that was asked for is not."""
    if fact.state == LockState.EXPIRED and fact.read_at >= fact.asked_until and not fact.asked_held:
        return False
    return _WORST_LAST.index(fact.state) > _WORST_LAST.index(before.state)


def _told_of(workspace: str, fact: VaultFact) -> dict[str, Json]:
    return {
        "run_id": fact.run_id,
        "package_hash": str(fact.package_hash),
        "part": fact.part,
        "vault": fact.vault,
        "key": fact.key,
        "version": fact.version,
        "state": fact.state,
        "mode": fact.mode,
        "until": fact.until,
        "held": fact.held,
        "path": f"{path_of(workspace, fact.run_id)}/exports/{fact.package_hash}/vaults",
    }


def path_of(workspace: str, run_id: str) -> str:
    """Where a run is found, on this server."""
    return f"/v2/workspaces/{quote(workspace, safe='')}/runs/{quote(run_id, safe='')}"
