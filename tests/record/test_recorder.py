from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cognify_core.errors import StoreError
from cognify_core.model.events import Draft, Failure, Metrics, Phase, RunOpened, parse_event
from cognify_core.record.recorder import CALL_AT, QUEUE_LIMIT, WAITING_LIMIT, Recorder
from cognify_core.record.spool import Spool
from cognify_core.store.sql import SqlStore
from cognify_core.store.sqlite import Sqlite
from tests.factories import RUN_ID, TREE, checkpoint, dataset, note


class DiskThatFails:
    """A real store on a disk that can be made to fail and to hang."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.failing = False
        self.appended = 0
        self.gate = threading.Event()
        self.gate.set()

    def append(self, run_id: str, drafts: Sequence[Draft], *, at: int | None = None) -> int:
        self.gate.wait()
        if self.failing:
            raise StoreError("the disk is full")
        self.appended += 1
        return self.store.append(run_id, drafts, at=at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def disk(store: SqlStore) -> DiskThatFails:
    return DiskThatFails(store)


@pytest.fixture
def recording(disk: DiskThatFails, tmp_path: Path) -> Iterator[Callable[[], Recorder]]:
    made: list[Recorder] = []

    def start() -> Recorder:
        made.append(Recorder(disk, RUN_ID, "main", Spool(tmp_path / "spool", RUN_ID, "main"), pauses=(0.02,)))
        return made[-1]

    yield start
    disk.failing = False
    disk.gate.set()
    for recorder in made:
        recorder.stop(5)


def _bodies(store: SqlStore) -> list[Any]:
    return [parse_event(data).body for data in store.events(RUN_ID)]


def test_what_was_put_before_a_flush_is_in_the_store_after_it(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    recorder.put(note(text="first"))
    recorder.put(dataset(), TREE)
    assert recorder.flush(5)
    assert [body.kind for body in _bodies(store)] == ["run_opened", "note", "dataset"]


def test_metric_points_are_gathered_fifty_an_event(store: SqlStore, recording: Callable[[], Recorder]) -> None:
    recorder = recording()
    for step in range(60):
        recorder.log(step, {"loss": 0.5, "grad_norm": 1.5})
    assert recorder.flush(5)
    points = [body.points for body in _bodies(store) if isinstance(body, Metrics)]
    assert [len(group) for group in points] == [50, 50, 20]
    assert points[0][:2] == ((0, "loss", 0.5), (0, "grad_norm", 1.5))


def test_points_that_come_fast_are_taken_before_they_are_too_many(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    given = range(0, 2 * QUEUE_LIMIT, CALL_AT)
    for start in given:
        for step in range(start, start + CALL_AT):
            recorder.log(step, {"loss": 0.5})
        time.sleep(0.25)  # all of it within the time after which the thread comes by uncalled
    assert recorder.flush(60)
    assert recorder.thinned == 0
    steps = [step for body in _bodies(store) if isinstance(body, Metrics) for step, _, _ in body.points]
    assert steps == list(range(len(given) * CALL_AT))


def test_events_that_can_wait_are_appended_together_and_in_their_order(
    disk: DiskThatFails, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    for number in range(200):
        recorder.put(partial(Phase, phase="mlflow.params", facts={"number": number}), can_wait=True)
        time.sleep(0.001)
    recorder.put(note(text="at once, with all that came before"))
    assert recorder.flush(10)
    bodies = _bodies(disk.store)[1:]
    assert [body.facts["number"] for body in bodies[:-1]] == list(range(200))
    assert bodies[-1].kind == "note"
    assert disk.appended < 100


def test_what_cannot_be_made_is_a_failure_that_says_why(store: SqlStore, recording: Callable[[], Recorder]) -> None:
    def make() -> Phase:
        raise LookupError("there is no such thing")

    recorder = recording()
    recorder.put(make)
    recorder.put(note(text="goes on"))
    assert recorder.flush(5)
    _, failure, said = _bodies(store)
    assert isinstance(failure, Failure)
    assert failure.error == "LookupError: there is no such thing"
    assert said.kind == "note"


def test_nothing_waits_for_a_store_that_hangs(disk: DiskThatFails, recording: Callable[[], Recorder]) -> None:
    recorder = recording()
    disk.gate.clear()
    recorder.put(note())
    for step in range(2 * QUEUE_LIMIT):
        recorder.log(step, {"loss": 1.5})
    assert recorder.thinned >= QUEUE_LIMIT // 2
    recorder.put(checkpoint(20, inputs=()), TREE)
    disk.gate.set()
    assert recorder.flush(30)
    assert any(body.kind == "checkpoint" for body in _bodies(disk.store))


def test_a_store_that_somebody_keeps_locked_is_waited_for_once_and_not_again_for_every_retry(
    store: SqlStore, tmp_path: Path
) -> None:
    impatient = SqlStore(Sqlite(tmp_path / "cognify.db", wait_seconds=0.5))
    recorder = Recorder(impatient, RUN_ID, "main", Spool(tmp_path / "spool", RUN_ID, "main"), pauses=(0.01,) * 40)
    try:
        with Sqlite(tmp_path / "cognify.db").writing():
            recorder.put(note())
            began = time.monotonic()
            assert not recorder.flush()
            assert time.monotonic() - began < 40 * 0.5 / 2
        assert recorder.flush()
    finally:
        recorder.stop(5)
        impatient.close()
    assert note() in _bodies(store)


def test_evidence_is_never_thinned(disk: DiskThatFails, recording: Callable[[], Recorder]) -> None:
    recorder = recording()
    disk.failing = True
    for number in range(WAITING_LIMIT + 10):
        recorder.put(note(text=str(number)))
    assert not recorder.flush(10)
    recorder.log(1, {"loss": 0.5})
    assert not recorder.flush(10)
    disk.failing = False
    assert recorder.flush(30)
    assert sum(body.kind == "note" for body in _bodies(disk.store)) == WAITING_LIMIT + 10
    assert recorder.thinned == 1


def test_a_store_that_fails_and_recovers_loses_nothing_and_the_record_says_so(
    disk: DiskThatFails, recording: Callable[[], Recorder], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = recording()
    disk.failing = True
    recorder.put(note(text="while the disk was full"))
    assert not recorder.flush(10)
    disk.failing = False
    assert recorder.flush(10)
    bodies = _bodies(disk.store)
    assert [body.text for body in bodies if body.kind == "note"] == ["while the disk was full"]
    assert [body for body in bodies if isinstance(body, Failure)] == [
        Failure(where="the store", error="StoreError: the disk is full")
    ]
    assert "training goes on" in caplog.text


def test_what_the_store_does_not_take_waits_on_disk(
    disk: DiskThatFails, recording: Callable[[], Recorder], tmp_path: Path
) -> None:
    recorder = recording()
    disk.failing = True
    recorder.put(dataset(), TREE)
    assert not recorder.flush(10)
    drafts, manifests = Spool(tmp_path / "spool", RUN_ID, "main").read()
    assert drafts[0].body.kind == "dataset"
    assert manifests == [TREE]
    disk.failing = False
    assert recorder.flush(10)
    assert not list((tmp_path / "spool").iterdir())


def test_a_disk_that_takes_neither_record_nor_spool_stops_nothing(
    disk: DiskThatFails, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    recorder = Recorder(disk, RUN_ID, "main", Spool(tmp_path / "spool", RUN_ID, "main"), pauses=(0.02,))
    disk.failing = True
    recorder.put(note())
    assert not recorder.flush(10)
    assert "the spool" in caplog.text
    disk.failing = False
    assert recorder.stop(10)


def test_a_fact_that_has_no_bytes_becomes_a_failure_that_names_it(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    recorder.put(dataset(facts={"rate": float("nan")}), TREE)
    assert recorder.flush(5)
    assert [body.where for body in _bodies(store) if isinstance(body, Failure)] == ["a dataset event"]


def test_what_lies_at_a_path_that_is_not_utf_8_is_recorded_with_the_path_escaped(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    seen = checkpoint(location=os.fsdecode(b"/data/\xff/checkpoint-20"), facts={"of": [os.fsdecode(b"\xfe")]})
    recorder.put(seen, TREE)
    assert recorder.flush(5)
    (body,) = [body for body in _bodies(store) if not isinstance(body, RunOpened)]
    assert body == seen.model_copy(update={"location": "/data/\\udcff/checkpoint-20", "facts": {"of": ["\\udcfe"]}})


def test_a_metric_that_is_no_number_is_a_failure_and_stops_nothing(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    for step in range(3):
        recorder.log(step, {"loss": 0.5, "label": "high", "steps": None})  # type: ignore[dict-item]
    recorder.put(note(text="still here"))
    assert recorder.flush(5)
    bodies = _bodies(store)
    assert sorted(body.where for body in bodies if isinstance(body, Failure)) == ["metric 'label'", "metric 'steps'"]
    assert [len(body.points) for body in bodies if isinstance(body, Metrics)] == [3]
    assert any(body.kind == "note" for body in bodies)


class Shy:
    """A value that does not want to be read."""

    def __float__(self) -> float:
        raise RuntimeError("not now")

    def __str__(self) -> str:
        raise RuntimeError("nor then")


def test_a_point_that_cannot_be_written_spoils_no_others_and_nothing_that_comes_after(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    recorder.log(1, {"loss": 0.5, "huge": 10**5000, "odd \udcff": 1.0, "shy": Shy()})  # type: ignore[dict-item]
    recorder.log(2**53, {"late": 1.0})
    recorder.log(2, {Shy(): 1.0})  # type: ignore[dict-item]
    recorder.put(note(text="still here"))
    assert recorder.flush(5)
    bodies = _bodies(store)
    failed = {body.where for body in bodies if isinstance(body, Failure)}
    assert failed == {
        *("metric 'huge'", "metric 'odd \\udcff'", "metric 'shy'", "metric 'late'"),
        "metric named by a Shy",
    }
    assert [list(body.points) for body in bodies if isinstance(body, Metrics)] == [[(1, "loss", 0.5)]]
    assert any(body.kind == "note" for body in bodies)


def test_a_run_that_somebody_else_discarded_takes_no_more_and_stops_nothing(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    store.discard(RUN_ID, "a mistake", "2025-09-12T16:45:00.000000Z")
    recorder.put(note())
    recorder.flush(10)
    assert recorder.refused == 1


def test_a_forked_child_records_nothing_and_waits_for_nothing(
    store: SqlStore, recording: Callable[[], Recorder]
) -> None:
    recorder = recording()
    with _forked() as in_child:
        if in_child:
            recorder.put(note(text="from the child"))
            os._exit(0 if recorder.flush(None) is False else 1)
    assert recorder.flush(5)
    assert [body.kind for body in _bodies(store)] == ["run_opened"]


@contextmanager
def _forked() -> Iterator[bool]:
    """Run the block in a child too; in the parent, wait for it to have left with exit code 0."""
    child = os.fork()
    yield child == 0
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
