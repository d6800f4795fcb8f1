"""What a torch training step costs while captures run beside it: phases with and without, in turn, in one process.

The loop is small on purpose (a step well below a millisecond): whatever holds the interpreter's lock shows in it. Two
cores that both work may each be slower than one alone, whatever runs on the other; so there are phases, too, beside a
process that shares nothing with the training and computes SHA-256 without end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROUNDS = 5
PHASE_SECONDS = 2.0
ROWS = 2_000_000
CHECKPOINT_BYTES = 280_000_000
QUANTILES = {"step ms": 0.5, "p99 ms": 0.99, "p99.9 ms": 0.999}


def main(rounds: int = ROUNDS, rows: int = ROWS) -> None:
    """Print a row per kind of capture: quantiles of a step's time, and what they are to those of the other phases.

    The first ratio of each quantile is to the bare loop, the second to the loop beside a process of no concern to it.
    """
    import torch

    from cognify_core.record.hashing import Hashing

    torch.manual_seed(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="cognify-beside-") as folder:
        home = Path(folder)
        hashing = Hashing(home / "rows")
        hashing.start()
        dataset = _shuffled(rows)
        checkpoint = _checkpoint(home / "checkpoint")
        program = Path(__file__)
        captures: dict[str, Callable[[Callable[[Any], None]], None]] = {
            "rows of a shuffled dataset": lambda done: hashing.rows(dataset, done),
            "a checkpoint of 280 MB": lambda done: hashing.checkpoint(checkpoint, done),
            "the state of the code": lambda done: _code(hashing, program, done),
        }
        print(f"{'beside':<28}" + "".join(f"{name:>10}{'/ bare':>8}{'/ busy':>8}" for name in QUANTILES))
        step = _step(torch)
        for name, capture in captures.items():
            bare: list[float] = []
            busy: list[float] = []
            beside: list[float] = []
            for _ in range(rounds):
                bare += _phase(step)
                with _another_process():
                    busy += _phase(step)
                stop = _running(capture)
                beside += _phase(step)
                stop()
            _print_row(name, bare, busy, beside)
        hashing.close()


def _print_row(name: str, bare: list[float], busy: list[float], beside: list[float]) -> None:
    shown = ""
    for quantile in QUANTILES.values():
        alone, shared, loaded = (1000 * sorted(steps)[int(quantile * len(steps))] for steps in (bare, busy, beside))
        shown += f"{loaded:>10.3f}{loaded / alone:>8.3f}{loaded / shared:>8.3f}"
    print(f"{name:<28}{shown}", flush=True)


@contextmanager
def _another_process() -> Iterator[None]:
    """A process that hashes one buffer again and again, at the priority of the one that hashes rows."""
    program = "import hashlib, os; os.nice(19); block = bytes(1 << 20)\nwhile True: hashlib.sha256(block)"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _step(torch: Any) -> Callable[[], None]:
    weights = torch.randn(256, 256, requires_grad=True)
    batch = torch.randn(64, 256)

    def step() -> None:
        loss = (batch @ weights).relu().square().mean()
        loss.backward()
        weights.grad = None

    return step


def _phase(step: Callable[[], None]) -> list[float]:
    """The seconds of each step, for a while."""
    steps = []
    end = time.perf_counter() + PHASE_SECONDS
    while (began := time.perf_counter()) < end:
        step()
        steps.append(time.perf_counter() - began)
    return steps


def _running(capture: Callable[[Callable[[Any], None]], None]) -> Callable[[], None]:
    """Start a capture, and again whenever it is done; returns what stops that and waits for the last one."""
    enough, idle = threading.Event(), threading.Event()

    def again(_outcome: Any) -> None:
        if enough.is_set():
            idle.set()
        else:
            capture(again)

    def stop() -> None:
        enough.set()
        idle.wait()

    capture(again)
    return stop


def _code(hashing: Any, program: Path, done: Callable[[Any], None]) -> None:
    from cognify_core.capture.code import collect_code

    hashing.call("code", lambda: collect_code(entry=program).outcome, done)


def _shuffled(rows: int) -> Any:
    import numpy as np
    import pyarrow as pa
    from datasets import Dataset

    text = [f"row {number} " + "some words of an ordinary length " * 3 for number in range(1000)]
    repeated = pa.chunked_array([pa.array(text)] * (rows // 1000))
    table = pa.table({"text": repeated, "label": pa.array(np.arange(len(repeated)) % 7)})
    return Dataset(table).shuffle(seed=3)


def _checkpoint(folder: Path) -> Path:
    folder.mkdir()
    for number in range(4):
        (folder / f"part-{number}.bin").write_bytes(bytes(CHECKPOINT_BYTES // 4))
    return folder


if __name__ == "__main__":
    main()
