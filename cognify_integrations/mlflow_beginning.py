"""Records that a worker of a server is about to begin: MLflow has the runs already, and other workers wait for them.

Whoever creates a run is not kept waiting until its record is on disk. A name is locked from then until it is, so that
another worker that is told something of the run meanwhile knows that a record is coming. An empty file lies in the home
from before MLflow has the run until its record is there: a worker that dies leaves it behind, and so another knows that
the run is this server's to record, and nobody else's who writes to the same database.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cognify_core.model.names import is_run_id
from cognify_integrations.mlflow_locks import Locks
from cognify_integrations.mlflow_underway import LOCKS_FILE

PLANS_FOLDER = "mlflow.plans"

_SECONDS = 30.0
"""How long another worker waits: it takes a few milliseconds, unless a disk is very slow."""


class Beginnings:
    """Those of this worker, and those that it waits for.

    Args:
        home: where the workers find each other.

    Raises:
        OSError: there can be no locks in `home`.
    """

    def __init__(self, home: Path) -> None:
        self._mine, self._theirs = Locks(home / LOCKS_FILE), Locks(home / LOCKS_FILE)
        self._plans = home / PLANS_FOLDER
        self._plans.mkdir(mode=0o700, exist_ok=True)

    def plan(self, run_id: str) -> None:
        """MLflow is about to create a run, and here its record will be begun under that id."""
        with suppress(OSError):  # without it the others only know less
            os.close(os.open(f"{self._plans}/{run_id}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))

    def drop(self, run_id: str | None) -> None:
        """The record of that id is there, or will never be."""
        if run_id is not None and is_run_id(run_id):
            with suppress(OSError):
                (self._plans / run_id).unlink()

    def is_planned(self, run_id: str) -> bool:
        """Whether a worker of this home was to begin the record of that id and has not."""
        return is_run_id(run_id) and (self._plans / run_id).exists()

    def announce(self, mlflow_id: str) -> None:
        """The record of that run is about to be begun here."""
        with suppress(OSError):  # without locks the others only know less
            self._mine.take(_name(mlflow_id))

    def conclude(self, mlflow_id: str) -> None:
        """It is there, or could not be begun."""
        with suppress(OSError):
            self._mine.release(_name(mlflow_id))

    def wait(self, mlflow_id: str) -> None:
        """Wait until no worker is about to begin the record of that run."""
        with suppress(OSError):
            if self._theirs.take(_name(mlflow_id), _SECONDS):
                self._theirs.release(_name(mlflow_id))


def _name(mlflow_id: str) -> str:
    return f"mlflow/{mlflow_id}/begun"
