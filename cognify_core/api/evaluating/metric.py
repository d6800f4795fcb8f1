"""What a metric is: its value by scikit-learn, and what its resamples are drawn from."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cognify_core.api.evaluating.answers import Answers
from cognify_core.api.evaluating.intervals import Cells, Single
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import Direction

_EXTRA = "metrics by name are scikit-learn's: pip install 'cognify-audit[eval]'"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    direction: Direction | None
    definition: str
    value: Callable[[Answers], float]
    samples: Callable[[Answers], Cells | Single]
    undefined: Callable[[Answers], str | None] = lambda _: None
    """Why there is no value for these samples, if so."""


def library() -> ModuleType:
    """`sklearn.metrics`.

    Raises:
        ConfigurationError: it is not installed; the message names the extra.
    """
    try:
        from sklearn import metrics
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{_EXTRA} ({error})") from error
    return metrics  # type: ignore[no-any-return]


def score(name: str, *args: Any, **options: Any) -> float:
    """What that function of `sklearn.metrics` gives; its warnings are said in words of ours, as reasons.

    Raises:
        ConfigurationError: it takes no such values, and says why.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(getattr(library(), name)(*args, **options))
        except ValueError as error:
            raise ConfigurationError(f"sklearn.metrics.{name}: {error}") from error
