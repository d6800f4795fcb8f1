"""The training process's side of the hashing process.

Calls block, so they belong on threads of ours. None of them raises because something could not be hashed: the outcome
says so. One job is done at a time; a process that dies takes its job with it, and the next job starts another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.row_index import DEFAULT_CAP
from cognify_core.capture.worker_wire import PROBLEMS, absolute, frame_outcome, problem, read_frame, write_frame
from cognify_core.errors import CaptureError

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_LOWEST_PRIORITY = 19
_STDERR_KEPT = 300  # characters of a dead process's last words


@dataclass(frozen=True, slots=True)
class _Process:
    popen: subprocess.Popen[bytes]
    jobs: IO[bytes]
    results: IO[bytes]
    words: IO[bytes]
    """Its standard error, in an unnamed file."""

    def reap(self, timeout: float | None = None) -> int:
        """Close its input, wait until it has ended, or kill it after `timeout` seconds; return its exit code."""
        with suppress(OSError):  # what was not flushed has nobody to go to
            self.jobs.close()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()

    def release(self) -> None:
        """Let go of the pipes. The process has ended."""
        self.results.close()
        self.words.close()

    def last_words(self) -> str:
        """The last line that it wrote to its standard error."""
        self.words.seek(0)
        lines = self.words.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:_STDERR_KEPT]


class Worker:
    """A hashing process that is started when it is needed. Safe to use from several threads."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._one_job = threading.Lock()
        self._state = threading.Lock()
        self._process: _Process | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process now and do not wait for it, so that it is ready when the first job comes."""
        with self._state, suppress(OSError):  # where it cannot start now, the first job tries again and says why not
            if os.getpid() == self._owner and not self._closed:
                self._running()

    def rows(
        self,
        data: Any,
        *,
        columns: Sequence[str] | None = None,
        index: Path | None = None,
        index_folder: Path | None = None,
        cap: int = DEFAULT_CAP,
    ) -> Outcome:
        """Digest the rows in anything that `sources.open_source` opens.

        Args:
            data: the rows; paths are opened by the hashing process.
            columns: the columns to keep; all where None.
            index: a file to write the row index to.
            index_folder: a folder to write it to instead, under the name that `row_index.index_path` gives it.
            cap: how many bytes of hashes the index may hold.
        """
        job: dict[str, Json] = {
            "job": "rows",
            "index": None if index is None else absolute(index),
            "index_folder": None if index_folder is None else absolute(index_folder),
            "cap": cap,
        }
        return self._guarded(lambda: self._rows(data, columns, job))

    @staticmethod
    def prepare(data: Any) -> None:
        """Import here what handing over `data` needs: an import in a thread keeps others waiting, 5 ms at a time."""
        if isinstance(data, str | os.PathLike):
            return
        with suppress(ModuleNotFoundError):  # said by `rows`, as the outcome's reason
            import pyarrow as pa

            from cognify_core.capture import sources, worker_rows  # noqa: F401

            pa.array([None])  # imports pandas where there is one

    def tree(self, path: Path) -> Outcome:
        """Hash a folder, as `tree.tree_outcome` does."""
        return self._guarded(lambda: self._done({"job": "tree", "path": absolute(path)}))

    def file(self, path: Path) -> Outcome:
        """Hash a file, as `files.file_outcome` does."""
        return self._guarded(lambda: self._done({"job": "file", "path": absolute(path)}))

    def close(self, timeout: float = 5.0) -> None:
        """End the process: after its job, if it has one and that is done within `timeout` seconds, else by force."""
        if os.getpid() != self._owner:
            return
        with self._state:
            self._closed = True
            process, self._process = self._process, None
        if process is None:
            return
        if not self._one_job.acquire(timeout=timeout):
            process.popen.kill()  # its pipes stay open until the threads that use them have seen it end
            self._one_job.acquire()
        try:
            process.reap(timeout)
            process.release()
        finally:
            self._one_job.release()

    def _rows(self, data: Any, columns: Sequence[str] | None, job: dict[str, Json]) -> Outcome:
        try:
            from cognify_core.capture import sources, worker_rows
        except ModuleNotFoundError as error:
            raise CaptureError(f"digesting rows needs pyarrow and numpy; {error.name} is not installed") from error
        if sources.is_path(data):
            paths = [os.fspath(each) for each in (data if isinstance(data, list | tuple) else [data])]
            kept = None if columns is None else list(columns)
            return self._done(job | {"paths": paths, "columns": kept, "cwd": str(Path.cwd())})
        source = sources.fetched(sources.open_source(data, columns=columns))
        return self._done(job | worker_rows.source_job(source), lambda pipe: worker_rows.send_source(source, pipe))

    def _done(self, job: dict[str, Json], send: Callable[[int], None] | None = None) -> Outcome:
        """Hand over one job, wait for its outcome."""
        with self._one_job:
            with self._state:
                process = self._running()
            sender = _Sender(process, job, send)
            sender.start()
            frame = read_frame(process.results)
            sender.join()
            if frame is not None and sender.failure is None:
                return frame_outcome(*frame)
            return self._lost(process, sender.failure)

    def _lost(self, process: _Process, failure: BaseException | None) -> Outcome:
        """The outcome of a job whose process died, or whose rows could not all be sent."""
        with self._state:
            closed, mine = self._closed, self._process is process
            self._process = None if mine else self._process
        code = process.reap()
        words = process.last_words()
        if mine:
            process.release()
        if isinstance(failure, CaptureError):
            return Outcome.unresolved(failure)
        if failure is not None and not isinstance(failure, BrokenPipeError):
            return problem(failure)
        if closed:
            return Outcome.unresolved("the hashing process was closed before it had finished")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Outcome.unresolved(f"the hashing process died ({how})" + (f": {words}" if words else ""))

    def _running(self) -> _Process:
        """The process, started where there is none. Call with the state locked."""
        if self._closed:
            raise CaptureError("the hashing process is closed")
        if self._process is None:
            self._process = _started()
        return self._process

    def _guarded(self, job: Callable[[], Outcome]) -> Outcome:
        if os.getpid() != self._owner:
            return Outcome.unresolved("a forked process has no hashing process of its own")
        try:
            return job()
        except CaptureError as error:
            return Outcome.unresolved(error)
        except PROBLEMS as error:
            return problem(error)


class _Sender(threading.Thread):
    """Writes a job and its rows, at the lowest priority, while the caller waits for the outcome."""

    def __init__(self, process: _Process, job: dict[str, Json], send: Callable[[int], None] | None) -> None:
        super().__init__(name="cognify-rows", daemon=True)
        self._process, self._job, self._send = process, job, send
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Send; a failure on this side ends the process, which would wait for the rest for ever."""
        try:
            if hasattr(os, "setpriority"):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
            write_frame(self._process.jobs, self._job)
            if self._send is not None:
                self._send(self._process.jobs.fileno())
        except (CaptureError, *PROBLEMS) as error:
            self.failure = error
            self._process.popen.kill()


def _started() -> _Process:
    words = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `release`
    popen = subprocess.Popen(
        [sys.executable, "-P", "-m", "cognify_core.capture.worker", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        env=_environment(),
        process_group=0,  # Ctrl-C on the terminal is for the training process
    )
    if popen.stdin is None or popen.stdout is None:
        raise CaptureError("the hashing process has no pipes")
    return _Process(popen, popen.stdin, popen.stdout, words)


def _environment() -> dict[str, str]:
    """Our own, with this package importable wherever the process starts and capture itself switched off."""
    environment = dict(os.environ, COGNIFY_MODE="off")
    if Path(_PACKAGE_ROOT).name not in ("site-packages", "dist-packages"):
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{known}{os.pathsep}{_PACKAGE_ROOT}" if known else _PACKAGE_ROOT
    return environment
