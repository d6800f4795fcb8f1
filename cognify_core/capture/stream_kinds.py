"""What is a stream: rows that are there only while they are read. Frameworks are known by their classes' names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MEND = 'watch it: train = cognify.watch(stream, name="…"), and train on that'
"""What makes a digest of a stream's rows possible."""


def is_of(class_: type, package: str, name: str) -> bool:
    """Whether a class is that of a package, or derived from it."""
    return any(each.__name__ == name and each.__module__.partition(".")[0] == package for each in class_.__mro__)


def is_stream(data: Any) -> bool:
    """Whether the rows of `data` can only be read in passing."""
    class_ = type(data)
    if is_of(class_, "datasets", "IterableDataset") or is_of(class_, "torch", "IterableDataset"):
        return True
    return isinstance(data, Iterator) or (hasattr(class_, "__iter__") and not hasattr(class_, "__getitem__"))
