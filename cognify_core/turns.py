"""How a thread of ours lets the training have the interpreter's lock.

Who waits for the lock gets it when its holder blocks, or after 5 ms (`sys.getswitchinterval`). So a thread that
computes in the background would keep a step of the training waiting for as long; and so would one that makes many short
system calls, because it takes the lock again before the other has woken. Hence such work sleeps a moment between pieces
that take well below a millisecond. On the main thread nobody is waited for, and nothing here does anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

_PAUSE_SECONDS = 1e-4
_here = threading.local()


@contextmanager
def undivided() -> Iterator[None]:
    """A block in which this thread works at full speed: that of a server, where nothing trains."""
    _here.undivided = True
    try:
        yield
    finally:
        _here.undivided = False


def let_others_run(seconds: float = _PAUSE_SECONDS) -> None:
    """Give the interpreter's lock to whoever waits for it; after `sleep(0)` this thread would mostly take it again."""
    if not _is_undivided():
        time.sleep(seconds)


def in_turns(items: Sequence[T], at_once: int) -> Iterable[T]:
    """The same items, letting other threads run after every `at_once` of them."""
    return items if _is_undivided() else _in_turns(items, at_once)


def _is_undivided() -> bool:
    return threading.current_thread() is threading.main_thread() or getattr(_here, "undivided", False)


def _in_turns(items: Sequence[T], at_once: int) -> Iterator[T]:
    for start in range(0, len(items), at_once):
        if start:
            time.sleep(_PAUSE_SECONDS)
        yield from items[start : start + at_once]
