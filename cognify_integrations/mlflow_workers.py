"""What the workers of one server have to do with each other: they record the same runs, and each may die."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from cognify_integrations.mlflow_beginning import Beginnings
from cognify_integrations.mlflow_ending import Ends
from cognify_integrations.mlflow_orphans import Orphans
from cognify_integrations.mlflow_underway import Underway

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_integrations.mlflow_known import Known


class Workers:
    """This worker among them.

    Args:
        session: what is recorded here.
        store: MLflow's tracking store.
        flush: waits until all that was said here of a run is on disk.

    Raises:
        OSError: there can be no locks where this server records.
    """

    def __init__(self, session: Session, store: Any, flush: Callable[[str], object]) -> None:
        self._session, self.store = session, store
        self.beginnings = Beginnings(session.settings.home)
        self._underway = Underway(session.settings.home, flush)
        self._ends = Ends(session.settings.home, self._underway)
        Orphans(session, self._ends, store).watch()

    def call(self, mlflow_id: str) -> AbstractContextManager[None]:
        """A call that writes to a run: who ends the run waits for it."""
        return self._underway.call(mlflow_id)

    def begin(self, mlflow_id: str, begin: Callable[[], object]) -> None:
        """Begin the record of a run, as was announced; who ends the run waits for what that says."""
        try:
            with self.call(mlflow_id):
                begin()
        finally:
            self.beginnings.conclude(mlflow_id)

    def end(self, known: Known, close: Callable[[], object]) -> None:
        """MLflow has ended a run: where it is for this worker to do so, `close` its record, in the background."""
        guests = self._session.guests
        if self._ends.begin(self.store, known):
            close()
            guests.later(known.live.id, lambda: self._ends.release(known.mlflow_id))
        else:
            guests.part(known.live)
