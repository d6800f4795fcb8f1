"""Files: SHA-256 through our capture against hashlib and `model_signing`, interleaved, by CPU-second.

`python -m benchmarks.files` takes about two minutes; `--quick` a few seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from cognify_core.capture.files import file_outcome
from cognify_core.capture.tree import tree_outcome

MIB = 1 << 20

Contender = tuple[str, Callable[[], object]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="4 × 128 MiB and 10,000 files, three rounds")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--directory", type=Path, help="where the files are made; by default a temporary folder")
    chosen = options.parse_args(sys.argv[1:])
    size, count = (128 * MIB, 10_000) if chosen.quick else (1024 * MIB, 100_000)
    rounds = 3 if chosen.quick else chosen.rounds
    with tempfile.TemporaryDirectory(dir=chosen.directory) as folder:
        large(Path(folder, "large"), size, rounds)
        small(Path(folder, "small"), count, rounds)


def large(folder: Path, size: int, rounds: int) -> None:
    """Four files of `size` bytes, in the page cache."""
    folder.mkdir()
    files = [folder / f"weights-{number}.safetensors" for number in range(4)]
    block = os.urandom(MIB)
    for number, path in enumerate(files):
        with path.open("wb") as file:
            for _ in range(size // MIB):
                file.write(bytes([number]) + block[1:])
    contenders: list[Contender] = [
        ("hashlib.file_digest", lambda: [file_digest(path) for path in files]),
        ("cognify file_outcome", lambda: [file_outcome(path) for path in files]),
        ("cognify tree_outcome", lambda: tree_outcome(folder)),
        *model_signing(folder),
    ]
    print(f"4 × {size // MIB} MiB, {rounds} rounds, medians")
    print(f"{'':24}{'wall s':>10}{'CPU s':>10}{'GB per CPU-s':>14}{'× hashlib':>11}")
    table = measured(contenders, rounds)
    for name, (wall, cpu) in table.items():
        gigabytes, ratio = 4 * size / 1e9 / cpu, table["hashlib.file_digest"][1] / cpu
        print(f"{name:24}{wall:10.3f}{cpu:10.3f}{gigabytes:14.3f}{ratio:11.3f}")


def small(folder: Path, count: int, rounds: int) -> None:
    """`count` files of 1 KiB in 100 folders."""
    for number in range(count):
        path = folder / f"{number % 100:02d}" / f"{number}.json"
        if number < 100:
            path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(1024))
    contenders: list[Contender] = [
        ("open().read() + sha256", lambda: floor(folder)),
        ("cognify tree_outcome", lambda: tree_outcome(folder)),
        *model_signing(folder),
    ]
    print(f"\n{count} × 1 KiB, {rounds} rounds, medians")
    print(f"{'':24}{'wall s':>10}{'CPU s':>10}{'µs CPU/file':>14}{'× floor':>11}")
    table = measured(contenders, rounds)
    for name, (wall, cpu) in table.items():
        ratio = cpu / table["open().read() + sha256"][1]
        print(f"{name:24}{wall:10.3f}{cpu:10.3f}{cpu / count * 1e6:14.2f}{ratio:11.3f}")


def measured(contenders: list[Contender], rounds: int) -> dict[str, tuple[float, float]]:
    """Median wall and CPU seconds of each contender; they take turns, so that a busy machine troubles all alike."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name, _ in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders:
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if turn:  # the first one warms up
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: (median(w for w, _ in taken), median(c for _, c in taken)) for name, taken in times.items()}


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def floor(folder: Path) -> int:
    """The least that Python can do: no stat, no check, no manifest."""
    hashed = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:  # noqa: PTH118, PTH123 - as fast as can be
                hashlib.sha256(file.read()).hexdigest()
            hashed += 1
    return hashed


def model_signing(folder: Path) -> list[Contender]:
    """`model_signing`'s own hashing of a folder, where it is installed."""
    try:
        from model_signing import hashing
    except ImportError:
        print("model_signing is not installed (pip install model-signing pyOpenSSL)")
        return []
    return [("model_signing.hashing", lambda: hashing.hash(folder))]


if __name__ == "__main__":
    main()
