"""A record on its way to a server, while it is being written and afterwards: in order, each event once.

The record stands in a store of this machine first; that is the spool. A *parcel*, a file beside it, says to whom it
goes, with which secret, and how far it has come. It is on disk before the run begins there, so that neither end of the
wire can die and leave the other in doubt: what was not acknowledged is sent again, and the server passes over what it
has. What the server answers is held against the record here. Nothing of this is done on the thread that trains.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from cognify_core.canonical import encode, parse
from cognify_core.errors import CognifyError, FormatError, ServerRefusedError, ServerUnavailableError, StoreError
from cognify_core.merkle import Frontier, leaf_hash
from cognify_core.model.events import parse_event
from cognify_core.record.server import Reached, Server
from cognify_core.store.places import make_directory, put_in_place
from cognify_core.store.protocol import Store
from cognify_core.store.written import Written
from cognify_core.turns import let_others_run

SUFFIX = ".parcel"
EVENTS_AT_ONCE = 1000
BYTES_AT_ONCE = 4 << 20
LOOK_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
_STOP_SECONDS = 5.0
_ENVELOPE = ("v", "run_id", "seq", "time")
_log = logging.getLogger("cognify")


@dataclass(frozen=True, slots=True)
class Parcel:
    """How far one record has come."""

    run_id: str
    url: str
    workspace: str
    secret: str
    begun: bool = False
    size: int = 0
    """Events that the server has acknowledged."""
    head: str = ""
    """What it signed then: it can never again have had another record of that length."""
    wanted: bool = False
    """Whether the server is to seal the run once it is closed."""
    sealed: bool = False


class Parcels:
    """The parcels of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, run_id: str, server: Server) -> Parcel:
        """A parcel for a run that begins, on disk."""
        parcel = Parcel(run_id, server.url, server.workspace, secrets.token_urlsafe(32))
        self.keep(parcel)
        return parcel

    def keep(self, parcel: Parcel) -> None:
        """Put a parcel on disk, whole.

        Raises:
            OSError: the disk does not take it.
        """
        make_directory(self._folder)
        put_in_place(self._path(parcel.run_id), encode(asdict(parcel)), mode=0o600)

    def find(self, run_id: str) -> Parcel | None:
        """The parcel of a run; none where there is none that reads."""
        try:
            return Parcel(**parse(self._path(run_id).read_bytes()))
        except (OSError, FormatError, TypeError):
            return None

    def waiting(self) -> list[Parcel]:
        """Those that have not come all the way, as far as is known, oldest first."""
        found = (self.find(path.name.removesuffix(SUFFIX)) for path in sorted(self._folder.glob(f"run_*{SUFFIX}")))
        return [parcel for parcel in found if parcel is not None and not parcel.sealed]

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}{SUFFIX}"


@dataclass
class _Journey:
    """What is remembered of a parcel while it goes."""

    parcel: Parcel
    tree: Frontier = field(default_factory=Frontier)
    """Over the events that the server has, as they stand here."""
    failures: int = 0
    due: float = 0.0


class Shipper:
    """Sends records to one server on a thread of its own."""

    def __init__(self, store: Store, server: Server, parcels: Parcels) -> None:
        self.parcels = parcels
        self._store, self._server = store, server
        self._journeys: dict[str, _Journey] = {}
        self._lock, self._turn = threading.Lock(), threading.Lock()  # the second one is held while a server is asked
        self._wake = threading.Event()
        self._stopped = False
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None

    def send(self, parcel: Parcel) -> None:
        """Let a record go, now and whenever something is added to it."""
        with self._lock:
            self._journeys.setdefault(parcel.run_id, _Journey(parcel))
            if self._thread is None and self._pid == os.getpid():
                self._thread = threading.Thread(target=self._work, name="cognify-shipper", daemon=True)
                self._thread.start()
        self._wake.set()

    def bring(self, run_id: str) -> Parcel:
        """Bring a record all the way now, on this thread; return how far it has come, which is all of it.

        Raises:
            ServerUnavailableError: the server cannot be reached.
            ServerRefusedError: it does not take the record, or has another one.
            StoreError: the run was not recorded to a server.
        """
        with self._turn:
            return self._carry(self._journey(run_id))

    def seal(self, run_id: str) -> bytes:
        """Bring a closed record all the way and have it sealed there; return the seal's bundle. Raises as `bring`."""
        with self._turn:
            journey = self._journey(run_id)
            self._moved(journey, wanted=True)
            self._carry(journey)
            bundle = self._server.seal(run_id)
            self._moved(journey, sealed=True)
            return bundle

    def stop(self) -> None:
        """Send no more; what has not come all the way is sent by whoever comes next."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._pid == os.getpid():
            self._thread.join(_STOP_SECONDS)

    def _journey(self, run_id: str) -> _Journey:
        with self._lock:
            if run_id not in self._journeys:
                if (parcel := self.parcels.find(run_id)) is None:
                    raise StoreError(f"{run_id} was not recorded to a server")
                self._journeys[run_id] = _Journey(parcel)
            return self._journeys[run_id]

    def _work(self) -> None:
        while not self._stopped:
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            with self._lock:
                due = [each for each in self._journeys.values() if time.monotonic() >= each.due]
            for journey in due:
                self._try(journey)

    def _try(self, journey: _Journey) -> None:
        run_id = journey.parcel.run_id
        try:
            with self._turn:
                self._carry(journey)
        except ServerUnavailableError as error:
            journey.failures += 1
            journey.due = time.monotonic() + wait_before(journey.failures)
            if journey.failures == 1:
                _log.warning("Cognify: %s (training goes on; the record waits on disk, and is sent later)", error)
        except (CognifyError, OSError) as error:
            with self._lock:
                self._journeys.pop(run_id, None)
            _log.warning("Cognify: %s is not sent on: %s (it stands whole on this machine)", run_id, error)
        else:
            journey.failures, journey.due = 0, 0.0

    def _carry(self, journey: _Journey) -> Parcel:
        run_id = journey.parcel.run_id
        if not journey.parcel.begun:
            event = parse(next(self._store.events(run_id)))
            opened = {name: value for name, value in event.items() if name not in _ENVELOPE}
            self._server.begin(run_id, event["time"], opened, journey.parcel.secret)
            self._moved(journey, begun=True, size=1)
        while batch := _batch(self._store.written(run_id, journey.parcel.size)):
            reached = self._server.append(run_id, journey.parcel.secret, list(self._lines(batch)))
            self._hold(journey, reached)
            self._moved(journey, size=reached.size, head=reached.head)
        return journey.parcel

    def _hold(self, journey: _Journey, reached: Reached) -> None:
        """Hold what the server has against what stands here."""
        run_id, tree = journey.parcel.run_id, journey.tree
        for event in islice(self._store.events(run_id, tree.size), max(reached.size - tree.size, 0)):
            tree.append(leaf_hash(event))
        if reached.size != tree.size or reached.root != tree.root().hex():
            raise ServerRefusedError(f"the server has another record of {run_id} than this machine")

    def _moved(self, journey: _Journey, **values: object) -> None:
        journey.parcel = replace(journey.parcel, **values)  # type: ignore[arg-type]  # fields of its own
        self.parcels.keep(journey.parcel)

    def _lines(self, batch: list[Written]) -> Iterator[bytes]:
        """The manifests that a batch names, and its drafts."""
        wanted = [digest for each in batch for digest in parse_event(each.event).body.manifests()]
        for manifest in self._store.manifests(wanted).values():
            yield encode({"manifest": b64encode(manifest).decode("ascii")})
        for each in batch:
            yield draft_line(each)
            let_others_run()


def draft_line(written: Written) -> bytes:
    """An event as it is sent: what it says, apart from the number that a store gives it."""
    event = parse(written.event)
    body = {name: value for name, value in event.items() if name not in _ENVELOPE}
    return encode({"body": body, "counter": written.counter, "time": event["time"], "writer": written.writer})


def wait_before(failures: int) -> float:
    """Seconds before the next attempt: twice as long each time, at most a minute, and not all at once."""
    from tenacity import RetryCallState, wait_exponential_jitter

    state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # only its number is asked for
    state.attempt_number = failures
    return float(wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT, jitter=FIRST_WAIT)(state))


def _batch(events: Iterator[Written]) -> list[Written]:
    """As many of the next events as go into one request."""
    batch: list[Written] = []
    size = 0
    for each in islice(events, EVENTS_AT_ONCE):
        batch.append(each)
        size += len(each.event)
        if size >= BYTES_AT_ONCE:
            break
    return batch
