"""Streams of every kind, in a module of their own: spawned DataLoader workers import it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info


def row(i: int) -> dict[str, Any]:
    return {"text": f"row {i}", "label": i % 3, "tokens": [i, i + 1]}


class Counting(IterableDataset):  # type: ignore[type-arg]
    """Counts, shared among workers by turns."""

    def __init__(self, count: int) -> None:
        self.count, self.epoch = count, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for i in range(first, self.count, step):
            yield row(i + 1000 * self.epoch)


class Sized(Counting):
    """The same, with a length."""

    def __len__(self) -> int:
        return self.count


class Dying(Counting):
    """A stream whose second worker is killed on the way."""

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        for place, each in enumerate(super().__iter__()):
            if place == 40 and info is not None and info.id == 1:
                time.sleep(1.5)
                os.kill(os.getpid(), signal.SIGKILL)
            yield each


class Failing(Counting):
    """A stream that breaks."""

    def __iter__(self) -> Iterator[Any]:
        yield row(0)
        raise LookupError("the stream is broken")


class Slotted:
    """An iterable without a `__dict__`."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Any]:
        return map(row, range(self.count))

    def __len__(self) -> int:
        return self.count


class Tensors(IterableDataset):  # type: ignore[type-arg]
    def __iter__(self) -> Iterator[Any]:
        for i in range(20):
            yield {"x": torch.arange(3) + i, "y": torch.tensor(i), "z": torch.ones(2, 2) * i}


def as_it_is(batch: Any) -> Any:
    return batch


def jsonl(folder: Path, files: int, rows: int) -> list[str]:
    """Files of rows that are all different."""
    paths = []
    for file in range(files):
        path = folder / f"part{file}.jsonl"
        path.write_text("".join(json.dumps(row(file * rows + i)) + "\n" for i in range(rows)))
        paths.append(str(path))
    return paths
