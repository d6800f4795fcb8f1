"""Progress bars on stderr, for people who watch a terminal; a pipe gets none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cognify_core.cli.console import console

Advance = Callable[[int, int], None]
"""Takes what is done and what there is in all (0: not known), in bytes."""


@contextmanager
def counting(label: str) -> Iterator[Advance]:
    """A bar with bytes and the time left; it is gone when the work is done."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """A spinner, where nothing can be counted."""
    if not sys.stderr.isatty():
        yield
        return
    with console(sys.stderr).status(label):
        yield


def _nothing(_done: int, _total: int) -> None:
    """Show nothing."""
