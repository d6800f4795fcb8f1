"""Metrics by their scikit-learn names, and metrics of one's own.

Values are scikit-learn's. Intervals are of the same quantity, computed anew from counts: a thousand calls of
scikit-learn for each metric of each group would take minutes. A test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from cognify_core.api.evaluating.answers import Answers
from cognify_core.api.evaluating.class_metrics import AVERAGED, AVERAGES, accuracy, averaged, balanced_accuracy
from cognify_core.api.evaluating.intervals import Array, Single
from cognify_core.api.evaluating.metric import Metric, library
from cognify_core.api.evaluating.score_metrics import brier, log_loss, of_numbers, r2, roc_auc
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import Direction
from cognify_core.model.shown import encodable

_BY_CLASS = tuple(f"{base}{end}" for base in AVERAGED for end in ("", *(f"_{average}" for average in AVERAGES)))
_MAKERS: dict[str, Callable[[], Metric]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "brier": brier,
    "log_loss": log_loss,
    "mae": partial(of_numbers, "mae", "mean_absolute_error", np.abs, float),
    "mse": partial(of_numbers, "mse", "mean_squared_error", np.square, float),
    "r2": r2,
    "rmse": partial(of_numbers, "rmse", "root_mean_squared_error", np.square, lambda mean: float(np.sqrt(mean))),
    "roc_auc": roc_auc,
}
NAMES = tuple(sorted((*_MAKERS, *_BY_CLASS)))
"""All metrics that have a name."""
_NAMED = "a metric is a name or a callable of labels and predictions"


def wanted_metrics(wanted: Any, directions: Mapping[str, Direction]) -> dict[str, Callable[[Answers], Metric]]:
    """The metrics that were asked for, by name: names, callables, or callables by the name to give them.

    Checked before anything is predicted. Each is made once the answers are there: which classes there are decides what
    an average is of.

    Raises:
        ConfigurationError: one is not known (the message lists those that are), two have one name, or there is none;
            scikit-learn is not installed.
    """
    found: dict[str, Callable[[Answers], Metric]] = {}
    for name, each in _pairs(wanted):
        if name in found:
            raise ConfigurationError(f"two metrics are called {name!r}: give them as a dict, by name")
        found[name] = partial(_named, each) if isinstance(each, str) else _own(name, each, directions.get(name))
    if not found:
        raise ConfigurationError(f"which metrics? There are {', '.join(NAMES)}, and callables")
    if strange := [name for name in directions if name not in found]:
        raise ConfigurationError(f"directions names {strange[0]!r}, and that is none of the metrics {', '.join(found)}")
    return found


def _pairs(wanted: Any) -> Iterable[tuple[str, Any]]:
    several = [wanted] if isinstance(wanted, str) or callable(wanted) else wanted
    if not isinstance(several, Iterable):
        raise ConfigurationError(f"{_NAMED}, not {type(wanted).__name__}")
    listed = several.items() if isinstance(several, Mapping) else [(None, each) for each in several]
    for name, each in listed:
        if isinstance(each, str):
            if each not in NAMES:
                raise ConfigurationError(f"there is no metric {each!r}; there are {', '.join(NAMES)}, and callables")
            library()
            yield each, each
        elif callable(each):
            yield encodable(str(name or getattr(each, "__name__", type(each).__name__))), each
        else:
            raise ConfigurationError(f"{_NAMED}, not {type(each).__name__}")


def _named(name: str, answers: Answers) -> Metric:
    return averaged(name, answers) if name in _BY_CLASS else _MAKERS[name]()


def _own(name: str, compute: Callable[[Any, Any], Any], direction: Direction | None) -> Callable[[Answers], Metric]:
    """A metric of one's own: `compute(labels, predictions)`, both arrays, the predictions as `predict` gave them."""

    def value(answers: Answers) -> float:
        return float(compute(answers.labels, answers.predictions))

    def resampled(answers: Answers, drawn: Array) -> float:
        try:
            return value(answers.take(drawn))
        except (ValueError, ArithmeticError):  # defined for the samples, and not for this draw of them
            return float("nan")

    def samples(answers: Answers) -> Single:
        return Single(answers.n, partial(resampled, answers))

    kind = type(compute)
    module = getattr(compute, "__module__", None) or kind.__module__
    definition = encodable(f"{module}:{getattr(compute, '__qualname__', None) or kind.__qualname__}")
    return lambda _: Metric(name, direction, definition, value, samples)
