"""What the workers of a server have under way, told by locks that the kernel lets go of."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from cognify_integrations.mlflow_locks import Locks
from cognify_integrations.mlflow_underway import Underway

_HOLD = """
import sys, time
from pathlib import Path
from cognify_integrations.mlflow_locks import Locks
print(Locks(Path(sys.argv[1])).take("run"), flush=True)
time.sleep(60)
"""


@pytest.fixture
def flushed() -> list[str]:
    return []


def test_a_name_is_shared_by_many_and_held_alone_by_one(tmp_path: Path) -> None:
    first, second = Locks(tmp_path / "locks"), Locks(tmp_path / "locks")

    assert first.share("run")
    assert second.share("run")
    assert not second.take("run")
    first.release("run")
    assert second.take("run")
    assert not first.share("run")
    assert first.take("another run")


def test_holders_close_and_others_go_on(tmp_path: Path) -> None:
    first, second, third = (Locks(tmp_path / "locks") for _ in range(3))
    assert first.take("a")
    second.close()

    assert not third.take("a")
    first.close()
    assert third.take("a")


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path / "locks")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert not locks.take("run", 0.1)
        holder.kill()
    assert locks.take("run", 5)


def test_who_ends_a_run_waits_for_calls_of_other_workers_until_they_are_on_disk(tmp_path: Path) -> None:
    may_flush, flushed = threading.Event(), []
    other = Underway(tmp_path, lambda run: flushed.append(run) if may_flush.wait(10) else None)
    ends = Underway(tmp_path, flushed.append)
    with other.call("run"):
        assert not ends.wait("run", 0.1)
        assert ends.wait("another run", 0)
    assert not ends.wait("run", 0.1)  # said, and not on disk yet

    may_flush.set()

    assert ends.wait("run", 10)
    assert flushed == ["run"]


def test_what_is_said_while_another_call_is_settled_is_settled_before_the_lock_goes(tmp_path: Path) -> None:
    said: list[int] = []
    on_disk: list[int] = []

    def flush(_: str) -> None:
        taken = list(said)
        time.sleep(0.001)
        on_disk[:] = taken

    worker, ends = Underway(tmp_path, flush), Underway(tmp_path, lambda _: None)
    for number in range(300):
        with worker.call("run"):
            said.append(number)
        if not number % 30:
            assert ends.wait("run", 10)
            assert on_disk == said


def test_a_flush_that_fails_does_not_keep_the_lock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("no disk")

    worker, ends = Underway(tmp_path, fail), Underway(tmp_path, lambda _: None)
    with worker.call("run"):
        pass

    assert ends.wait("run", 10)
    assert "no disk" in caplog.text


def test_calls_that_are_refused_meanwhile_keep_nobody_waiting(tmp_path: Path) -> None:
    worker, ends = Underway(tmp_path, lambda _: time.sleep(0.02)), Underway(tmp_path, lambda _: None)
    with worker.call("run"):
        pass
    waited = threading.Event()

    def go_on() -> None:
        while not waited.wait(0.005):
            with suppress(LookupError), worker.call("run"):
                raise LookupError("the run has ended")

    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(go_on)
        came = ends.wait("run", 10)
        waited.set()
        refused.result()

    assert came
