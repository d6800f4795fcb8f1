"""Progress bars on stderr, for people who watch a terminal; a pipe gets none."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cognify_core.cli.console import console
from cognify_core.export.watched import Watch, unwatched
from cognify_core.model.shown import plain

Advance = Callable[[int, int], None]
"""Takes what is done and what there is in all (0: not known)."""
_READ = re.compile(rb"^rchar: (\d+)$", re.MULTILINE)
_EVERY_SECONDS = 0.1


@contextmanager
def counting(label: str, *, in_bytes: bool = False) -> Iterator[Advance]:
    """A bar with what is done, in pieces or in bytes, and the time left; it is gone when the work is done."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task(plain(label), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


@contextmanager
def reading(label: str, path: Path) -> Iterator[None]:
    """A bar for work that reads a file or a folder once: Linux counts the bytes that this process reads."""
    with counting(label, in_bytes=True) as advance:
        if advance is _nothing:
            yield
            return
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(advance, _size(path), done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """A spinner, where nothing can be counted."""
    if not sys.stderr.isatty():
        yield
        return
    with console(sys.stderr).status(plain(label)):
        yield


@contextmanager
def stages(label: str) -> Iterator[Watch]:
    """What is being done now, how much of it where that can be counted, and for how long."""
    if not sys.stderr.isatty():
        yield unwatched
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    said, amount = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[amount]}", markup=False)
    columns = (SpinnerColumn(), said, BarColumn(), amount, TimeElapsedColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        bar.add_task(plain(label), total=None, amount="")

        def watch(what: str, done: int = 0, total: int = 0) -> None:
            described, counted = plain(f"{label}: {what}"), f"{done:,}/{total:,}" if total else ""
            if described == bar.tasks[0].description:
                bar.update(bar.task_ids[0], completed=done, amount=counted)
            else:  # a new task: one that was finished would not go on
                bar.remove_task(bar.task_ids[0])
                bar.add_task(described, total=total or None, completed=done, amount=counted)

        yield watch


def _watch(advance: Advance, total: int, done: threading.Event) -> None:
    began = _bytes_read()
    while not done.wait(_EVERY_SECONDS):
        advance(min(_bytes_read() - began, total), total)


def _bytes_read() -> int:
    """What this process has read so far, by proc(5); 0 where that cannot be told, and the bar stands still."""
    try:
        found = _READ.search(Path("/proc/self/io").read_bytes())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _size(path: Path) -> int:
    """Bytes in a file, or in all files of a folder; what cannot be looked at counts nothing, and is named elsewhere."""
    try:
        if not path.is_dir():
            return path.stat().st_size
        return sum(
            entry.stat().st_size
            for folder, _, names in os.walk(path)
            for entry in (Path(folder, name) for name in names)
            if entry.is_file()
        )
    except OSError:
        return 0


def _nothing(_done: int, _total: int) -> None:
    """Show nothing."""
