"""The recorder: carries events from any thread to the store, and never makes the caller wait.

Life of an event: `put` leaves it on a queue; a daemon thread takes what has gathered and appends it to the store in
one transaction. Where the store fails, the event goes to a spool on disk and is tried again, then and at the next
start. Points of metrics wake nobody until thousands wait: they lie in a deque until the thread comes by, and are
gathered, up to 50 an event; when there are too many they are thinned and counted. What can wait, as a tracker's
parameters and tags, waits a tenth of a second for more of it to come. Evidence is never thinned.
"""

from __future__ import annotations

import logging
import operator
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from cognify_core.canonical import MAX_SAFE_INTEGER, Json
from cognify_core.errors import FormatError, RecordError, RunNotFoundError
from cognify_core.model.events import Body, Draft, Failure, Metrics
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.numbers import plain_number, tagged_number
from cognify_core.model.shown import encodable
from cognify_core.record.spool import Spool
from cognify_core.store.protocol import Store
from cognify_core.turns import let_others_run

QUEUE_LIMIT = 20_000
CALL_AT = 4_000
"""So many that wait for the thread to come by call it."""
WAITING_LIMIT = 2_000
ITEMS_AT_ONCE = 1_000
POINTS_AN_EVENT = 50
METRICS_SECONDS = 5.0
GATHER_SECONDS = 0.1
"""How long an event that can wait does, for others that are appended with it; any that cannot, and a flush, end it."""
RETRY_SECONDS = (0.05, 0.2, 1.0, 5.0)

Clock: TypeAlias = Callable[[], datetime]
_Made: TypeAlias = "Body | Callable[[], Body]"
_Item: TypeAlias = "tuple[datetime, _Made, bytes | None, bool] | _Mark | None"

# A log, not warnings.warn: under `python -W error` a warning would stop the training.
_log = logging.getLogger("cognify")


class _Mark(threading.Event):
    """Left on the queue by a flush: set once everything before it was delivered, or could not be."""

    durable = False


class Recorder:
    """One writer of one run. `put`, `log` and `fail` return at once, from any thread; `flush` waits.

    In a forked child, where the carrying thread does not live, all of them do nothing.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        writer: str,
        spool: Spool,
        clock: Clock = utc_now,
        pauses: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self.run_id = run_id
        self.writer = writer
        self.thinned = 0
        """Metric points that were not recorded."""
        self.refused = 0
        """Events that came after the run was sealed or discarded by somebody else."""
        self._store, self._spool, self._clock, self._pauses = store, spool, clock, pauses
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._logged: deque[tuple[int, Mapping[str, float], str | None]] = deque()
        self._called = False
        self._hurry = threading.Event()
        self._points: dict[str | None, list[tuple[int, str, Json]]] = {}
        self._points_since = time.monotonic()
        self._no_numbers: set[str] = set()
        self._waiting: list[tuple[Draft, bytes | None]] = []
        self._spooled = 0
        self._failures = 0
        self._counter = 0
        self._stopped = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._carry, name="cognify-recorder", daemon=True)
        self._thread.start()

    def put(self, body: _Made, manifest: bytes | None = None, *, can_wait: bool = False) -> None:
        """Record `body`, and keep the manifest whose digest it names.

        Args:
            body: what is to be said, or what makes it, on the carrying thread, of what nobody changes meanwhile.
            manifest: where `body` names one.
            can_wait: whether it may be appended with what comes in the next tenth of a second.
        """
        if os.getpid() == self._pid:
            self._queue.put((self._clock(), body, manifest, can_wait))
            if not can_wait:
                self._hurry.set()

    def log(self, step: int, values: Mapping[str, float], tracker: str | None = None) -> None:
        """Record points of metrics, those of another tracker as its own; where too many wait already, count them."""
        if len(self._logged) >= QUEUE_LIMIT:
            self.thinned += len(values)
            return
        self._logged.append((step, values, tracker))
        if len(self._logged) >= CALL_AT and not self._called and os.getpid() == self._pid:
            self._called = True
            self._queue.put(None)

    def fail(self, where: str, error: BaseException | str) -> None:
        """Record that something of ours failed, and say it on the console."""
        text = error if isinstance(error, str) else _told(error)
        self.put(_failure(where, text))
        warn(where, text)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put before is durable; whether it is."""
        if os.getpid() != self._pid or not self._thread.is_alive():
            return False
        mark = _Mark()
        self._queue.put(mark)
        self._hurry.set()
        return mark.wait(timeout) and mark.durable

    def stop(self, timeout: float | None = None) -> bool:
        """Flush, and let the thread end; whether all is durable. What is not lies in the spool."""
        durable = self.flush(timeout)
        self._stopped = True
        self._queue.put(_Mark())
        return durable

    def _carry(self) -> None:
        while not self._stopped:
            marks: list[_Mark] = []
            self._whatever_it_meets(self._gather, marks)
            self._whatever_it_meets(self._deliver_at_last if marks else self._deliver)
            for mark in marks:
                mark.durable = not self._waiting
                mark.set()

    def _whatever_it_meets(self, do: Callable[..., None], *arguments: object) -> None:
        """The failure policy: the thread carries on, with all but what it could not do."""
        try:
            do(*arguments)
        except Exception as error:  # noqa: BLE001 - see above
            self.fail("the recorder", error)

    def _gather(self, marks: list[_Mark]) -> None:
        """Move what is on the queue into `_waiting`, and the marks that flushes left there into `marks`."""
        try:
            for taken in range(ITEMS_AT_ONCE):
                item = self._queue.get(block=taken == 0, timeout=self._patience())
                if taken == 0:
                    self._wait_for_others(item)
                match item:
                    case _Mark():
                        marks.append(item)
                    case (moment, body, manifest, _):
                        self._add(stamp_time(moment), _make(body), manifest)
        except Empty:
            pass
        self._take_points()
        if marks or time.monotonic() - self._points_since >= METRICS_SECONDS:
            self._end_points()

    def _wait_for_others(self, first: _Item) -> None:
        """If the first one can wait, do, unless something comes that cannot."""
        if isinstance(first, tuple) and first[-1]:
            self._hurry.wait(GATHER_SECONDS)
        self._hurry.clear()

    def _patience(self) -> float:
        return self._pauses[min(self._failures, len(self._pauses)) - 1] if self._failures else METRICS_SECONDS

    def _add(self, moment: str, body: Body, manifest: bytes | None) -> None:
        draft = Draft(moment, body, self.writer, self._counter)
        try:
            draft.at(self.run_id, 0).encode()
        except FormatError:
            draft = replace(draft, body=self._escaped(draft))
        self._waiting.append((draft, manifest))
        self._counter += 1
        let_others_run()  # writing an event as JSON takes a third of a millisecond

    def _escaped(self, draft: Draft) -> Body:
        """What cannot be written as it is, with its lone surrogates escaped: a path has them that is not UTF-8.

        Where that was not the matter, it is a failure that says what was.
        """
        kind = draft.body.kind
        try:
            body: Body = type(draft.body).model_validate(_all_encodable(draft.body.model_dump()))
            replace(draft, body=body).at(self.run_id, 0).encode()
        except (FormatError, ValueError) as error:
            warn(f"a {kind} event", error)
            return _failure(f"a {kind} event", str(error))
        return body

    def _take_points(self) -> None:
        self._called = False
        for _ in range(len(self._logged)):  # not those that come meanwhile: these are delivered first
            step, values, tracker = self._logged.popleft()
            if len(self._waiting) >= WAITING_LIMIT:
                self.thinned += len(values)
                continue
            for name, value in values.items():
                self._add_point(step, name, value, tracker)

    def _add_point(self, step: int, name: str, value: float, tracker: str | None) -> None:
        points = self._points.setdefault(tracker, [])
        try:
            points.append(_point(step, name, value))
        except Exception as error:  # noqa: BLE001 - the failure policy: any object may have been logged
            where = f"metric {_shown(name)}"
            if where not in self._no_numbers:
                self._no_numbers.add(where)
                self._add(stamp_time(self._clock()), _failure(where, _told(error)), None)
                warn(where, error)
        if len(points) == POINTS_AN_EVENT:
            self._end_points()

    def _end_points(self) -> None:
        self._points_since = time.monotonic()
        gathered, self._points = self._points, {}
        for tracker, points in gathered.items():
            if points:
                self._add(stamp_time(self._clock()), Metrics(points=tuple(points), tracker=tracker), None)

    def _deliver(self) -> None:
        """Append what waits; where the store fails, spool it and leave it waiting."""
        if not self._waiting:
            return
        try:
            for _, manifest in self._waiting:
                if manifest is not None:
                    self._store.put_manifest(manifest)
            self._store.append(self.run_id, [draft for draft, _ in self._waiting])
        except (RecordError, RunNotFoundError) as error:
            self.refused += len(self._waiting)
            warn("no more events are taken", error)
            self._let_go()
        except Exception as error:  # noqa: BLE001 - the failure policy: whatever a store does, training goes on
            self._keep_waiting(error)
        else:
            self._let_go()

    def _deliver_at_last(self) -> None:
        """Append what waits, for somebody waits for it; where the store fails, try again and again for a while.

        One that is locked has made us wait in itself, and is not tried again.
        """
        patient_until = time.monotonic() + sum(self._pauses)
        self._deliver()
        for pause in self._pauses:
            if not self._waiting or time.monotonic() > patient_until:
                break
            time.sleep(pause)
            self._deliver()

    def _let_go(self) -> None:
        if self._spooled:
            self._spool.clear()
        self._waiting, self._spooled, self._failures = [], 0, 0

    def _keep_waiting(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            self.fail("the store", error)
        try:
            self._spool.put(self._waiting[self._spooled :])
            self._spooled = len(self._waiting)
        except OSError as no_disk:
            if self._failures == 1:
                self.fail("the spool", no_disk)


def _point(step: int, name: str, value: float) -> tuple[int, str, Json]:
    """A point as an event holds it, so that one that is none spoils no others.

    Raises:
        Exception: it is none; of whatever kind its objects raise.
    """
    step, name, number = operator.index(step), str(name), tagged_number(value)
    if abs(step) > MAX_SAFE_INTEGER:
        raise ValueError("its step is beyond 2^53")
    name.encode()  # lone surrogates have no bytes
    plain_number(number)
    return step, name, number


def _shown(name: object) -> str:
    """The name of a metric; its type, where it is no text."""
    return repr(name[:100]) if isinstance(name, str) else f"named by a {type(name).__name__}"


def _make(body: _Made) -> Body:
    """What is to be said; that it could not be made, where that is so."""
    if isinstance(body, Body):
        return body
    try:
        return body()
    except Exception as error:  # noqa: BLE001 - the failure policy: what cannot be said is a fact of the record
        warn("what was said", error)
        return _failure("what was said", _told(error))


def _failure(where: str, error: str) -> Failure:
    return Failure(where=encodable(where), error=encodable(error))


def _told(error: BaseException) -> str:
    """What an error says of itself, where it can."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error of the user's may have no words
        return type(error).__name__


def _all_encodable(value: Any) -> Any:
    match value:
        case str():
            return encodable(value)
        case dict():
            return {_all_encodable(key): _all_encodable(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(map(_all_encodable, value))
    return value


def warn(where: str, error: BaseException | str) -> None:
    """Say on the console that something of ours failed, without raising anything."""
    text = error if isinstance(error, str) else _told(error).partition(": ")[2]
    _log.warning("Cognify: %s: %s (training goes on; the seal will say so)", encodable(where), encodable(text))
