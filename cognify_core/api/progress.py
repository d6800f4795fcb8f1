"""A bar on a terminal for work that takes long, where the code that runs it is not the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from cognify_core.model.shown import plain

Advance: TypeAlias = Callable[[int], None]
"""Takes how much more is done."""


@contextmanager
def bar(label: str, total: int | None, *, quiet: bool) -> Iterator[Advance]:
    """A bar on standard error, gone when the work is done; none where that is no terminal, or where `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        task = shown.add_task(plain(label), total=total)
        yield lambda more: shown.advance(task, more)
