"""Runs on their way into the store: whoever asked for one goes on meanwhile, and whoever needs it waits for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from cognify_core.api.live import LiveRun
from cognify_core.record.recorder import warn

_SURROUNDINGS_SECONDS = 10.0
_REST_SECONDS = 0.02
"""Before a run is begun: whoever asked for it is done with that first, with the interpreter to itself."""


class Arrivals:
    """Begins runs, one after another, on a thread of its own.

    What is done there takes no lock of the session's: who holds that may be waiting here.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._jobs: SimpleQueue[tuple[str, Callable[[], object]]] = SimpleQueue()
        self._changed = threading.Condition()
        self._left = 0
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def under_way(self) -> bool:
        """Whether a run is on its way."""
        return self._left > 0

    def put(self, what: str, begin: Callable[[], object]) -> None:
        """Begin a run in the background: `what`, for people, should that fail in an unforeseen way."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cognify-arrivals", daemon=True)
                self._thread.start()
            self._left += 1
        self._jobs.put((what, begin))

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all that was put is there, or could not be begun. In a forked child nothing of that comes."""
        if self._left and self._pid == os.getpid() and threading.current_thread() is not self._thread:
            self._wanted.set()
            with self._changed:
                self._changed.wait_for(lambda: not self._left, timeout)

    def _work(self) -> None:
        while True:
            what, begin = self._jobs.get()
            self._wanted.wait(_REST_SECONDS)
            try:
                begin()
            except Exception as error:  # noqa: BLE001 - the failure policy: other runs are to come
                warn(f"the beginning of {what}", error)
            finally:
                with self._changed:
                    self._left -= 1
                    if not self._left:
                        self._wanted.clear()
                    self._changed.notify_all()


def surround(live: LiveRun) -> None:
    """Record the environment and the code of a run beside what else happens; its end waits for that."""
    where = "the environment and the code"
    thread = threading.Thread(target=live.guarded, args=(where, live.workspace.surround, live), daemon=True)
    thread.start()
    live.closing.append(partial(thread.join, _SURROUNDINGS_SECONDS))
