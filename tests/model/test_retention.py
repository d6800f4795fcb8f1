from __future__ import annotations

from calendar import isleap
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cognify_core.model.retention import Hold, longest, months_after, years_after

DAYS = st.dates(date(1990, 1, 1), date(2200, 1, 1))


@given(DAYS, st.integers(1, 20))
def test_years_later_is_never_too_early(day: date, years: int) -> None:
    later = years_after(day, years)
    assert later.year == day.year + years
    moved = (day.month, day.day) == (2, 29) and not isleap(later.year)
    assert (later.month, later.day) == ((3, 1) if moved else (day.month, day.day))


@given(DAYS, st.integers(1, 30))
def test_months_later_is_never_too_early(day: date, months: int) -> None:
    later = months_after(day, months)
    passed = (later.year - day.year) * 12 + later.month - day.month
    assert (passed, later.day) == (months, day.day) or (passed, later.day) == (months + 1, 1)


def test_six_months_after_the_end_of_august_is_the_first_of_march() -> None:
    assert months_after(date(2025, 8, 31), 6) == date(2026, 3, 1)
    assert months_after(date(2025, 6, 30), 6) == date(2025, 12, 30)
    assert months_after(date(2025, 12, 31), 2) == date(2026, 3, 1)


def test_ten_years_after_a_leap_day_is_the_first_of_march() -> None:
    assert years_after(date(2024, 2, 29), 10) == date(2034, 3, 1)


def test_an_open_hold_outlasts_every_day() -> None:
    dated = Hold(date(2999, 1, 1), "long")
    held = Hold(None, "not on the market yet")
    assert longest([dated, held]) is held
    assert str(held) == "open hold: not on the market yet"
    assert str(dated) == "until 2999-01-01: long"
