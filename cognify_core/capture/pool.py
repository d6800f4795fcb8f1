"""Threads of our own that hash in the background, at a low priority.

Not `concurrent.futures`: its threads are joined at exit whatever they do, and it takes no work by then. These are
daemons, started when the pool is made, so that nothing has to be started or imported while the interpreter ends.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from cognify_core.errors import CaptureError

T = TypeVar("T")


class _Task(NamedTuple, Generic[T]):
    label: str
    job: Callable[[], T]
    done: Callable[[T], None]
    failed: Callable[[BaseException], None]


class Pool:
    """A few daemon threads and one queue.

    Every job ends in exactly one call, on a pool thread: `done` with its result, or `failed` with what it raised (or
    what `done` raised). In a child of `fork`, which has none of the threads, a pool does nothing at all.
    """

    def __init__(self, threads: int = 2, *, niceness: int = 10) -> None:
        self._process = os.getpid()
        self._niceness = niceness
        self._queue: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._changed = threading.Condition()
        self._pending: list[_Task[Any]] = []
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"cognify-hash-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        label: str,
        job: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Queue `job` and return at once. After `close`, `failed` is called here and now with a `CaptureError`."""
        if self._inert:
            return
        task = _Task(label, job, done, failed)
        with self._changed:
            closed = self._closed
            if not closed:
                self._pending.append(task)
                self._queue.put(task)
        if closed:
            failed(CaptureError("not hashed: the run was already over"))

    @property
    def pending(self) -> tuple[str, ...]:
        """The labels of jobs that are queued or under way, oldest first."""
        if self._inert:
            return ()
        with self._changed:
            return tuple(task.label for task in self._pending)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is pending, at most `timeout` seconds; return whether that is so."""
        if self._inert:
            return True
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, timeout)

    def close(self, timeout: float = 0) -> bool:
        """Take no more jobs; let the threads end after what is queued, waiting at most `timeout` seconds for that.

        Returns:
            Whether they have ended.
        """
        if self._inert:
            return True
        with self._changed:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._queue.put(None)
        end = time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def _inert(self) -> bool:
        return os.getpid() != self._process

    def _work(self) -> None:
        _be_nice(self._niceness)
        while (task := self._queue.get()) is not None:
            try:
                _run(task)
            finally:
                with self._changed:
                    self._pending.remove(task)
                    if not self._pending:
                        self._changed.notify_all()
            del task


def _run(task: _Task[Any]) -> None:
    try:
        task.done(task.job())
    except BaseException as error:  # noqa: BLE001 - the caller's `failed` has the policy; a thread has no caller
        _fail(task, error)


def _fail(task: _Task[Any], error: BaseException) -> None:
    try:
        task.failed(error)
    except BaseException as second:  # noqa: BLE001 - reported as an uncaught error of a thread; the thread works on
        second.__context__ = error
        threading.excepthook(
            threading.ExceptHookArgs((type(second), second, second.__traceback__, threading.current_thread()))
        )


def _be_nice(niceness: int) -> None:
    """Lower this thread's priority; on Linux a thread has one of its own."""
    thread = threading.get_native_id()
    with suppress(OSError):  # a sandbox may refuse, and hashing at full priority is still right
        if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
