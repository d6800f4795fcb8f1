"""The end of a run that a server records: one worker brings it about, once nothing is under way in any other.

The one that does it holds a claim on the run until the seal, which a worker that dies lets go of: then another one
takes the end over (`mlflow_orphans`).
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognify_core.model.record import Status
from cognify_core.record.owner import this_process
from cognify_integrations.mlflow_closing import record_state
from cognify_integrations.mlflow_locks import Locks
from cognify_integrations.mlflow_missing import record_missing
from cognify_integrations.mlflow_underway import LOCKS_FILE, Underway

if TYPE_CHECKING:
    from cognify_core.store.protocol import Store
    from cognify_integrations.mlflow_known import Known

_OTHERS_SECONDS = 30.0
"""How long the end of a run waits for what other workers have under way of it."""
_MEND = "cognify verify RUN --against mlflow:… names what MLflow has and the record has not"


def end_of(mlflow_id: str) -> str:
    """The meeting that says of a server's run that MLflow has ended it: from then on nothing of it is taken."""
    return f"mlflow/{mlflow_id}/ended"


class Ends:
    """The ends of runs that this worker brings about.

    Args:
        home: where the workers find each other.
        underway: what they have still to record.

    Raises:
        OSError: there can be no locks in `home`.
    """

    def __init__(self, home: Path, underway: Underway) -> None:
        self._locks, self._underway = Locks(home / LOCKS_FILE), underway
        self._claimed: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, ours: Store, mlflow_id: str, run_id: str, *, of: Collection[Status] = (Status.RUNNING,)) -> bool:
        """Whether the run is in one of these states, and its end is now this worker's to bring about."""
        with self._lock:  # what this worker holds, it would be given again
            if mlflow_id in self._claimed or not self._locks.take(end_of(mlflow_id)):
                return False
            self._claimed.add(mlflow_id)
        if (status := ours.run(run_id).status) not in of:
            self.release(mlflow_id)
            return False
        if status is Status.RUNNING:
            ours.set_owner(run_id, this_process())  # should it die before the seal
        return True

    def release(self, mlflow_id: str) -> None:
        """The end has come about."""
        with self._lock:
            self._claimed.discard(mlflow_id)
            self._locks.release(end_of(mlflow_id))

    def begin(self, store: Any, known: Known) -> bool:
        """MLflow has ended a run: say so, and whether it is this worker that closes its record."""
        ours, run_id = known.live.workspace.store, known.live.id
        ours.meet(end_of(known.mlflow_id), run_id)
        if not self.claim(ours, known.mlflow_id, run_id):
            return False
        known.live.closing.insert(0, lambda: self.close_up(store, known))
        return True

    def close_up(self, store: Any, known: Known) -> None:
        """Record what is left: what the other workers have under way, what none of them has said, and the state."""
        known.live.guarded("what other workers have under way", self._wait, known)
        known.live.guarded("points of metrics that are missing", record_missing, known, store)
        record_state(known.live, store, known.mlflow_id, in_server=True)

    def _wait(self, known: Known) -> None:
        if not self._underway.wait(known.mlflow_id, _OTHERS_SECONDS):
            reason = f"other workers had not recorded it {_OTHERS_SECONDS:g} s after the end"
            known.live.gap("what was said last", reason, mend=_MEND)
