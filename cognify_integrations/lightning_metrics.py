"""What a Lightning training logs, as Lightning itself has reduced it: no tensor is read but at the logging interval.

`trainer.logged_metrics` and `trainer.callback_metrics` keep everything that was ever logged; what is new is told by the
objects being others than at the last look. They are asked for only where that computes nothing: in a distributed
training computing is a collective, and one rank alone would wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Results:
    """Finds what an evaluation logged."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        """What any evaluation so far has logged."""
        self._before: dict[str, Any] = {}

    def begins(self, trainer: Any) -> None:
        """Remember what is there before an evaluation."""
        self._before = dict(trainer.callback_metrics)

    def ended(self, trainer: Any) -> dict[str, float]:
        """The results of the evaluation that has just ended."""
        before, self._before = self._before, {}
        found = {key: value for key, value in trainer.callback_metrics.items() if value is not before.get(key)}
        self.names.update(found)
        return _numbers(found)


class StepMetrics:
    """Finds what was newly logged in training and gives it to `say(step, values)`, but for the names in `elsewhere`."""

    def __init__(self, say: Callable[[int, dict[str, float]], None], elsewhere: set[str], step: int) -> None:
        self._say, self._elsewhere, self._step = say, elsewhere, step
        self._seen: dict[str, Any] = {}
        self._said: dict[str, tuple[int, float]] = {}

    def due(self, trainer: Any) -> bool:
        """Whether Lightning logs after this batch. For every batch: a few attributes."""
        step, every = trainer.global_step, trainer.log_every_n_steps
        if step == self._step or not every or (step % every and not trainer.fast_dev_run and not trainer.should_stop):
            return False
        self._step = step
        return True

    def look(self, trainer: Any) -> None:
        """Record what was logged since the last look."""
        step, now = trainer.global_step, dict(trainer.logged_metrics)
        fresh = {
            key: value for key, value in now.items() if value is not self._seen.get(key) and key not in self._elsewhere
        }
        self._seen = now
        values = {key: value for key, value in _numbers(fresh).items() if self._said.get(key) != (step, value)}
        self._said.update({key: (step, value) for key, value in values.items()})
        if values:
            self._say(step, values)


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {key: number for key, value in values.items() if (number := _number(value)) is not None}


def _number(value: Any) -> float | None:
    if hasattr(value, "item"):
        value = value.item() if value.numel() == 1 else None
    return value if isinstance(value, int | float) else None
