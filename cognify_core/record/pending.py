"""What is recorded as soon as its digest is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cognify_core.capture.outcome import Outcome
from cognify_core.model.events import Body

SAYING_SECONDS = 5.0
"""At most so long one waits for what a thread is about to say, a matter of microseconds: Ctrl-C may have stopped it."""


@dataclass(frozen=True, slots=True)
class PendingBody:
    """What will be recorded once the digest is there."""

    label: str
    make: Callable[[Outcome], Body]


class Pending:
    """The artifacts under way, by ref. Each is taken out exactly once: by its outcome, or by the end of the run.

    One that was taken out is under way until it was said: who waits, and then flushes or closes, finds it recorded.
    """

    def __init__(self) -> None:
        self._artifacts: dict[str, PendingBody] = {}
        self._being_said = 0
        self._changed = threading.Condition()

    def add(self, ref: str, artifact: PendingBody) -> None:
        """Wait for the outcome of `ref`."""
        with self._changed:
            self._artifacts[ref] = artifact

    @contextmanager
    def taking(self, ref: str) -> Iterator[PendingBody | None]:
        """Take `ref` out, to be said by the end of the block; none where the end of the run was faster."""
        with self._changed:
            artifact = self._artifacts.pop(ref, None)
            self._being_said += 1
        try:
            yield artifact
        finally:
            with self._changed:
                self._being_said -= 1
                self._changed.notify_all()

    def labels(self) -> list[str]:
        """What is being hashed, for people."""
        with self._changed:
            return [artifact.label for artifact in self._artifacts.values()]

    def wait(self, timeout: float | None) -> bool:
        """Wait until nothing is under way; whether that is so."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._artifacts, timeout):
                return False
            patience = SAYING_SECONDS if timeout is None else min(timeout, SAYING_SECONDS)
            return self._changed.wait_for(lambda: not self._being_said, patience)

    def refs(self) -> list[str]:
        """The refs under way."""
        with self._changed:
            return list(self._artifacts)
