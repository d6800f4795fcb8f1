"""Where hashing runs: threads for files and weights, the worker process for rows and trees that stand still.

One `Hashing` serves all runs of a process. Every method returns at once; `done` is called with the outcome, later, from
a thread of ours. No failure is lost: whatever goes wrong is an unresolved outcome with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from cognify_core.capture.hold import HeldTree
from cognify_core.capture.holder import Holder
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.pool import Pool
from cognify_core.capture.scan import Mine
from cognify_core.capture.worker_client import Worker

Done: TypeAlias = Callable[[Outcome], None]


class Hashing:
    """Threads, the worker process, and the checkpoints that are held open."""

    def __init__(self, rows_folder: Path, threads: int = 2) -> None:
        self._rows_folder = rows_folder
        self._threads = Pool(threads)
        self._feeder = Pool(1)  # waits for the worker process, which does one thing at a time
        self._worker = Worker()
        self._holder = Holder()

    def start(self) -> None:
        """Start the worker process, so that it is there when it is needed."""
        self._worker.start()

    def checkpoint(self, path: Path, done: Done) -> None:
        """Open every file of a checkpoint, a file or a folder, now and hash later: it may be rotated away meanwhile."""
        self._submit(self._threads, str(path), self._holder.hold(path).outcome, done)

    def held(self, path: Path, mine: Mine) -> HeldTree:
        """Open those files of a folder that are `mine`; hash them with `call(…, held.outcome, …)`."""
        return self._holder.hold(path, mine)

    def rows(self, data: Any, done: Done) -> None:
        """Digest rows, of a file or an object, in the worker process."""
        self._worker.prepare(data)
        self._submit(self._feeder, "rows", lambda: self._worker.rows(data, index_folder=self._rows_folder), done)

    def path(self, path: Path, done: Done) -> None:
        """Hash a file or a tree that stands still, in the worker process."""
        job = self._worker.tree if path.is_dir() else self._worker.file
        self._submit(self._feeder, str(path), lambda: job(path), done)

    def call(self, label: str, job: Callable[[], Outcome], done: Done) -> None:
        """Run any other capture in a thread."""
        self._submit(self._threads, label, job, done)

    def close(self) -> None:
        """Let go of the threads and the worker; what was under way stays undone."""
        self._threads.close()
        self._feeder.close()
        self._holder.close()
        self._worker.close()

    @staticmethod
    def _submit(pool: Pool, label: str, job: Callable[[], Outcome], done: Done) -> None:
        pool.submit(label, job, done, lambda error: done(Outcome.unresolved(f"{type(error).__name__}: {error}")))
