"""A metric's points as lines, and one digest over all of them, in memory that does not grow with their number."""

from __future__ import annotations

import hashlib
import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import IO, Any

from cognify_core.canonical import encode
from cognify_core.model.digest import Digest
from cognify_core.model.numbers import tagged_number

IN_MEMORY = 200_000
"""Points that are sorted in memory at a time: some 20 MB."""


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
