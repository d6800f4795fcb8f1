"""Metrics as they were logged: a million points in two columns of doubles, not in a million pairs."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from cognify_core.model.events import Event, Metrics
from cognify_core.model.numbers import as_double


@dataclass(frozen=True, slots=True)
class Logged:
    """The points of one metric, in the order in which they were told; never none."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return zip(self.steps, self.values, strict=True)

    @property
    def finite(self) -> array[float]:
        """The values that are numbers, and finite."""
        if all(map(math.isfinite, self.values)):
            return self.values
        return array("d", filter(math.isfinite, self.values))

    @property
    def ends(self) -> tuple[tuple[int, float], tuple[int, float]] | None:
        """The finite points of the lowest and the highest step; none where fewer than two are finite."""
        points = [point for point in self if math.isfinite(point[1])]
        return (min(points), max(points)) if len(points) > 1 else None


def logged(events: Iterable[Event]) -> dict[str, Logged]:
    """The points of each metric of a record, by name."""
    found: dict[str, Logged] = {}
    for event in events:
        if isinstance(event.body, Metrics):
            for step, name, value in event.body.points:
                if (metric := found.get(name)) is None:
                    metric = found[name] = Logged()
                metric.steps.append(step)
                metric.values.append(value if type(value) is float else as_double(value))
    return dict(sorted(found.items(), key=itemgetter(0)))
