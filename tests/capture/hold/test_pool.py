"""Every job ends in exactly one call, and nothing is swallowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from cognify_core.capture.pool import Pool
from cognify_core.errors import CaptureError


class Heard:
    """What a pool said."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failed: list[BaseException] = []


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(2)
    yield pool
    assert pool.close(10)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_results_come_back(pool: Pool, heard: Heard) -> None:
    for number in range(100):
        pool.submit(f"job {number}", partial(pow, number, 2), heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert sorted(heard.done, key=str) == sorted((number**2 for number in range(100)), key=str)
    assert heard.failed == []


def test_jobs_run_on_threads_of_the_pool(pool: Pool, heard: Heard) -> None:
    pool.submit("who", lambda: threading.current_thread().name, heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert str(heard.done[0]).startswith("cognify-hash-")


def test_threads_run_at_a_low_priority(pool: Pool, heard: Heard) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    pool.submit("nice", niceness, heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert heard.done == [max(10, niceness())]


def test_what_a_job_raises_is_heard(pool: Pool, heard: Heard) -> None:
    pool.submit("bad", lambda: 1 // 0, heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert (heard.done, [type(error) for error in heard.failed]) == ([], [ZeroDivisionError])


def test_a_job_that_exits_the_thread_does_not_end_the_pool(pool: Pool, heard: Heard) -> None:
    for _ in range(4):
        pool.submit("exit", sys.exit, heard.done.append, heard.failed.append)
    pool.submit("good", lambda: "good", heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert heard.done == ["good"]
    assert [type(error) for error in heard.failed] == [SystemExit] * 4


def test_what_done_raises_is_heard(pool: Pool, heard: Heard) -> None:
    def done(_: object) -> None:
        raise KeyError("store")

    pool.submit("bad", lambda: 1, done, heard.failed.append)
    assert pool.wait(10)
    assert [type(error) for error in heard.failed] == [KeyError]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_failed_raises_goes_to_the_threads_own_hook_and_the_pool_works_on(pool: Pool, heard: Heard) -> None:
    def failed(error: BaseException) -> None:
        raise RuntimeError("the policy itself failed") from error

    pool.submit("bad", lambda: 1 // 0, heard.done.append, failed)
    pool.submit("good", lambda: "good", heard.done.append, heard.failed.append)
    assert pool.wait(10)
    assert heard.done == ["good"]


def test_pending_names_what_is_queued_or_under_way(heard: Heard) -> None:
    pool, go = Pool(1), threading.Event()
    pool.submit("first", lambda: go.wait(10), heard.done.append, heard.failed.append)
    pool.submit("second", lambda: 2, heard.done.append, heard.failed.append)
    assert list(pool.pending) == ["first", "second"]
    assert not pool.wait(0.01)
    go.set()
    assert pool.wait(10)
    assert list(pool.pending) == []
    assert pool.close(10)


def test_jobs_queued_before_the_close_still_run_and_later_ones_are_refused_aloud(heard: Heard) -> None:
    pool = Pool(1)
    for number in range(5):
        pool.submit("job", partial(abs, number), heard.done.append, heard.failed.append)
    assert pool.close(10)
    assert heard.done == [0, 1, 2, 3, 4]
    pool.submit("late", lambda: 6, heard.done.append, heard.failed.append)
    assert [type(error) for error in heard.failed] == [CaptureError]
    assert pool.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_pool_does_nothing_in_a_forked_child(pool: Pool, heard: Heard) -> None:
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        pool.submit("job", lambda: 1, heard.done.append, heard.failed.append)
        os.write(write, repr((pool.pending, pool.wait(5), pool.close(5), heard.done)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 99) == b"((), True, True, [])"
    os.close(read)
    os.close(write)


def test_an_unfinished_job_does_not_keep_the_process_alive() -> None:
    script = "import time; from cognify_core.capture.pool import Pool; " + (
        "Pool(1).submit('long', lambda: time.sleep(60), print, print); print('over')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "over\n", "")
