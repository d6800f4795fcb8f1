"""The outbox: packages of sealed runs that are to go into the vault by themselves.

A job is in the store before anything is tried, so no crash forgets one. On a server the server works it off; elsewhere
a thread of its own does, of whoever comes next: the end of a run, a seal, an export, `cognify sync`. What fails is
written down and waits, longer each time; nothing of it reaches a training.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.api.keeping import DEFAULT, keep, retention_in_force
from cognify_core.api.leasing import claim, held, next_try
from cognify_core.api.vaulting import deliver, plan_for
from cognify_core.canonical import encode, parse
from cognify_core.errors import CognifyError, FormatError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.store.working import Job

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace

DELIVER = "deliver"
"""The kind of its jobs."""
_log = logging.getLogger("cognify")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one job."""

    job: Job
    states: tuple[str, ...] = ()
    """What was read back of the package and of its receipt."""
    error: str | None = None
    due_at: str | None = None
    """When it is tried again, after an error."""


class Outbox:
    """The jobs of a workspace, and the thread that works them off."""

    def __init__(self, workspace: Workspace, wake: Callable[[], None] | None = None) -> None:
        """Begin nothing.

        Args:
            workspace: whose jobs they are.
            wake: wakes the server that works them off; none: they are worked off here.
        """
        self._workspace, self._wake = workspace, wake
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def sealed(self, run_id: str) -> None:
        """A run, or an addendum to it, was sealed: it is kept until its day and, where so set, goes into the vault.

        Never raises: it comes after a seal, and changes nothing about it.
        """
        if self._workspace.is_dry:
            return
        try:
            keep(self._workspace.store, run_id)
            said = retention_in_force(self._workspace.store)
            if said.auto_export_on_seal:
                self.put(run_id, said.auto_export_format, None, DEFAULT)
            if self._wake is not None or self._workspace.store.jobs(kind=DELIVER):
                self.start()
        except (CognifyError, OSError) as error:
            self._workspace.say(f"{run_id} is sealed, but nothing was put into the outbox: {error}")

    def put(self, run_id: str, format: str, template: str | None, vault: str) -> Job:  # noqa: A002 - users' word
        """Keep that a package of the run, as it is sealed now, is to go into a vault."""
        store, now = self._workspace.store, stamp_time(utc_now())
        what = {"addenda": len(store.addenda(run_id)), "format": format, "run_id": run_id}
        what |= {"template": template, "vault": vault}
        workspace = store.run(run_id).workspace
        return store.put_job(Job(encode(what).decode("utf-8"), DELIVER, run_id, now, now, workspace=workspace))

    def start(self) -> None:
        """Have what is due worked off: by the server, or on a daemon thread, where none is at it already."""
        if self._wake is not None:
            self._wake()
            return
        with self._lock:
            if self._pid == os.getpid() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._work, name="cognify-outbox", daemon=True)
                with suppress(RuntimeError):  # at the exit of the process no thread can be started: the job waits
                    self._thread.start()

    def settle(self, timeout: float) -> None:
        """Give the thread time to end; what it does not finish is done by whoever comes next."""
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join(timeout)

    def work_off(self, *, now: bool = False) -> list[Delivery]:
        """Do all jobs that are due, and with `now` also those that wait for another try; each once."""
        store = self._workspace.store
        if now:
            for waiting in store.jobs(kind=DELIVER):
                if waiting.last_error is not None:
                    store.postpone_job(waiting.job_id, waiting.last_error, stamp_time(utc_now()))
        by, seconds = stamp_time(utc_now()), self._workspace.settings.lease_seconds
        done = []
        mine = {"kinds": [DELIVER], "workspace": self._workspace.name}
        while (job := claim(store, seconds, by=by, **mine)) is not None:
            done.append(self.do(job))
        return done

    def do(self, job: Job) -> Delivery:
        """Do a job that was claimed, and write down what became of it; never raises."""
        store = self._workspace.store
        try:
            with held(store, job, self._workspace.settings.lease_seconds):
                states = self._deliver(job)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is written down and tried again
            message, due_at = f"{error}"[:2000] or type(error).__name__, stamp_time(next_try(utc_now(), job.attempts))
            store.postpone_job(job.job_id, message, due_at, attempt=job.attempts)
            return Delivery(job, error=message, due_at=due_at)
        store.finish_job(job.job_id, stamp_time(utc_now()), attempt=job.attempts)
        return Delivery(job, states)

    def _work(self) -> None:
        try:
            for delivery in self.work_off():
                if delivery.error is not None:
                    _log.warning("Cognify: %s is not in the vault yet: %s", delivery.job.run_id, delivery.error)
        except Exception as error:  # noqa: BLE001 - a thread of ours; the jobs are in the store, and wait there
            _log.warning("Cognify: the outbox waits: %s", error)

    def _deliver(self, job: Job) -> tuple[str, ...]:
        what = parse(job.job_id.encode("utf-8"))
        if not isinstance(what, dict) or job.run_id is None:
            raise FormatError(f"the store is damaged: {job.job_id[:80]!r} is no job of the outbox")
        template = what.get("template")
        package = self._workspace.export(
            job.run_id, format=str(what.get("format")), template=None if template is None else str(template)
        )
        plan = plan_for(self._workspace, job.run_id, str(what.get("vault")))
        return tuple(fact.state for fact in deliver(self._workspace, package, plan))
