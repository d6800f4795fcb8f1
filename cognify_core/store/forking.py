"""A process forks only while it has no connection open.

SQLite keeps the locks that a process holds in the process's own memory (sqlite.org/howtocorrupt, §2.6). A forked child
believes that it has its parent's locks. It has none, and when the parent closes its last connection, the log goes away
under the child, with all that the child has written. So connections are closed before a fork and opened again when they
are next needed, in parent and child. (`subprocess` does not fork in this sense: it executes a program at once.)
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cognify_core.errors import StoreError

FORK_WAITS_SECONDS = 0.5
"""How long a fork waits for transactions under way: much longer than they take, unless the disk hangs."""

_torn: set[str] = set()
"""What this process was forked in the middle of using. Global, for so is what SQLite remembers of it."""


class ForkGate:
    """Counts the uses of the file `name`, and closes it (`close`, which nobody is using then) before a fork."""

    def __init__(self, name: str, close: Callable[[], None]) -> None:
        self._name = name
        self._close = weakref.WeakMethod(close)
        self._begin()
        gate = weakref.ref(self)
        os.register_at_fork(
            before=lambda: _pass_on(gate, ForkGate._before_fork),
            after_in_parent=lambda: _pass_on(gate, ForkGate._after_in_parent),
            after_in_child=lambda: _pass_on(gate, ForkGate._after_in_child),
        )

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._uses = 0
        self._forking = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have forks wait for as long as the block lasts.

        Raises:
            StoreError: this process was forked in the middle of such a block.
        """
        if self._name in _torn:
            raise StoreError(
                f"this process was forked while its parent was writing to {self._name}, and cannot use it; start it "
                "with `multiprocessing.get_context('spawn')` instead"
            )
        changed = self._changed
        with changed:
            changed.wait_for(lambda: not self._forking)
            self._uses += 1
        try:
            yield
        finally:
            with changed:
                self._uses -= 1
                changed.notify_all()

    def _before_fork(self) -> None:
        with self._changed:
            self._forking = True
            self._idle = self._changed.wait_for(lambda: not self._uses, FORK_WAITS_SECONDS)
        if self._idle and (close := self._close()):
            close()

    def _after_in_parent(self) -> None:
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def _after_in_child(self) -> None:
        if not self._idle:
            _torn.add(self._name)
        self._begin()  # the parent's other threads may have held the old lock


def _pass_on(gate: weakref.ref[ForkGate], step: Callable[[ForkGate], None]) -> None:
    if (alive := gate()) is not None:
        step(alive)
