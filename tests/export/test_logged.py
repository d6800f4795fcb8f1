"""Metrics as columns."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cognify_core.export.logged import Logged, logged
from cognify_core.model.events import Event, Metrics
from cognify_core.model.numbers import tagged_number
from tests.factories import RUN_ID, TIME, note, opened

VALUES = st.floats() | st.integers(-(10**400), 10**400)
POINTS = st.lists(st.tuples(st.integers(-(2**53) + 1, 2**53 - 1), st.sampled_from(["loss", "lr"]), VALUES), max_size=50)


def logged_of(points: list[tuple[int, str, float]]) -> dict[str, Logged]:
    bodies = [Metrics(points=((step, name, tagged_number(value)),)) for step, name, value in points]
    return logged(Event(RUN_ID, seq, TIME, body) for seq, body in enumerate([opened(), *bodies, note()]))


@given(POINTS)
def test_points_stand_under_their_name_in_the_order_of_telling(
    points: list[tuple[int, str, float]],
) -> None:
    found = logged_of(points)
    assert list(found) == sorted({name for _, name, _ in points})
    for name, metric in found.items():
        told = [(step, _double(value)) for step, other, value in points if other == name]
        assert repr(list(metric)) == repr(told)
        assert len(metric) == len(told)
        assert list(metric.finite) == [value for _, value in told if math.isfinite(value)]


def test_the_ends_are_the_finite_points_of_the_lowest_and_the_highest_step() -> None:
    (metric,) = logged_of([(3, "loss", 0.5), (1, "loss", 2.5), (2, "loss", 9.5), (9, "loss", math.nan)]).values()
    assert metric.ends == ((1, 2.5), (3, 0.5))
    (one,) = logged_of([(1, "loss", 2.5), (2, "loss", math.inf)]).values()
    assert one.ends is None


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
