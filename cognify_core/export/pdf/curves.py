"""Metrics over steps as vector panels, two in a row.

matplotlib finds the ticks and simplifies the lines; we draw them, with the fonts that the document embeds anyway. Its
own PDF backend would read matplotlibrc from the working directory and a cache of the machine's fonts, and a document
is a function of the record alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cognify_core.export.pdf.flow import Whole
from cognify_core.export.pdf.fonts import width_of
from cognify_core.export.pdf.legible import one_line
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.series import Series
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.theme import ALARM, CONTENT, INK, MUTED, RULE, Colour, Face, Style

_LINE: Colour = (0.11, 0.36, 0.62)
_NAME = Style(Face.BOLD, 7.8, 10, INK)
_TICK = Style(Face.SANS, 6, 7, MUTED)
_GUTTER, _HEIGHT = 20.0, 132.0
PANEL = (CONTENT - _GUTTER) / 2
_LEFT, _RIGHT, _BELOW, _ABOVE = 36.0, 6.0, 30.0, 14.0
COLUMNS = int(PANEL - _LEFT - _RIGHT) * 2
"""Half a point: what a good printer resolves of a curve."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: from data to a length, with its ticks."""

    low: float
    high: float
    length: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """How far along the axis a value stands."""
        low, high, value = (math.log10(one) if self.logarithmic else one for one in (self.low, self.high, value))
        return (value - low) / (high - low) * self.length

    def ticks(self) -> list[float]:
        """Round values between the ends."""
        from matplotlib.ticker import LogLocator, MultipleLocator

        if self.logarithmic:
            found = LogLocator(base=10, subs=(1.0,), numticks=6).tick_values(self.low, self.high)
        else:
            found = MultipleLocator(_step((self.high - self.low) / 4)).tick_values(self.low, self.high)
        return [float(tick) for tick in found if self.low <= tick <= self.high]


def value_axis(series: Series, length: float) -> Axis:
    """The upright axis, with some air above and below."""
    if series.is_logarithmic:
        return Axis(series.low / 1.3, series.high * 1.3, length, True)
    air = (series.high - series.low) * 0.06 or abs(series.high) * 0.1 or 1.0
    return Axis(series.low - air, series.high + air, length)


def step_axis(series: Series, length: float) -> Axis:
    """The level axis."""
    low, high = series.first_step, series.last_step
    return Axis(low, high, length) if high > low else Axis(low - 1, high + 1, length)


@dataclass(frozen=True)
class CurvesRow(Whole):
    """One or two panels, each a figure."""

    panels: Sequence[tuple[Series, Element]]

    @property
    def height(self) -> float:
        """That of a panel."""
        return _HEIGHT

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """From left to right."""
        for column, (series, element) in enumerate(self.panels):
            with pen.tagged(element):
                _panel(pen, series, x + column * (PANEL + _GUTTER), top)


def _panel(pen: Pen, series: Series, x: float, top: float) -> None:
    title = one_line(series.name, 60) + (" (log scale)" if series.is_logarithmic else "")
    pen.text(x, top - 9, title, _NAME)
    left, bottom = x + _LEFT, top - _HEIGHT + _BELOW
    wide, high = PANEL - _LEFT - _RIGHT, _HEIGHT - _BELOW - _ABOVE
    pen.box(left, bottom, wide, high, stroke=RULE, thick=0.5)
    if series.strokes:
        across, up = step_axis(series, wide), value_axis(series, high)
        _ticks(pen, across, up, left, bottom)
        _broken(pen, series, across, left, bottom)
        for stroke in series.strokes:
            _stroke(pen, [(left + across.at(step), bottom + up.at(value)) for step, value in stroke])
    else:
        pen.text(left + 6, bottom + high / 2, "no finite value was recorded", _TICK)
    pen.text(left, bottom - 21, f"{series.told} · by step", _TICK)


def _ticks(pen: Pen, across: Axis, up: Axis, left: float, bottom: float) -> None:
    for value in up.ticks():
        y, label = bottom + up.at(value), _number(value)
        pen.rule(left, y, left + across.length, y, RULE, 0.3)
        pen.text(left - 4 - width_of(label, _TICK.face, _TICK.size), y - 2, label, _TICK)
    for value in across.ticks():
        place, label = left + across.at(value), f"{value:,.0f}" if value == int(value) else f"{value:g}"
        pen.rule(place, bottom, place, bottom - 2.5, MUTED, 0.4)
        pen.text(place - width_of(label, _TICK.face, _TICK.size) / 2, bottom - 10, label, _TICK)


def _broken(pen: Pen, series: Series, across: Axis, left: float, bottom: float) -> None:
    """A mark at each step where no finite value was told; as many as can be told apart."""
    for place in sorted({round(across.at(step) * 2) / 2 for step in series.broken}):
        pen.rule(left + place, bottom, left + place, bottom + 5, ALARM, 0.8)


def _stroke(pen: Pen, points: list[tuple[float, float]]) -> None:
    if len(points) == 1:
        (x, y) = points[0]
        pen.box(x - 1.1, y - 1.1, 2.2, 2.2, fill=_LINE, radius=1.1)
        return
    pen.path(_simplified(points), _LINE, 0.9)


def _simplified(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same line with fewer points: none moves by more than a ninth of a point."""
    from matplotlib.path import Path

    path = Path(points)
    path.simplify_threshold = 1 / 9
    simple: Any = path.cleaned(simplify=True)
    kept = [
        (float(x), float(y)) for (x, y), code in zip(simple.vertices, simple.codes, strict=True) if code != Path.STOP
    ]
    return kept if len(kept) > 1 else points


def _step(least: float) -> float:
    """The round number from 1, 2, 5, 10 … times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least)


def _number(value: float) -> str:
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e")
