"""A metric's points as lines, and one digest over all of them, in memory that does not grow with their number."""

from __future__ import annotations

import hashlib
import heapq
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO, Any, TypeAlias

from cognify_core.canonical import encode
from cognify_core.model.digest import Digest
from cognify_core.model.numbers import tagged_number

IN_MEMORY = 200_000
"""Points that are sorted in memory at a time: some 20 MB."""
_MOST_NAMED = 10

_Point: TypeAlias = tuple[int, float | str]
"""Step and value; NaN, which equals nothing, as text."""


def point_line(point: Any) -> str:
    """`<step> <timestamp> <value>`, the value as RFC 8785 spells it, or `NaN`, `Infinity`, `-Infinity`, `-0`."""
    number = tagged_number(float(point.value))
    value = number["$float"] if isinstance(number, dict) else encode(number).decode("ascii")
    return f"{point.step} {point.timestamp} {value}"


def digest_points(points: Iterable[Any]) -> tuple[int, Digest]:
    """How many points there are, and the SHA-256 of their lines in byte order, each with an LF after it.

    `LC_ALL=C sort | sha256sum` says the same. The order in which a store gives them has no part in it.
    """
    lines = (f"{point_line(point)}\n".encode("ascii") for point in points)
    digest, count = hashlib.sha256(), 0
    with ExitStack() as files:
        for line in heapq.merge(*_sorted_parts(lines, files)):
            digest.update(line)
            count += 1
    return count, Digest(digest.hexdigest())


def _sorted_parts(lines: Iterator[bytes], files: ExitStack) -> list[Iterable[bytes]]:
    """The lines in sorted parts: those before the last wait on disk."""
    parts: list[Iterable[bytes]] = []
    part = sorted(islice(lines, IN_MEMORY))
    while len(part) == IN_MEMORY:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - `files` closes it
        parts.append(_on_disk(part, files.enter_context(file)))
        part = sorted(islice(lines, IN_MEMORY))
    return [*parts, part]


def _on_disk(part: list[bytes], file: IO[bytes]) -> IO[bytes]:
    file.writelines(part)
    file.seek(0)
    return file


class RecordedPoints:
    """The points of metrics that a record holds, to say which of MLflow's are not among them.

    A record knows no timestamps, and may hold points of the same name that never went to MLflow.
    """

    def __init__(self) -> None:
        self._points: dict[str, set[_Point]] = {}

    def add(self, key: str, step: int, value: float) -> None:
        """A point that the record holds."""
        self._points.setdefault(key, set()).add((step, _stored(value)))

    def missing(self, key: str, now: Iterable[Any]) -> Iterator[Any]:
        """The points among `now` that the record does not hold."""
        held = self._points.get(key, set())
        return (point for point in now if (point.step, _stored(point.value)) not in held)

    def compare(self, key: str, now: Iterable[Any], count: int) -> str:
        """In words, how the points `now` differ from the `count` that there were; nothing where that is not known."""
        if not (then := self._points.get(key)):
            return ""
        found = {(point.step, _stored(point.value)) for point in now}
        new, gone = _steps(found - then), _steps(then - found)
        changed = new & gone
        told = [_told("changed", changed), _told("new", new - changed)]
        if len(then) <= count:  # else some of them were never MLflow's
            told.append(_told("gone", gone - changed))
        return ", ".join(filter(None, told)) or "the same steps and values, at other times or in other numbers"


def _stored(value: float) -> float | str:
    """A value as a store gives it back: databases hold no infinity, so MLflow keeps the largest double for it."""
    number = float(value)
    return "NaN" if math.isnan(number) else max(-sys.float_info.max, min(sys.float_info.max, number))


def _steps(points: set[_Point]) -> set[int]:
    return {step for step, _ in points}


def _told(what: str, steps: set[int]) -> str:
    if not steps:
        return ""
    named = ", ".join(map(str, sorted(steps)[:_MOST_NAMED])) + (" …" if len(steps) > _MOST_NAMED else "")
    return f"{len(steps)} {what} at step{'s' if len(steps) > 1 else ''} {named}"
