"""What the console shows of a run: one line at the start, at most four at the end, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

from cognify_core.model.shown import plain

Say = Callable[[str], None]


def say(line: str) -> None:
    """Print a line, with control characters made visible: names in it come from anywhere."""
    print(f"cognify: {plain(line)}", file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints


def say_nothing(_line: str) -> None:
    """Print nothing (`COGNIFY_QUIET=1`)."""


def plural(count: int, noun: str) -> str:
    """`1 gap`, `2 gaps`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
