"""Which run of ours each MLflow run goes into, in this process.

An MLflow run's id is a meeting in our store, `mlflow/<id>`, by which any process finds its record. There are two
modes. In a *client*, the training itself, a run belongs to the process that created it. In a *server*, any worker may
write any run, and none owns it; what a client records itself, the server leaves to it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.errors import CognifyError
from cognify_core.model.names import new_run_id, utc_now
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, is_alive
from cognify_core.record.recorder import warn
from cognify_integrations import mlflow_events as events
from cognify_integrations.mlflow_closing import record_state
from cognify_integrations.mlflow_context import RUN_TAG
from cognify_integrations.mlflow_ending import end_of
from cognify_integrations.mlflow_known import Ended, Known
from cognify_integrations.mlflow_orphans import CLOSED
from cognify_integrations.mlflow_workers import Workers

if TYPE_CHECKING:
    from cognify_core.api.session import Session
    from cognify_core.model.events import ClosedStatus

BY_TAG = "cognify.recorded_by"
"""The tag that tells a server that is asked for a run to leave the recording to the client."""
_CLIENT = "client"
_PARENT_TAG = "mlflow.parentRunId"
_FLUSH_SECONDS = 30.0


class Runs:
    """The MLflow runs that this process writes."""

    def __init__(self, session: Session, *, in_server: bool) -> None:
        self.in_server = in_server
        self._session = session
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}
        self._makers: dict[str, str | None] = {}
        self._workers: Workers | None = None
        self._others: set[str] = set()
        """Runs that this server does not record."""
        self._unsaid: set[str] = set()
        """The runs of which something was said after their end that no addendum takes."""

    def serve(self, store: Any) -> None:
        """This process is a worker of a server with that tracking store: look for others, and for what they left."""
        if self._workers is None and not self._session.is_off:
            try:
                self._workers = Workers(self._session, store, self._flush)
            except (CognifyError, OSError) as error:
                warn("MLflow's runs are not recorded", error)

    def writing(self, mlflow_id: str) -> AbstractContextManager[None]:
        """A call that writes to a run, from before it is looked for until what it says has been said."""
        return nullcontext() if self._workers is None else self._workers.call(mlflow_id)

    def _flush(self, mlflow_id: str) -> None:
        if (known := self._known.get(mlflow_id)) is not None:
            known.live.run.flush(_FLUSH_SECONDS)

    def plan(self, tags: Iterable[Any] | None, *, asks_server: bool) -> Plan:
        """What is to be done about a run that MLflow is about to create, by asking a server or in its own database."""
        if not self._records(tags):
            return Plan(self, tags, None, None)
        shared = None if self.in_server else self._shared()
        run_id = new_run_id(utc_now(), os.urandom(3)) if shared is None else shared.id
        told = [tag for tag in tags or () if tag.key not in (RUN_TAG, BY_TAG)]
        told.append(RunTag(RUN_TAG, run_id))
        if self._workers is not None:
            self._workers.beginnings.plan(run_id)
        elif asks_server:
            told.append(RunTag(BY_TAG, _CLIENT))
        return Plan(self, told, run_id, shared)

    def _records(self, tags: Iterable[Any] | None) -> bool:
        """Whether a run that is created here with those tags is recorded here."""
        if self._session.is_off or (
            self.in_server and (self._workers is None or _tagged(tags or (), BY_TAG) == _CLIENT)
        ):
            return False
        try:
            _ = self._session.workspace.store
        except (CognifyError, OSError) as error:
            warn("an MLflow run is not recorded", error)
            return False
        return True

    def drop(self, run_id: str | None) -> None:
        """A record that was planned is there, or its run is not."""
        if self._workers is not None:
            self._workers.beginnings.drop(run_id)

    def begin(self, store: Any, run: Any, run_id: str, shared: LiveRun | None) -> None:
        """Begin the record of a run that MLflow has created, in the background.

        Whoever creates a run does not wait until that is on disk; nor does what is said to MLflow meanwhile, unless it
        is said to another worker of this server.
        """
        mlflow_id = run.info.run_id
        known = Known(mlflow_id, None, own=shared is None, in_server=self.in_server)
        if shared is not None:
            self._begin(self._know(known), store, run, partial(self._share, _guest(mlflow_id), shared))
            return
        opening = self._opening(run, run_id)
        self._know(known)
        begin = partial(self._begin, known, store, run, opening)
        if self._workers is not None:
            self._workers.beginnings.announce(mlflow_id)
            begin = partial(self._workers.begin, mlflow_id, begin)
        self._session.guests.arrivals.put(f"the record of MLflow run {mlflow_id}", begin)

    def _opening(self, run: Any, run_id: str) -> Callable[[], LiveRun]:
        mlflow_id = run.info.run_id
        tags = {"mlflow.run_id": mlflow_id}
        if parent := run.data.tags.get(_PARENT_TAG):
            tags[_PARENT_TAG] = parent
        name, owned = run.info.run_name, not self.in_server
        return self._session.host(_guest(mlflow_id), name=name, tags=tags, run_id=run_id, owned=owned)

    def _share(self, guest: str, live: LiveRun) -> LiveRun:
        self._session.workspace.store.meet(guest, live.id)
        self._session.guests.add(live, guest, own=False)
        return live

    def _begin(self, known: Known, store: Any, run: Any, opening: Callable[[], LiveRun]) -> None:
        """A failure is said, and leaves MLflow's run as it is."""
        try:
            live = opening()
        except Exception as error:  # noqa: BLE001 - the failure policy: whoever waits for the record must hear of it
            warn(f"MLflow run {known.mlflow_id} is not recorded", error)
            self._known.pop(known.mlflow_id, None)
            known.arrive(None)
            return
        if not self.in_server:
            live.closing.insert(0, partial(record_state, live, store, known.mlflow_id))
        live.guarded("an MLflow run", self._began, Known(known.mlflow_id, live, own=known.own), run)
        known.arrive(live)
        planned = run.data.tags.get(RUN_TAG)
        self.drop(planned)
        if planned != live.id:
            live.guarded("the tag of an MLflow run", store.set_tag, known.mlflow_id, RunTag(RUN_TAG, live.id))

    def _began(self, known: Known, run: Any) -> None:
        live = known.live
        events.created(known, run)
        if self.in_server:
            live.gap("environment and code", "they are the client's, which a server does not see", mend=_MEND_SERVER)
        elif known.own and _PARENT_TAG not in run.data.tags:
            live.tell_start()

    def look(self, mlflow_id: str) -> Known | Ended | None:
        """What is known of a run that is about to be written to; nothing where it is not recorded here."""
        if self._session.is_off:
            return None
        known = self._known.get(mlflow_id)
        try:
            if known is None:
                return self._found(mlflow_id)
            if self.in_server:
                known.ended = known.ended or self._session.workspace.store.met(end_of(mlflow_id)) is not None
        except (CognifyError, OSError) as error:
            warn(f"MLflow run {mlflow_id}", error)
        if known is not None and known.takes_no_more:
            return Ended(mlflow_id, known.live.id, "has ended")
        return known

    def ended(self, mlflow_ids: Iterable[str]) -> list[Ended]:
        """Those of these runs whose record has ended."""
        return [found for each in mlflow_ids if isinstance(found := self._look_only(each), Ended)]

    def _look_only(self, mlflow_id: str) -> Known | Ended | None:
        """As `look`, but nothing is joined that is not written here."""
        if mlflow_id in self._known or self._session.is_off:
            return self.look(mlflow_id)
        try:
            run_id = self._session.workspace.store.met(_guest(mlflow_id))
            return None if run_id is None else self._ended(mlflow_id, run_id)
        except (CognifyError, OSError) as error:
            warn(f"MLflow run {mlflow_id}", error)
            return None

    def record(self, found: Known | Ended, told: Callable[..., object], *args: Any) -> None:
        """Record something that was said of a run, `told(known, *args)`; after its end, in an addendum."""
        if isinstance(found, Ended):
            self._add(found, told, *args)
        else:
            found.tell(told, *args)

    def end(self, store: Any, mlflow_id: str, status: str) -> None:
        """MLflow says that a run has ended."""
        known = self._known.get(mlflow_id)
        if known is None or known.ended:
            return
        try:
            live = known.live
        except CognifyError:
            return  # it could not be begun, which has been said
        live.guarded("the end of an MLflow run", self._end, store, known, CLOSED[status])

    def _end(self, store: Any, known: Known, closed: ClosedStatus) -> None:
        if closed == "COMPLETED" and self._session.leaving and getattr(sys, "last_value", None) is not None:
            closed = "FAILED"  # the exception ended the script; at its exit MLflow calls every run finished
        if known.joined and not self.in_server:
            self._session.guests.part(known.live)
            self._known.pop(known.mlflow_id, None)
            return
        known.ended = known.own
        close = partial(self._session.part, known.live, _guest(known.mlflow_id), closed, own=known.own)
        if self._workers is None:
            close()
        else:
            self._workers.end(known, close)

    def tell(self, mlflow_id: str, what: str, **facts: Any) -> None:
        """Record what a model registry says of a run."""
        with self.writing(mlflow_id):
            if (found := self.look(mlflow_id)) is not None:
                self.record(found, lambda known: events.said(known, what, **facts))

    def maker_of(self, model_id: str, ask: Callable[[], str | None]) -> str | None:
        """The run that made a logged model; `ask` is for one that this process has not seen."""
        if self._session.is_off:
            return None
        if model_id not in self._makers:
            try:
                self._makers[model_id] = ask()
            except MlflowException:
                return None  # MLflow's own answer to the call says so better
        return self._makers[model_id]

    def _add(self, ended: Ended, told: Callable[..., object], *args: Any) -> None:
        """Record it in an addendum, in the background; where there can be none, say so once for each run."""
        if self.in_server or not self._session.speaks:
            return

        def add() -> None:
            try:
                live = self._session.writing_to(ended.run_id)
            except (CognifyError, OSError) as error:
                if ended.run_id not in self._unsaid:
                    self._unsaid.add(ended.run_id)
                    warn(f"what MLflow is told of run {ended.mlflow_id} after its end is not recorded", error)
            else:
                live.guarded("what was said to MLflow", told, Known(ended.mlflow_id, live, own=False), *args)

        self._session.guests.later(f"{ended.run_id}/late", add)

    def _shared(self) -> LiveRun | None:
        """The run that goes on here and that no MLflow run has begun, unless another MLflow run is in it."""
        if self._session.guests.arrivals.under_way:
            return None  # what is on its way is another MLflow run's
        live = self._session.current
        if live is None or live.pid != os.getpid() or self._session.guests.began(live) or live.guests:
            return None
        return live

    def _found(self, mlflow_id: str) -> Known | Ended | None:
        """A run that another process has begun, joined now unless it has ended."""
        workspace = self._session.workspace
        if (run_id := self._met(mlflow_id)) is None:
            return self._begun_late(mlflow_id)
        if (ended := self._ended(mlflow_id, run_id)) is not None:
            return ended
        owners = workspace.store.owners(run_id)
        if self.in_server != (owners == [NOBODY]):
            return None  # a client records its own run, and a server what no client does
        live = workspace.join(run_id)
        self._session.guests.add_joined(live)
        joined = not self.in_server and any(map(is_alive, owners))
        return self._know(Known(mlflow_id, live, own=True, joined=joined, in_server=self.in_server))

    def _met(self, mlflow_id: str) -> str | None:
        """The id of the record of a run; one that another worker of this server is about to begin is waited for."""
        store = self._session.workspace.store
        run_id = store.met(_guest(mlflow_id))
        if run_id is None and self._workers is not None and mlflow_id not in self._others:
            self._workers.beginnings.wait(mlflow_id)
            run_id = store.met(_guest(mlflow_id))
        return run_id

    def _begun_late(self, mlflow_id: str) -> Known | Ended | None:
        """Begin the record that a worker of this server planned and has not come to; of other runs there is none."""
        if self._workers is None or mlflow_id in self._others:
            return None
        store = self._workers.store
        try:
            run = store.get_run(mlflow_id)
        except MlflowException:
            return None  # MLflow's own answer to the call says so better
        run_id = run.data.tags.get(RUN_TAG, "")
        if run.info.status in CLOSED or not self._workers.beginnings.is_planned(run_id):
            self._others.add(mlflow_id)
            come = self._session.workspace.store.met(_guest(mlflow_id))  # a plan is dropped when the record is there
            return None if come is None else self._found(mlflow_id)
        mine = Known(mlflow_id, None, own=True, in_server=True)
        if (known := self._know(mine)) is mine:  # else another thread of this worker begins it
            self._begin(known, store, run, self._opening(run, run_id))
            known.live.gap("what was said first", "the worker that created the run died before it began its record")
        return known

    def _ended(self, mlflow_id: str, run_id: str) -> Ended | None:
        store = self._session.workspace.store
        if (status := store.run(run_id).status) is not Status.RUNNING:
            how = "was sealed" if status is Status.AUDIT_SEALED else f"has ended ({status})"
            return Ended(mlflow_id, run_id, how)
        return None if store.met(end_of(mlflow_id)) is None else Ended(mlflow_id, run_id, "has ended")

    def _know(self, known: Known) -> Known:
        with self._lock:
            return self._known.setdefault(known.mlflow_id, known)


class Plan(NamedTuple):
    """What is to be done about a run that MLflow is about to create."""

    runs: Runs
    tags: Any
    """The tags to create it with."""
    run_id: str | None
    """The id of its record; none where it is not recorded here."""
    shared: LiveRun | None
    """The run that goes on here already, if it goes into that."""

    def drop(self) -> None:
        """MLflow did not create the run."""
        self.runs.drop(self.run_id)

    def begin(self, store: Any, run: Any) -> None:
        """Begin the record; a failure is said and leaves MLflow's run as it is."""
        if self.run_id is None:
            return
        try:
            self.runs.begin(store, run, self.run_id, self.shared)
        except (CognifyError, OSError) as error:
            warn(f"MLflow run {run.info.run_id} is not recorded", error)


_MEND_SERVER = "let the training itself use cognify+http://…"
_runs: Runs | None = None


def these_runs() -> Runs:
    """The MLflow runs of this process."""
    global _runs
    if _runs is None:
        from cognify_integrations.mlflow_stores import is_server

        _runs = Runs(api.this_session(), in_server=is_server())
    return _runs


def _forget() -> None:
    """A forked child has none of its parent's runs."""
    global _runs
    _runs = None


os.register_at_fork(after_in_child=_forget)


def leave() -> None:
    """The process ends, and MLflow has ended its active run: end what is left."""
    if _runs is not None:
        api.this_session().leave()


def _guest(mlflow_id: str) -> str:
    return f"mlflow/{mlflow_id}"


def _tagged(tags: Iterable[Any], key: str) -> str | None:
    return next((tag.value for tag in tags if tag.key == key), None)
