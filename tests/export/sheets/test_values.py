from __future__ import annotations

import io
import math
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognify_core.errors import UnsupportedExportError
from cognify_core.export.sheets.sheet import MOST_ROWS, Book, Column, Sheet
from cognify_core.export.sheets.values import LONGEST, cell_text, cell_value
from cognify_core.export.sheets.workbook import workbook_bytes
from tests.export.sheets.workbooks import opened, parts, rows


def written(*values: object) -> bytes:
    sheet = Sheet.of("a", "", [Column(str(place)) for place in range(len(values))], [values])  # type: ignore[list-item]
    return workbook_bytes(Book((sheet,), "a", "2026-01-31T00:00:00Z"))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "＠a", "#REF!", "=cmd|' /C calc'!A0"]
)
def test_what_looks_like_a_formula_is_marked_as_text_and_not_altered(text: str) -> None:
    data = written(text)
    cell = opened(data)["a"]["A2"]
    assert cell.data_type == "s"
    assert cell.value == text.replace("\r", r"\r")
    assert bool(cell.quotePrefix) == (text[0] not in "#\r")
    assert not any(b"<f" in part for name, part in parts(data) if "worksheets" in name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1bc\x07", r"a\x00b\x1bc\x07"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("carriage\r\nreturn", "carriage\\r\nreturn"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("_x0041_ and _x_", r"\x5fx0041_ and _x_"),
        ("\ufffe\uffff", r"\ufffe\uffff"),
        ("🙈🏽‍🙉 中 שלום", "🙈🏽‍🙉 中 שלום"),
    ],
)
def test_what_a_cell_would_lose_or_turn_round_is_written_as_an_escape(text: str, shown: str) -> None:
    assert cell_text(text) == shown
    assert rows(written(text), "a")[1] == [shown]


@pytest.mark.parametrize("letter", ["x", "é", "🙉", "\x00"])
def test_a_text_that_no_cell_holds_is_cut_with_the_digest_of_the_whole(letter: str) -> None:
    shown = cell_text(letter * 40_000)
    assert len(shown.encode("utf-16-le")) // 2 <= LONGEST
    assert "cut here: 40,000 characters in all, SHA-256" in shown
    assert rows(written(letter * 40_000), "a")[1] == [shown]


def test_numbers_that_a_cell_would_change_are_text() -> None:
    assert cell_value(2**53 - 1) == 2**53 - 1
    assert cell_value(2**53) == "9007199254740992"
    assert cell_value(math.nan) == "nan"
    assert cell_value(-math.inf) == "-inf"
    assert cell_value(10**5000) == hex(10**5000)
    assert (cell_value(True), cell_value(0.1), cell_value(""), cell_value(None)) == (True, 0.1, None, None)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()), min_size=1, max_size=4))
def test_what_is_written_is_what_is_read_back(values: list[object]) -> None:
    held = [cell_value(value) for value in values]  # type: ignore[arg-type]
    assert rows(written(*values, "end"), "a")[1] == [*held, "end"]


def test_a_sheet_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(UnsupportedExportError, match=r"a sheet holds 1,048,575 rows, and 'a' would have 1,048,576"):
        Sheet.of("a", "", [Column("b")], [(1,)] * (MOST_ROWS + 1))


def test_every_part_is_stored_under_a_fixed_date() -> None:
    with zipfile.ZipFile(io.BytesIO(written("a"))) as archive:
        entries = archive.infolist()
    assert entries[0].filename == "[Content_Types].xml"
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
