"""Percentile bootstrap intervals (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, ch. 13).

Every interval draws from a generator of its own, made of the seed: whoever has the per-sample file finds the same one,
and the global random states of Python, NumPy and torch are never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from cognify_core.model.evaluation_facts import Interval

METHOD = "bootstrap, percentile"
Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True, slots=True)
class Cells:
    """Samples grouped by what a metric sees of them: `value` of the counts drawn for each is the metric's value.

    To draw n samples with replacement is to draw how often each cell comes, from a multinomial distribution.
    """

    counts: Array
    value: Callable[[Array], float]

    def now(self) -> float:
        """The metric of the samples as they are."""
        return self.value(self.counts)

    def draw(self, random: np.random.Generator) -> float:
        """The metric of one resample."""
        n = int(self.counts.sum())
        if len(self.counts) < n:
            return self.value(random.multinomial(n, self.counts / n))
        return self.value(np.bincount(random.integers(0, n, n), minlength=n))


@dataclass(frozen=True, slots=True)
class Single:
    """Samples one by one: `value` of the indices drawn is the metric's value."""

    n: int
    value: Callable[[Array], float]

    def draw(self, random: np.random.Generator) -> float:
        """The metric of one resample."""
        return self.value(random.integers(0, self.n, self.n))


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals are found."""

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def interval(self, samples: Cells | Single) -> Interval | None:
        """The interval between the two percentiles; none where no resample has a value."""
        random = np.random.default_rng(self.seed)
        drawn = np.array([samples.draw(random) for _ in range(self.resamples)], dtype=np.float64)
        found = drawn[np.isfinite(drawn)]
        if not len(found):
            return None
        tail = (1 - self.level) / 2
        low, high = np.quantile(found, [tail, 1 - tail])
        return Interval(
            low=float(low),
            high=float(high),
            level=self.level,
            method=METHOD,
            resamples=self.resamples,
            seed=self.seed,
            left_out=len(drawn) - len(found),
            degenerate=bool(found.min() == found.max()),
        )
