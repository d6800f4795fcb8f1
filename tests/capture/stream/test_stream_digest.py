from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cognify_core.capture.rows import rows_outcome
from cognify_core.capture.stream_digest import HELD_ROWS, MOST_HELD_ROWS, StreamDigester
from cognify_core.capture.stream_rows import row_of
from cognify_core.errors import CaptureError

_TEXTS = st.none() | st.text("aä\u2028😀", max_size=6)
_CHATS = st.lists(st.fixed_dictionaries({"role": _TEXTS, "content": _TEXTS}), max_size=3)
_ROWS = st.fixed_dictionaries(
    {"text": _TEXTS, "label": st.none() | st.integers(-(1 << 70), 1 << 70), "score": st.none() | st.floats()},
    optional={"tokens": st.lists(st.integers(0, 9), max_size=4), "chat": _CHATS},
)


def digest_of(rows: list[Any], cuts: list[int]) -> bytes | None:
    digester = StreamDigester()
    start = 0
    for cut in cuts:
        digester.take_rows([row_of(row) for row in rows[start : start + cut]])
        start += cut
    digester.take_rows([row_of(row) for row in rows[start:]])
    digester.commit()
    return digester.outcome().manifest


@settings(deadline=None)
@given(st.lists(_ROWS, max_size=40), st.lists(st.integers(1, 9), max_size=9))
def test_however_rows_come_their_digest_is_that_of_all_of_them(rows: list[Any], cuts: list[int]) -> None:
    assert digest_of(rows, cuts) == rows_outcome(rows).manifest


@settings(deadline=None, max_examples=20)
@given(st.integers(HELD_ROWS, HELD_ROWS + 300), st.integers(1, 300), st.integers(0, 2))
def test_long_streams_have_the_digest_of_all_their_rows(count: int, cut: int, nulls: int) -> None:
    rows = [{"n": None if i < HELD_ROWS * nulls else i, "t": [str(i)] * (i % 3), "k": [i, -i]} for i in range(count)]
    assert digest_of(rows, [cut] * (count // cut)) == rows_outcome(rows).manifest


def test_lists_that_begin_empty_are_waited_for() -> None:
    rows: list[dict[str, Any]] = [{"tokens": []}] * (MOST_HELD_ROWS - 300) + [{"tokens": [1]}] * 400
    assert digest_of(rows, [100] * (len(rows) // 100)) == rows_outcome(rows).manifest


@pytest.mark.parametrize(
    ("late", "reason"),
    [
        ({"x": 1.5}, r"column 'x' is int64 in the rows before and double here \(row 300\)"),
        ({"x": 1, "y": 2}, r"column 'y' is missing in the rows before and int64 here \(row 300\)"),
        ({"x": "text"}, r"column 'x' holds both string and int64 \(row 300\)"),
        ({"x": object()}, r"column 'x' holds values of type object, which have no canonical form \(row 300\)"),
        ({"x": 1, 2: 1}, r"named 2, which is not text \(row 300\)"),
    ],
)
def test_a_row_that_would_change_those_before_it_is_named(late: dict[Any, Any], reason: str) -> None:
    rows = [{"x": 1} for _ in range(300)]
    with pytest.raises(CaptureError, match=reason):
        digest_of([*rows, late, *rows], [50] * 12)


def test_a_field_that_appears_late_is_named_as_well() -> None:
    rows: list[dict[str, Any]] = [{"m": [{"role": "user"}]}] * 300
    with pytest.raises(CaptureError, match="column 'm' is a list of an object of role in the rows before"):
        digest_of([*rows, {"m": [{"role": "user", "tool": "x"}]}], [300])


def test_widths_of_lists_are_part_of_the_content() -> None:
    with pytest.raises(CaptureError, match="list of int64 in the rows before and a list of integers beyond 64 bits"):
        digest_of([{"x": [1]}] * 300 + [{"x": [1 << 63]}], [300])


def test_what_first_was_null_may_become_anything() -> None:
    rows: list[dict[str, Any]] = [{"a": None, "b": None, "c": {"d": None}}] * 300
    rows += [{"a": "text", "b": [1, 2], "c": {"d": 1.5}}] * 300
    assert digest_of(rows, [100] * 6) == rows_outcome(rows).manifest


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_arrow_has_the_same_digest_in_batches_of_any_size(size: int) -> None:
    table = pa.table({"text": [f"row {i}" for i in range(500)], "n": range(500), "v": [[i, i] for i in range(500)]})
    digester = StreamDigester()
    for batch in table.to_batches(max_chunksize=size):
        digester.take_batch(batch)
    assert digester.outcome().manifest == rows_outcome(table).manifest


def test_a_batch_of_another_kind_is_named() -> None:
    digester = StreamDigester()
    digester.take_batch(pa.record_batch({"x": [1, 2]}))
    with pytest.raises(CaptureError, match=r"column 'x' is .int. in one part and .text. in another \(row 2\)"):
        digester.take_batch(pa.record_batch({"x": ["a"]}))


def test_a_column_that_a_batch_lacks_is_null_there() -> None:
    schema = pa.schema([("x", pa.int64()), ("y", pa.string())])
    digester = StreamDigester(schema)
    digester.take_batch(pa.record_batch({"x": [1]}))
    digester.take_batch(pa.record_batch({"x": [2], "y": ["a"]}))
    assert digester.outcome().manifest == rows_outcome(pa.table({"x": [1, 2], "y": [None, "a"]}, schema)).manifest


def test_no_rows_have_the_digest_of_no_rows() -> None:
    assert digest_of([], []) == rows_outcome([]).manifest


def test_what_changes_after_it_was_delivered_is_digested_as_it_was() -> None:
    row: dict[str, Any] = {"a": [1, 2], "b": {"c": [3]}, "d": np.array([4, 5]), "e": np.ones((2, 2))}
    kept = row_of(row)
    row["a"].append(3)
    row["b"]["c"].clear()
    row["d"][0] = 9
    row["e"][:] = 7
    del row["a"]
    assert kept["a"] == [1, 2]
    assert kept["b"] == {"c": [3]}
    assert kept["d"].tolist() == [4, 5]
    assert [each.tolist() for each in kept["e"]] == [[1, 1], [1, 1]]


def test_rows_without_names_have_columns_by_their_place() -> None:
    assert row_of(("a", 1)) == {"0": "a", "1": 1}
    assert row_of("a") == {"0": "a"}
    assert row_of(np.int64(3)) == {"0": 3}
