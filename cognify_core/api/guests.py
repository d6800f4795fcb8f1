"""Runs of another tracker (MLflow) that go into runs of this process, several at once.

A guest has a run of its own, which ends with it, or shares the one that goes on here, which then waits for it. Ends are
worked off in the background, one after another: the tracker's caller waits for none of it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from cognify_core.api.arrivals import Arrivals
from cognify_core.api.live import Ending, LiveRun
from cognify_core.record.recorder import warn

_LOOK_SECONDS = 0.05


class Guests:
    """The runs here that guests are in. Which of them is the process's current one is the session's matter."""

    arrivals: Arrivals
    """Those of them that are on their way."""

    def __init__(self) -> None:
        self.arrivals = Arrivals()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._own: list[LiveRun] = []
        self._shared: list[LiveRun] = []
        self._joined: list[LiveRun] = []
        self._jobs: SimpleQueue[tuple[str, Callable[[], object]]] = SimpleQueue()
        self._under_way: dict[str, int] = {}
        self._thread: threading.Thread | None = None

    def came(self, timeout: float | None = None) -> bool:
        """Whether any guest has ever been here; one whose run is on its way is waited for."""
        self.arrivals.wait(timeout)
        return self._thread is not None and self._pid == os.getpid()

    def newest(self) -> LiveRun | None:
        """The run that was begun last for a guest and goes on."""
        with self._lock:
            return self._own[-1] if self._own else None

    def began(self, live: LiveRun) -> bool:
        """Whether `live` was begun for a guest, and so ends with it."""
        return any(each is live for each in self._own)

    def find(self, run_id: str) -> LiveRun | None:
        """The run of that id, where a guest is in it."""
        with self._lock:
            return next((live for live in (*self._own, *self._shared, *self._joined) if live.id == run_id), None)

    def add(self, live: LiveRun, guest: str, *, own: bool) -> None:
        """A guest is in `live` from now on: in its own run, or in one that it shares."""
        with self._lock:
            self._start()
            live.guests.add(guest)
            hosts = self._own if own else self._shared
            if all(each is not live for each in hosts):
                hosts.append(live)

    def add_joined(self, live: LiveRun) -> None:
        """`live` is written here too, and ends elsewhere."""
        with self._lock:
            self._start()
            self._joined.append(live)

    def leave(self, live: LiveRun, guest: str) -> None:
        """A guest has ended; with the last one ends a run whose own end had come before."""
        with self._lock:
            live.guests.discard(guest)
            if live.guests:
                return
            self._forget(live)
            if (ending := live.ending) is not None:
                self._put(live.id, lambda: live.finish(ending.status, seal=ending.seal))

    def release(self, live: LiveRun) -> None:
        """`live` no longer ends with its guests."""
        with self._lock:
            live.guests.clear()
            self._forget(live)

    def part(self, live: LiveRun) -> None:
        """Write no more of a run that ends elsewhere."""
        with self._lock:
            if any(each is live for each in self._joined):
                self._forget(live)
                self._put(live.id, live.run.leave)

    def later(self, run_id: str, job: Callable[[], object]) -> None:
        """Do `job`, which is about that run, in the background."""
        with self._lock:
            self._put(run_id, job)

    def wait(self, run_id: str | None = None, timeout: float | None = None) -> None:
        """Wait until no end of that run, or of any, is being worked off."""
        if self._pid != os.getpid() or threading.current_thread() is self._thread:
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._under_way if run_id is None else run_id in self._under_way:
            if deadline is not None and time.monotonic() > deadline:
                return
            time.sleep(_LOOK_SECONDS)

    def settle(self, timeout: float, finally_: Callable[[], object]) -> None:
        """At the very exit, after the tracker's own: end what no one has ended as INTERRUPTED, then do the last."""
        with self._lock:
            left, self._own, self._shared = [*self._own, *self._shared], [], []
            joined, self._joined = self._joined, []
        for live in left:
            self.later(live.id, _interruption(live, timeout / 2))
        for live in joined:
            self.later(live.id, live.run.leave)
        self.later("the exit", finally_)
        self.wait(timeout=timeout)

    def _forget(self, live: LiveRun) -> None:
        for lives in (self._own, self._shared, self._joined):
            lives[:] = [each for each in lives if each is not live]

    def _put(self, run_id: str, job: Callable[[], object]) -> None:
        self._start()
        self._under_way[run_id] = self._under_way.get(run_id, 0) + 1
        self._jobs.put((run_id, job))

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="cognify-guests", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            run_id, job = self._jobs.get()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the failure policy: the ends of other runs are to come
                warn(f"the end of {run_id}", error)
            finally:
                with self._lock:
                    self._under_way[run_id] -= 1
                    if not self._under_way[run_id]:
                        del self._under_way[run_id]


def _interruption(live: LiveRun, timeout: float) -> Callable[[], object]:
    ending = live.ending or Ending("INTERRUPTED", seal=False)
    return lambda: live.finish(ending.status, seal=ending.seal, timeout=timeout)
