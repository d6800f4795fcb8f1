"""The exit of the process: what is still open is brought to its end there, within a time limit."""

from __future__ import annotations

import atexit
import os
import threading
import time
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cognify_core.api.session import Session


class ExitThread:
    """Does the work of the exit on a daemon thread started long before: in atexit no thread may be started."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pid = os.getpid()
        self._asked, self._done = threading.Event(), threading.Event()
        self.by = inf
        """Until when, on the monotonic clock, what is under way may take: half of what the exit waits, once begun."""
        threading.Thread(target=self._work, name="cognify-exit", daemon=True).start()
        atexit.register(self._at_exit)

    @property
    def asked(self) -> bool:
        """Whether the exit has begun."""
        return self._asked.is_set()

    def _at_exit(self) -> None:
        if os.getpid() == self._pid:
            self.by = time.monotonic() + self._session.settings.exit_seconds / 2
            self._asked.set()
            self._done.wait(self._session.settings.exit_seconds)

    def _work(self) -> None:
        self._asked.wait()
        try:
            self._session.settle(timeout=self._session.settings.exit_seconds / 2)
            if not self._session.guests.came():  # else `leave` does
                self._session.workspace.close()
        finally:
            self._done.set()
