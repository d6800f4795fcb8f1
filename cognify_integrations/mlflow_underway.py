"""What a worker of a server has taken of a run and not yet recorded: the worker that ends the run waits for it.

While anything is under way in a worker it shares the run's lock with the others, and lets go once all that was said is
on disk. Whoever ends the run says so first, so that nobody begins anything more, and then waits until it can have the
lock alone. A worker that dies lets go too; what it had not recorded is looked for in MLflow's own store
(`mlflow_missing`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

from cognify_core.record.recorder import warn
from cognify_integrations.mlflow_locks import Locks

LOCKS_FILE = "mlflow.locks"
_GATHER_SECONDS = 0.05
"""How long calls are gathered, which are then waited for together: each wait is a transaction."""


class Underway:
    """The calls that this process is about to record, by run.

    Args:
        home: where the workers find each other.
        flush: waits until all that was said of a run is on disk.

    Raises:
        OSError: there can be no locks in `home`.
    """

    def __init__(self, home: Path, flush: Callable[[str], object]) -> None:
        self._flush = flush
        self._shared, self._alone = Locks(home / LOCKS_FILE), Locks(home / LOCKS_FILE)
        self._lock = threading.Lock()
        self._calls: dict[str, int] = {}
        self._unsettled: set[str] = set()
        self._idle: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._settle, name="cognify-underway", daemon=True).start()

    @contextmanager
    def call(self, mlflow_id: str) -> Iterator[None]:
        """A call that writes: from before it is asked whether the run goes on, until what it says has been said.

        One that raises has said nothing, so nobody waits for that to be on disk.
        """
        self._begin(mlflow_id)
        has_said = False
        try:
            yield
            has_said = True
        finally:
            self._end(mlflow_id, has_said=has_said)

    def wait(self, mlflow_id: str, seconds: float) -> bool:
        """Wait until no worker has anything under way of a run, of which none begins any more; whether that came.

        Raises:
            OSError: there are no locks.
        """
        if not self._alone.take(mlflow_id, seconds):
            return False
        self._alone.release(mlflow_id)
        return True

    def _begin(self, mlflow_id: str) -> None:
        with self._lock:
            if mlflow_id not in self._calls:
                with suppress(OSError):  # it is for the one who waits to say that there are no locks
                    self._shared.share(mlflow_id)  # where somebody has it alone, the run has ended: it is asked next
            self._calls[mlflow_id] = self._calls.get(mlflow_id, 0) + 1

    def _end(self, mlflow_id: str, *, has_said: bool) -> None:
        with self._lock:
            self._calls[mlflow_id] -= 1
            if has_said:
                self._unsettled.add(mlflow_id)
            if not self._calls[mlflow_id]:
                self._idle.put(mlflow_id)

    def _settle(self) -> None:
        while True:
            idle = {self._idle.get()}
            time.sleep(_GATHER_SECONDS)
            while not self._idle.empty():
                idle.add(self._idle.get())
            for mlflow_id in idle:
                self._settle_run(mlflow_id)

    def _settle_run(self, mlflow_id: str) -> None:
        with self._lock:
            self._unsettled.discard(mlflow_id)
        try:
            self._flush(mlflow_id)
        except Exception as error:  # noqa: BLE001 - the failure policy: calls to come are settled too
            warn(f"MLflow run {mlflow_id}", error)
        self._let_go(mlflow_id)

    def _let_go(self, mlflow_id: str) -> None:
        """Let go of a run of which nothing has been said since what was settled."""
        with self._lock:
            if self._calls.get(mlflow_id) == 0 and mlflow_id not in self._unsettled:
                del self._calls[mlflow_id]
                with suppress(OSError):
                    self._shared.release(mlflow_id)
