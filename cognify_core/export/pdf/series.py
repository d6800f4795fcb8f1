"""The points of a metric as the few that a panel can show: no peak is lost, however many there are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from cognify_core.export.logged import Logged

_LARGEST = 1e300
"""Beyond it the span of an axis is no number."""
_WIDE = 1000
"""Positive values that span more than this are drawn on a logarithmic axis."""
_STROKES = 24
"""A metric whose steps go back more often than this is drawn by step, not in the order of telling."""


@dataclass(frozen=True, slots=True)
class Series:
    """A metric for drawing: strokes of (step, value), and what they leave out."""

    name: str
    strokes: tuple[tuple[tuple[float, float], ...], ...]
    count: int
    """Points told, those that are no numbers included."""
    broken: tuple[float, ...]
    """Steps at which a value was told that is no finite number."""
    low: float = 0.0
    high: float = 0.0
    last: float = 0.0
    first_step: float = 0.0
    last_step: float = 0.0

    @property
    def is_logarithmic(self) -> bool:
        """Whether the values are positive and span several orders of magnitude."""
        return self.low > 0 and self.high / self.low > _WIDE

    @property
    def told(self) -> str:
        """The series in words."""
        points = f"{self.count:,} point{'' if self.count == 1 else 's'}"
        broken = f" · {len(self.broken):,} not finite" if self.broken else ""
        if not self.strokes:
            return f"{points}{broken}"
        return f"{points} · last {self.last:.5g} · min {self.low:.5g} · max {self.high:.5g}{broken}"


def series(name: str, metric: Logged, columns: int) -> Series:
    """The series of a metric for a panel of so many columns of pixels."""
    import numpy as np

    if not len(metric):
        return Series(name, (), 0, ())
    table = np.column_stack([np.array(column, dtype=np.float64) for column in (metric.steps, metric.values)])
    finite = np.isfinite(table[:, 1]) & (np.abs(table[:, 1]) < _LARGEST)
    broken = tuple(float(step) for step in table[~finite, 0])
    values = table[finite, 1]
    if not len(values):
        return Series(name, (), len(metric), broken)
    first, final = float(table[:, 0].min()), float(table[:, 0].max())
    strokes = tuple(_thinned(part, first, final, columns) for part in _parts(table, finite))
    low, high, last = float(values.min()), float(values.max()), float(values[-1])
    return Series(name, strokes, len(metric), broken, low, high, last, first, final)


def _parts(table: Any, finite: Any) -> list[Any]:
    """The stretches that a line joins: it breaks at what is no number, and where a resumed run goes back."""
    import numpy as np

    if np.count_nonzero(np.diff(table[:, 0]) < 0) > _STROKES:
        order = np.argsort(table[:, 0], kind="stable")
        table, finite = table[order], finite[order]
    back = np.flatnonzero(np.diff(table[:, 0]) < 0) + 1
    cuts = np.union1d(back, np.flatnonzero(np.diff(finite)) + 1)
    stretches = zip(np.split(table, cuts), np.split(finite, cuts), strict=True)
    return [part for part, shown in stretches if shown.all() and len(part)]


def _thinned(part: Any, first: float, last: float, columns: int) -> tuple[tuple[float, float], ...]:
    """Of each column of pixels the first, the lowest, the highest and the last point."""
    import numpy as np

    if len(part) > 4 * columns:
        column = np.floor((part[:, 0] - first) / max(last - first, 1.0) * columns)
        cuts = [0, *(np.flatnonzero(np.diff(column)) + 1), len(part)]
        kept = [_extremes(part[:, 1], start, end) for start, end in itertools.pairwise(cuts)]
        part = part[np.array(sorted(place for places in kept for place in places))]
    return tuple((float(step), float(value)) for step, value in part)


def _extremes(values: Any, start: int, end: int) -> set[int]:
    inside = values[start:end]
    return {start, start + int(inside.argmin()), start + int(inside.argmax()), end - 1}
