"""Metrics over steps as drawings: positions are computed here, colours are the style sheet's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cognify_core.export.logged import Logged

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 22
COLUMNS = WIDTH - LEFT - RIGHT
ROWS = 200
"""Points that the table behind a drawing lists."""
_LARGEST = 1e300
"""Beyond it the span of an axis is no number."""
_WIDE = 1000
"""Positive values that span more than this are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the drawing, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A metric within a drawing."""

    label: str
    number: int
    """Its place among those that were given, from 1, by which it is coloured."""
    path: str
    """Of an SVG `path`."""
    dots: tuple[tuple[float, float], ...]
    """Where it has so few points that a line alone would not show them."""
    told: str
    """The same in words."""
    points: tuple[tuple[int, float], ...]
    """At most `ROWS`, evenly."""
    count: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of one metric, of one run or of several."""

    name: str
    lines: tuple[Line, ...]
    values: tuple[Tick, ...]
    steps: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def told(self) -> str:
        """The same in words."""
        named = (f"{line.label}: {line.told}" if line.label else line.told for line in self.lines)
        return "; ".join(named)

    @property
    def count(self) -> int:
        """How many points there are in all."""
        return sum(line.count for line in self.lines)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The left, upper, right and lower end of the axes."""
        return LEFT, TOP, self.width - RIGHT, self.height - BOTTOM


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log10(one) if self.logarithmic else one for one in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self, most: int) -> Iterator[Tick]:
        for value in _decades(self.low, self.high) if self.logarithmic else _round_values(self.low, self.high, most):
            yield Tick(self.at(value), short(value))


def plot(name: str, metrics: Sequence[tuple[str, Logged]]) -> Plot | None:
    """A drawing of a metric; none where it has no finite point.

    Args:
        name: the metric's.
        metrics: its points, each with a label, as in the run that they are of.
    """
    finite = [sorted(_finite(metric), key=lambda point: point[0]) for _, metric in metrics]
    every = [point for points in finite for point in points]
    if not every:
        return None
    steps, values = _steps(every), _values([value for _, value in every])
    lines = tuple(
        _line(label, number, points, len(metric), steps, values)
        for number, ((label, metric), points) in enumerate(zip(metrics, finite, strict=True), 1)
        if points
    )
    return Plot(name, lines, tuple(values.ticks(5)), tuple(steps.ticks(5)))


def short(value: float) -> str:
    """A number as an axis has it."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:.4g}"
    return f"{value:.2g}"


def _told(points: Sequence[tuple[int, float]], total: int) -> str:
    values = [value for _, value in points]
    last = max(points, key=lambda point: point[0])
    broken = total - len(points)
    told = f"last {last[1]:.5g} · min {min(values):.5g} · max {max(values):.5g}"
    return f"{told} · {broken:,} not finite" if broken else told


def _finite(points: Iterable[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    return (point for point in points if math.isfinite(point[1]) and abs(point[1]) < _LARGEST)


def _steps(points: Iterable[tuple[int, float]]) -> _Axis:
    steps = [step for step, _ in points]
    low, high = min(steps), max(steps)
    return _Axis(low, high, LEFT, WIDTH - RIGHT) if high > low else _Axis(low - 1, high + 1, LEFT, WIDTH - RIGHT)


def _values(values: Sequence[float]) -> _Axis:
    low, high = min(values), max(values)
    if low > 0 and high / low > _WIDE:
        return _Axis(low / 1.3, high * 1.3, HEIGHT - BOTTOM, TOP, logarithmic=True)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return _Axis(low - air, high + air, HEIGHT - BOTTOM, TOP)


def _line(
    label: str, number: int, points: Sequence[tuple[int, float]], total: int, steps: _Axis, values: _Axis
) -> Line:
    placed = [(steps.at(step), values.at(value)) for step, value in _thinned(points, steps)]
    path = " ".join(f"{'L' if place else 'M'}{x} {y}" for place, (x, y) in enumerate(placed))
    dots = tuple(placed) if len(placed) <= COLUMNS // 12 else ()
    return Line(label, number, path, dots, _told(points, total), tuple(_evenly(points, ROWS)), total)


def _thinned(points: Sequence[tuple[int, float]], steps: _Axis) -> Iterator[tuple[int, float]]:
    """Of each column of pixels the first, the lowest, the highest and the last point: no peak is lost."""
    if len(points) <= 4 * COLUMNS:
        yield from points
        return
    columns: dict[int, list[tuple[int, float]]] = {}
    for point in points:
        columns.setdefault(int(steps.at(point[0])), []).append(point)
    for column in columns.values():
        kept = {0, len(column) - 1}
        kept |= {pick(range(len(column)), key=lambda place: column[place][1]) for pick in (min, max)}
        yield from (column[place] for place in sorted(kept))


def _evenly(points: Sequence[tuple[int, float]], most: int) -> Iterator[tuple[int, float]]:
    if len(points) <= most:
        yield from points
        return
    for number in range(most):
        yield points[number * (len(points) - 1) // (most - 1)]


def _round_values(low: float, high: float, most: int) -> Iterator[float]:
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step


def _decades(low: float, high: float) -> Iterator[float]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    stride = max(1, (last - first) // 5)
    for power in range(first, last + 1, stride):
        yield 10.0**power
