"""What the server does by itself: packages go into vaults, webhooks are told, vaults are looked at again.

One thread of each process looks for work that is due and gives it to others; none of them is one that answers requests.
All of it stands in the store as jobs with leases, so several processes share it, and what a process leaves undone that
dies is done by another, or by the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cognify_core.api.leasing import claim, held, next_try
from cognify_core.api.outbox import DELIVER
from cognify_core.canonical import Json, parse
from cognify_core.errors import CognifyError, StoreError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server import rounds
from cognify_core.server.happening import NOTIFY, Happening, announce, path_of, tell
from cognify_core.server.notifying import DAYS_KEPT, WAITS, send
from cognify_core.server.reaching import Reach

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.server.rooms import Rooms
    from cognify_core.store.working import Hook, Job

_FAILURES_UNTOLD = 2
"""So often may an export fail before that is told: three minutes."""
_DAY_SECONDS = 86_400
_log = logging.getLogger("cognify.server")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go."""

    tick: float = 5.0
    """Seconds after which somebody looks for work, where nobody has called."""
    waits: Sequence[float] = WAITS
    """Between the tries of a webhook."""
    grace: float = 10.0
    """How long the end of the server waits for what is being done."""


@dataclass
class Lane:
    """Work of one kind, and how much of it goes on at once."""

    kind: str
    most: int
    do: Callable[[Job], None]
    running: dict[str, Job] = field(default_factory=dict)


class Worker:
    """The work of one server process."""

    def __init__(self, rooms: Rooms, pace: Pace) -> None:
        self._rooms, self._pace = rooms, pace
        self._reach = Reach(rooms.settings.webhook_hosts)
        self._lanes = (Lane(DELIVER, 1, self._deliver), Lane(NOTIFY, 4, self._notify), Lane(rounds.ROUND, 1, self._go))
        self._lock = threading.Lock()
        self._wake, self._over = threading.Event(), threading.Event()
        self._known: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._run, name="cognify-worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """There may be work: look for it now."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more work; wait a moment for what is being done. What is not done then is another's in a while."""
        self._over.set()
        self._wake.set()
        until = time.monotonic() + self._pace.grace
        with self._lock:
            threads = [self._thread, *self._threads]
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while not self._over.is_set():
            self._wake.clear()
            self._guarded(self._begin_rounds)
            self._guarded(self._tell)
            for lane in self._lanes:
                self._guarded(self._hand_out, lane)
            self._wake.wait(self._pace.tick)

    def _guarded(self, do: Callable[..., None], *what: Any) -> None:
        """The store may come back, and one damaged workspace holds up no other; until then its work waits there."""
        try:
            do(*what)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("work waits: %s", error)

    def _begin_rounds(self) -> None:
        for row in self._rooms.store.workspaces():
            if row.workspace not in self._known:
                self._rooms.store.put_job(rounds.job_of(row.workspace, utc_now()))
                self._known.add(row.workspace)

    def _tell(self) -> None:
        for hook in self._rooms.store.hooks():
            self._guarded(self._tell_one, hook)

    def _tell_one(self, hook: Hook | None) -> None:
        store = self._rooms.store
        while hook is not None and not self._over.is_set():
            room = self._rooms.find(hook.workspace)
            if room is None or not tell(store, room, hook, utc_now()):
                return
            hook = store.hook(hook.hook_id)

    def _hand_out(self, lane: Lane) -> None:
        while not self._over.is_set():
            with self._lock:
                if len(lane.running) >= lane.most:
                    return
            job = claim(self._rooms.store, self._rooms.settings.lease_seconds, kinds=[lane.kind])
            if job is None:
                return
            thread = threading.Thread(target=self._do, args=(lane, job), name=f"cognify-{lane.kind}", daemon=True)
            with self._lock:
                lane.running[job.job_id] = job
                self._threads.add(thread)
            thread.start()

    def _do(self, lane: Lane, job: Job) -> None:
        try:
            lane.do(job)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again later
            _log.exception("a job of the kind %s failed", lane.kind)
            self._later(job, error)
        finally:
            with self._lock:
                lane.running.pop(job.job_id, None)
                self._threads.discard(threading.current_thread())
            self._wake.set()

    def _later(self, job: Job, error: Exception) -> None:
        due = stamp_time(next_try(utc_now(), job.attempts))
        try:
            self._rooms.store.postpone_job(job.job_id, type(error).__name__, due, attempt=job.attempts)
        except CognifyError:
            _log.warning("a job of the kind %s waits until its lease has ended", job.kind)

    def _room(self, job: Job) -> Workspace:
        room = self._rooms.find(job.workspace)
        if room is None:
            raise StoreError(f"there is no workspace {job.workspace} any more")
        return room

    def _deliver(self, job: Job) -> None:
        delivery = self._room(job).outbox.do(job)
        if delivery.error is not None:
            _log.warning("%s is not in the vault yet: %s", job.run_id, delivery.error)
            if job.attempts > _FAILURES_UNTOLD:
                announce(self._rooms.store, job.workspace, [_failed(job)], utc_now())

    def _notify(self, job: Job) -> None:
        outcome = send(self._rooms.store, self._reach, self._room(job), job, self._pace.waits)
        if outcome.error is not None:
            _log.warning("the webhook %s of %s was not told: %s", job.lane, job.workspace, outcome.error)

    def _go(self, job: Job) -> None:
        store, room, now = self._rooms.store, self._room(job), utc_now()
        with held(store, job, self._rooms.settings.lease_seconds):
            after, due, happened = rounds.go(room, rounds.Known.parse(job.body), now, self._over.is_set)
            announce(store, room.name, happened, now)
        store.repeat_job(job.job_id, after.encode(), stamp_time(due), attempt=job.attempts)
        forgotten = stamp_time(now.fromtimestamp(now.timestamp() - DAYS_KEPT * _DAY_SECONDS, now.tzinfo))
        store.forget_jobs(NOTIFY, forgotten)


def _failed(job: Job) -> Happening:
    """An export that has failed for a while; it is tried on."""
    what = parse(job.job_id.encode("utf-8"))
    said = what if isinstance(what, dict) else {}
    data: dict[str, Json] = {name: said.get(name) for name in ("format", "template", "addenda")}
    run_id = str(job.run_id)
    data |= {"run_id": run_id, "since": job.created_at, "path": path_of(job.workspace, run_id)}
    return Happening("export.failed", (job.job_id,), job.created_at, data)
