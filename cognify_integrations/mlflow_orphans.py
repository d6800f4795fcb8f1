"""Runs of a server that MLflow has ended, and whose worker has died before the seal: another worker ends them.

Looked for when a worker gets its first request, before it opens the store, which would close them as INTERRUPTED; and
again and again, for a worker that dies later. One that no server looks for is closed by whoever opens the store next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow.exceptions import MlflowException

from cognify_core.errors import CognifyError
from cognify_core.model.events import RunOpened, parse_event
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, is_alive
from cognify_core.record.recorder import warn
from cognify_core.record.recover import DIED
from cognify_core.record.spool import deliver_spools
from cognify_core.store.sql import open_store
from cognify_integrations import mlflow_events as events
from cognify_integrations.mlflow_ending import Ends, end_of
from cognify_integrations.mlflow_known import Known

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.model.events import ClosedStatus
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import RunRow, Store

CLOSED: dict[str, ClosedStatus] = {"FINISHED": "COMPLETED", "FAILED": "FAILED", "KILLED": "INTERRUPTED"}
"""How a record ends, by how MLflow says that its run ended."""
_WHERE = "a run whose worker has died"
_EVERY_SECONDS = 5.0
_SHARE = 50
"""Looking takes no more than one part in so many of a worker's time."""
_UNSEALED = (Status.RUNNING, Status.COMPLETED)
_LOOKED_AT = 100
"""How many of the newest runs are looked at for want of a package."""


class Orphan(NamedTuple):
    """A run that is to be ended."""

    mlflow_id: str
    run_id: str


class Orphans:
    """Finds them and ends them, in the background.

    Args:
        session: what is recorded here.
        ends: those that this worker brings about.
        store: MLflow's tracking store.
    """

    def __init__(self, session: Session, ends: Ends, store: Any) -> None:
        self._session, self._ends, self._store = session, ends, store
        self._tried: set[str] = set()

    def watch(self) -> None:
        """Claim those that are there now; end them, and those that come, in the background."""
        found: list[Orphan] = []
        try:
            if self._settings.has_store:
                with closing(open_store(self._settings.store_place)) as ours:
                    found = list(self._claimed(ours))
        except (CognifyError, OSError) as error:
            warn(_WHERE, error)
        threading.Thread(target=self._watch, args=(found,), name="cognify-orphans", daemon=True).start()

    @property
    def _settings(self) -> Settings:
        return self._session.settings

    def _watch(self, found: list[Orphan]) -> None:
        self._take_over(found)
        is_first = True
        while True:
            began = time.monotonic()
            if self._settings.has_store:
                try:
                    ours = self._session.workspace.store
                    self._take_over([*(self._unseen(ours) if is_first else ()), *self._claimed(ours)])
                except Exception as error:  # noqa: BLE001 - the failure policy: it looks again
                    warn(_WHERE, error)
            is_first = False
            time.sleep(max(_EVERY_SECONDS, _SHARE * (time.monotonic() - began)))

    def _take_over(self, found: list[Orphan]) -> None:
        for orphan in found:
            self._tried.add(orphan.run_id)
            self._session.guests.later(orphan.run_id, partial(self._end, orphan))

    def _claimed(self, ours: Store) -> Iterator[Orphan]:
        """Those whose end has begun, and nobody goes on with it."""
        for row, orphan in self._unfinished(ours):
            if ours.met(end_of(orphan.mlflow_id)) != orphan.run_id:
                continue
            if any(owner != NOBODY and is_alive(owner) for owner in ours.owners(orphan.run_id)):
                continue
            if self._ends.claim(ours, *orphan, of=[row.status]):
                yield orphan

    def _unseen(self, ours: Store) -> Iterator[Orphan]:
        """Those that MLflow has ended, and whose worker died before it said so."""
        for row, orphan in self._unfinished(ours):
            if row.status is not Status.RUNNING or ours.owners(orphan.run_id) != [NOBODY]:
                continue
            if self._closed_as(orphan) is not None and self._ends.claim(ours, *orphan):
                ours.meet(end_of(orphan.mlflow_id), orphan.run_id)
                yield orphan

    def _unfinished(self, ours: Store) -> Iterator[tuple[RunRow, Orphan]]:
        for place, row in enumerate(ours.runs()):
            lacks_package = row.status is Status.AUDIT_SEALED and place < _LOOKED_AT and not ours.receipts(row.run_id)
            if row.run_id in self._tried or not (row.status in _UNSEALED or lacks_package):
                continue
            opened = parse_event(next(ours.events(row.run_id))).body
            if isinstance(opened, RunOpened) and (mlflow_id := opened.tags.get("mlflow.run_id")):
                yield row, Orphan(mlflow_id, row.run_id)

    def _closed_as(self, orphan: Orphan) -> ClosedStatus | None:
        """How MLflow says that it ended; none where it says that it goes on, or nothing."""
        try:
            return CLOSED.get(self._store.get_run(orphan.mlflow_id).info.status)
        except MlflowException:
            return None

    def _end(self, orphan: Orphan) -> None:
        workspace = self._session.workspace
        try:
            if workspace.store.run(orphan.run_id).status is Status.RUNNING:
                self._close(orphan)
            else:  # the worker died between the end of the record and the package
                workspace.seal(orphan.run_id)
                workspace.export(orphan.run_id)
        finally:
            self._ends.release(orphan.mlflow_id)

    def _close(self, orphan: Orphan) -> None:
        workspace = self._session.workspace
        deliver_spools(workspace.store, workspace.settings.spool_path, lambda run_id, _: run_id == orphan.run_id)
        known = Known(orphan.mlflow_id, workspace.join(orphan.run_id), own=True, in_server=True)
        known.live.guarded(_WHERE, events.said, known, "taken_over", because=DIED)
        known.live.closing.append(lambda: self._ends.close_up(self._store, known))
        status = self._closed_as(orphan) or "INTERRUPTED"
        known.live.finish(status, seal=status == "COMPLETED")
