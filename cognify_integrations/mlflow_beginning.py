"""Records that a worker of a server is about to begin: MLflow has the runs already, and other workers wait for them.

Whoever creates a run is not kept waiting until its record is on disk. A name is locked from then until it is, so that
another worker that is told something of the run meanwhile knows that a record is coming.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cognify_integrations.mlflow_locks import Locks

_SECONDS = 30.0
"""How long another worker waits: it takes a few milliseconds, unless a disk is very slow."""


class Beginnings:
    """Those of this worker, and those that it waits for.

    Args:
        file: where the workers find each other.

    Raises:
        OSError: there can be no locks in that file.
    """

    def __init__(self, file: Path) -> None:
        self._mine, self._theirs = Locks(file), Locks(file)

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
