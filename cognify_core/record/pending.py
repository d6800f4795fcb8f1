"""What is recorded as soon as its digest is there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cognify_core.capture.outcome import Outcome
from cognify_core.model.events import Body


@dataclass(frozen=True, slots=True)
class PendingBody:
    """What will be recorded once the digest is there."""

    label: str
    make: Callable[[Outcome], Body]


class Pending:
    """The artifacts under way, by ref. Each is taken out exactly once: by its outcome, or by the end of the run.

    It is said before anybody who waits goes on: who then flushes or closes the record finds it there.
    """

    def __init__(self) -> None:
        self._artifacts: dict[str, PendingBody] = {}
        self._changed = threading.Condition()

    def add(self, ref: str, artifact: PendingBody) -> None:
        """Wait for the outcome of `ref`."""
        with self._changed:
            self._artifacts[ref] = artifact

    def settle(self, ref: str, say: Callable[[PendingBody], object]) -> None:
        """Take `ref` out and say it; nothing, where the end of the run was faster.

        `say` is called with the lock held, so it has to be short.
        """
        with self._changed:
            try:
                if (artifact := self._artifacts.pop(ref, None)) is not None:
                    say(artifact)
            finally:
                self._changed.notify_all()

    def labels(self) -> list[str]:
        """What is being hashed, for people."""
        with self._changed:
            return [artifact.label for artifact in self._artifacts.values()]

    def wait(self, timeout: float | None) -> bool:
        """Wait until nothing is under way; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._artifacts, timeout)

    def refs(self) -> list[str]:
        """The refs under way."""
        with self._changed:
            return list(self._artifacts)
