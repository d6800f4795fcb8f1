"""The hashing process: `python -m cognify_core.capture.worker <pid of the parent>`.

It hashes rows, trees and files for a training process, so that no Python of ours runs under that process's interpreter
lock. It is niced, ignores Ctrl-C (the training process decides what that means), never imports the user's script, ends
when its input is closed, and never outlives its parent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.worker_wire import PROBLEMS, outcome_frame, problem, read_frame, write_frame
from cognify_core.errors import CaptureError

_LOWEST_PRIORITY = 19
_PARENT_CHECK_SECONDS = 1.0

Job = Callable[[dict[str, Json], IO[bytes]], Outcome]


def main() -> None:
    """Serve jobs until the input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_LOWEST_PRIORITY)
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[1]),), daemon=True).start()
    with os.fdopen(os.dup(1), "wb") as results:
        os.dup2(2, 1)  # whatever prints must not fall between two frames
        while (frame := read_frame(sys.stdin.buffer)) is not None:
            write_frame(results, *outcome_frame(_served(frame[0])))


def _served(job: dict[str, Json]) -> Outcome:
    try:
        return _JOBS[job["job"]](job, sys.stdin.buffer)
    except CaptureError as error:
        return Outcome.unresolved(error)
    except PROBLEMS as error:
        return problem(error)


def _tree(job: dict[str, Json], _jobs: IO[bytes]) -> Outcome:
    from cognify_core.capture.tree import tree_outcome

    return tree_outcome(Path(job["path"]))


def _file(job: dict[str, Json], _jobs: IO[bytes]) -> Outcome:
    from cognify_core.capture.files import file_outcome

    return file_outcome(Path(job["path"]))


def _rows(job: dict[str, Json], jobs: IO[bytes]) -> Outcome:
    from cognify_core.capture.worker_rows import serve_rows

    return serve_rows(job, jobs)


def _end_with_parent(parent: int) -> None:
    """End at once when the parent is gone, even if a child that it forked still holds our input open."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


_JOBS: dict[str, Job] = {"rows": _rows, "tree": _tree, "file": _file}

if __name__ == "__main__":
    main()
