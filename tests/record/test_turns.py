"""A thread that sleeps is a thread that waits: the kernel counts it, whatever else the machine does."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cognify_core.capture.hold import hold_tree
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import FILES_AT_ONCE, tree_outcome
from cognify_core.record.recorder import Recorder
from cognify_core.record.spool import Spool
from cognify_core.store.sql import SqlStore
from cognify_core.turns import in_turns, let_others_run, undivided
from tests.factories import RUN_ID, note

EVENTS = 200


def _waits_in_a_thread(work: Callable[[], Any]) -> tuple[int, Any]:
    """How often a thread waited while it did `work`, and what came of it."""
    found = []

    def counted() -> None:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        result = work()
        found.append((resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before, result))

    thread = threading.Thread(target=counted)
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(240):
        (folder / f"{number}.bin").write_bytes(b"x" * number)
    return folder


def test_a_thread_lets_others_run_between_its_items() -> None:
    waits, items = _waits_in_a_thread(lambda: list(in_turns(range(100), 10)))
    assert items == list(range(100))
    assert waits >= 9


def test_the_main_thread_waits_for_nobody() -> None:
    items = [1, 2, 3]
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    for _ in range(100):
        let_others_run()
    assert in_turns(items, 1) is items
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before < 50  # as often as another thread had its turn


@pytest.mark.parametrize("hashed", [tree_outcome, lambda path: hold_tree(path).outcome()], ids=["by name", "held open"])
def test_a_folder_of_small_files_is_hashed_in_turns_with_others(
    folder: Path, hashed: Callable[[Path], Outcome]
) -> None:
    waits, outcome = _waits_in_a_thread(lambda: hashed(folder))
    assert outcome == tree_outcome(folder)
    assert waits >= 240 // FILES_AT_ONCE - 1


class StoreWithAGate:
    """A real store whose next append can be made to wait."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.reached, self.gate = threading.Event(), threading.Event()
        self.waits = list[int]()

    def append(self, *arguments: Any, **options: Any) -> int:
        self.reached.set()
        self.gate.wait()
        try:
            return self.store.append(*arguments, **options)
        finally:
            self.waits.append(resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def test_many_events_that_have_gathered_are_written_in_turns_with_others(store: SqlStore, tmp_path: Path) -> None:
    gated = StoreWithAGate(store)
    recorder = Recorder(gated, RUN_ID, "main", Spool(tmp_path / "spool", RUN_ID, "main"))
    recorder.put(note())
    gated.reached.wait()
    for _ in range(EVENTS):
        recorder.put(note())
    gated.gate.set()
    assert recorder.stop(60)
    assert gated.waits[1] - gated.waits[0] >= 2 * EVENTS - 1  # once when it is checked, once when it is appended


def test_a_thread_of_a_server_works_at_full_speed() -> None:
    def work() -> list[int]:
        with undivided():
            let_others_run()
            return list(in_turns(range(EVENTS), 1))

    waits, result = _waits_in_a_thread(work)
    assert (waits < EVENTS // 10, result) == (True, list(range(EVENTS)))
    assert _waits_in_a_thread(lambda: list(in_turns(range(EVENTS), 1)))[0] >= EVENTS - 1
