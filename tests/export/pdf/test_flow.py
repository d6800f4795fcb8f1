"""Where pages end: no heading stands alone at the bottom, no row alone at the top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.export.pdf.flow import Box, Flow, Whole
from cognify_core.export.pdf.pen import Pen

PAGE = 700.0


@dataclass(frozen=True)
class Row(Whole):
    """A box of a height, which is never split."""

    name: str
    high: float = 20.0

    @property
    def height(self) -> float:
        return self.high

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """Never drawn here."""


HEADER = Row("header")


def rows(count: int, high: float = 20.0) -> list[Box]:
    return [Row(f"row {place}", high) for place in range(count)]


def names(flow: Flow) -> list[list[str]]:
    """What stands on each page."""
    flow.close()
    return [[placed.box.name for placed in page if isinstance(placed.box, Row)] for page in flow.pages]


def filled(used: float) -> Flow:
    """A flow of which so much of the first page is used."""
    flow = Flow(PAGE, 0.0)
    flow.add(Row("before", used))
    return flow


def test_a_short_table_stays_on_one_page_with_its_heading() -> None:
    flow = filled(PAGE - 110)
    flow.heading(Row("heading"), 0.0)
    flow.rows(None, rows(6))
    assert names(flow) == [["before"], ["heading", *(f"row {place}" for place in range(6))]]


def test_the_last_row_of_a_long_table_takes_one_more_along() -> None:
    flow = filled(PAGE - 20 * 20)
    flow.rows(HEADER, rows(20))
    first, second = names(flow)
    assert first[-1] == "row 17"
    assert second == ["header", "row 18", "row 19"]


def test_a_long_table_begins_where_its_header_and_one_row_fit() -> None:
    flow = filled(PAGE - 50)
    flow.rows(HEADER, rows(30))
    assert names(flow)[0] == ["before", "header", "row 0"]


def test_a_table_without_rows_leaves_nothing() -> None:
    flow = filled(10)
    flow.rows(HEADER, ())
    assert names(flow) == [["before"]]


@given(st.floats(0, PAGE), st.lists(st.floats(5, 300), max_size=40))
def test_every_row_stands_once_in_its_order_within_the_page(used: float, heights: list[float]) -> None:
    flow = filled(used)
    flow.rows(HEADER, [Row(f"row {place}", high) for place, high in enumerate(heights)])
    pages = names(flow)
    laid = [name for page in pages for name in page if name.startswith("row")]
    assert laid == [f"row {place}" for place in range(len(heights))]
    for page in flow.pages:
        assert all(placed.top - placed.box.height >= -1e-6 for placed in page)
    for named in pages[1:]:
        assert named[0] == "header"
        assert len(named) > 1


@pytest.mark.parametrize("marked", [0, 3, 11, 12, 29])
def test_a_mark_leads_to_the_row_before_which_it_was_set(marked: int) -> None:
    flow = filled(PAGE - 100)

    def coming() -> Iterator[Box]:
        for place, row in enumerate(rows(30)):
            if place == marked:
                flow.mark("here")
            yield row

    flow.rows(HEADER, coming())
    place = flow.places["here"]
    (found,) = [one.box for one in flow.pages[place.page] if one.top == place.top]
    assert isinstance(found, Row)
    assert found.name == f"row {marked}"
