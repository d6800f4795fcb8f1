"""How long threads of ours keep the interpreter's lock while the main thread, as a training would, wants it.

The main thread notes every interval in which it had to wait (a voluntary switch, so it was not merely out of turn on a
busy machine), and for how long the busiest of our threads computed meanwhile: no burst was longer than that. Calls that
let go of the lock (hashing a block, writing to a pipe, a commit of SQLite) compute without it, and are told by the
place where they stand.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 4.0
NOTED = 0.00025  # seconds
WITHOUT_THE_LOCK = {"_send", "do_commit", "read_digest", "read_frame", "write"}
"""Functions whose long calls let go of the lock."""


class Burst(NamedTuple):
    """At most so many seconds with the lock, in a thread that was last seen there."""

    seconds: float
    place: str


def main(seconds: float = SECONDS) -> None:
    """Print a row per kind of capture, between phases in which none runs."""
    with tempfile.TemporaryDirectory(prefix="cognify-bursts-") as folder:
        os.environ |= {"COGNIFY_HOME": f"{folder}/home", "COGNIFY_QUIET": "1"}
        import cognify

        print(f"{'beside':<28}{'waits':>7}{'> 1 ms':>8}{'longest ms':>12}  where")
        for name, capture in _captures(Path(folder)).items():
            _print_row("nothing", _bursts(seconds, lambda step: None))
            with cognify.run(name) as run:
                time.sleep(2)  # the worker process has come up by then
                capture(run)
                found = _bursts(seconds, lambda step, run=run: run.log({"loss": 1 / step}, step=step))  # type: ignore[misc]
            _print_row(name, found)


def _captures(folder: Path) -> dict[str, Callable[[Any], object]]:
    from benchmarks.beside import _checkpoint, _shuffled

    dataset, checkpoint, shards = _shuffled(1_000_000), _checkpoint(folder / "checkpoint"), folder / "shards"
    chats = [{"messages": [{"role": "user", "content": f"question {row}"}], "label": row % 7} for row in range(50_000)]
    for number in range(200):
        (shards / f"{number % 9}").mkdir(parents=True, exist_ok=True)
        (shards / f"{number % 9}" / f"{number}.bin").write_bytes(b"x" * number)
    return {
        "rows of a shuffled dataset": lambda run: run.dataset(dataset, name="rows"),
        "50,000 chats in a list": lambda run: run.dataset(chats, name="chats"),
        "a checkpoint of 280 MB": lambda run: run.checkpoint(checkpoint, step=1),
        "a checkpoint of 200 files": lambda run: run.checkpoint(shards, step=1),
    }


def _bursts(seconds: float, each: Callable[[int], object]) -> list[Burst]:
    """Want the lock for a while; `each` is called every millisecond or so."""
    end, step, found = time.perf_counter() + seconds, 0, list[Burst]()
    while (now := time.perf_counter()) < end:
        step += 1
        waits, used = _waits(), _used()
        while (last := time.perf_counter()) < now + 0.001:
            time.sleep(0)  # as an operation of a training, lets go of the lock for a moment
            gap = time.perf_counter() - last
            if gap > NOTED and _waits() > waits:
                found += _burst(gap, used)
                waits, used = _waits(), _used()
        each(step)
    return found


def _waits() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _used() -> dict[int, float]:
    """The CPU seconds of each of our threads."""
    clocks = {}
    for thread in threading.enumerate():
        if thread.name.startswith("cognify") and thread.ident is not None:
            try:
                clocks[thread.ident] = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            except OSError:  # it has just ended
                continue
    return clocks


def _burst(gap: float, before: dict[int, float]) -> list[Burst]:
    used = {ident: seconds - before.get(ident, 0.0) for ident, seconds in _used().items()}
    busiest = max(used, key=lambda ident: used[ident], default=0)
    frame = sys._current_frames().get(busiest)  # noqa: SLF001 - where a thread stands is told by nothing else
    if frame is None or frame.f_code.co_name in WITHOUT_THE_LOCK or min(gap, used[busiest]) < NOTED:
        return []
    place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}"
    return [Burst(min(gap, used[busiest]), place)]


def _print_row(name: str, found: list[Burst]) -> None:
    longest = max(found, default=Burst(0.0, "–"))
    late = sum(burst.seconds > 0.001 for burst in found)
    print(f"{name:<28}{len(found):>7}{late:>8}{1000 * longest.seconds:>12.2f}  {longest.place}", flush=True)


if __name__ == "__main__":
    main()
