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
    """Finds what was newly logged in training and gives it to `say(step, values)`, but for the names in `elsewhere`.

    Lightning reduces what a step has logged only after the callbacks have had their turn; asking for it in that turn
    would have it computed twice. So a step's values are looked at in the turn of the next one, or at the end.
    """

    def __init__(self, say: Callable[[int, dict[str, float]], None], elsewhere: set[str], step: int) -> None:
        self._say, self._elsewhere, self._step = say, elsewhere, step
        self._waiting: int | None = None
        self._seen: dict[str, Any] = {}
        self._said: dict[str, tuple[int, float]] = {}

    def batch_ended(self, trainer: Any) -> None:
        """Record what was logged before this batch; note whether Lightning logs after it. Mostly: a few attributes."""
        self.look_at_reduced(trainer)
        step, every = trainer.global_step, trainer.log_every_n_steps
        if step != self._step and every and (step % every == 0 or trainer.fast_dev_run or trainer.should_stop):
            self._step = self._waiting = step

    def look_at_reduced(self, trainer: Any) -> None:
        """Record what Lightning has reduced by itself and nobody has looked at."""
        step, self._waiting = self._waiting, None
        if step is not None:
            self._record(step, dict(_reduced(trainer)))

    def look(self, trainer: Any) -> None:
        """Record all that was logged since the last look."""
        self._waiting = None
        self._record(trainer.global_step, dict(trainer.logged_metrics))

    def _record(self, step: int, now: dict[str, Any]) -> None:
        seen, self._seen = self._seen, now
        values: dict[str, float] = {}
        for key, value in now.items():
            if value is seen.get(key) or key in self._elsewhere or (number := _number(value)) is None:
                continue
            if self._said.get(key) != (step, number):
                self._said[key] = (step, number)
                values[key] = number
        if values:
            self._say(step, values)


def _reduced(trainer: Any) -> dict[str, Any]:
    """What `trainer.logged_metrics` is kept in; the property itself computes everything again."""
    kept: dict[str, Any] | None = getattr(getattr(trainer, "_logger_connector", None), "_logged_metrics", None)
    return trainer.logged_metrics if kept is None else kept


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {key: number for key, value in values.items() if (number := _number(value)) is not None}


def _number(value: Any) -> float | None:
    if type(value) is not float and hasattr(value, "item"):
        try:
            value = value.item()
        except (RuntimeError, ValueError):  # of more than one element
            return None
    return value if isinstance(value, (int, float)) else None
