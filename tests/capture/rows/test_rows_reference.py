"""The fast digest is the slow one, byte for byte, whatever the types and however Arrow lays them out."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cognify_core.capture import rows_batches
from cognify_core.capture.rows import RowsDigester, rows_outcome
from cognify_core.capture.rows_encode import items_of, rows_of
from cognify_core.capture.rows_kinds import columns_of
from tests.capture.rows import reference
from tests.capture.rows.tables import LAYOUTS, VALUES, nested, relaid, tables

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _rows(table: pa.Table) -> list[bytes]:
    columns = columns_of(table.schema, {})
    return [row[1:] for batch in table.to_batches() for row in rows_of(batch, columns).to_pylist()]


@calm
@given(tables())
def test_any_table_has_the_reference_rows_and_digest(table: pa.Table) -> None:
    assert _rows(table) == reference.rows_cbor(table)
    assert rows_outcome(table).hash == reference.digest_of(table, columns_of(table.schema, {}))


@pytest.mark.parametrize("place", range(len(VALUES)), ids=[str(type_) for type_, _ in VALUES])
@settings(calm, max_examples=8)
@given(data=st.data())
def test_every_type_has_the_reference_rows_by_itself_and_in_every_nesting(place: int, data: st.DataObject) -> None:
    for type_, values in [VALUES[place], *nested(VALUES[place])]:
        array = pa.array(data.draw(st.lists(st.none() | values, max_size=6)), type_)
        for part in (array, array[1:], array[:-1]):
            table = pa.table({"c": part})
            assert _rows(table) == reference.rows_cbor(table), type_


@calm
@given(tables(), st.sampled_from(LAYOUTS), st.integers(0, 3))
def test_layouts_slices_and_chunks_leave_no_trace(table: pa.Table, layout: str, skip: int) -> None:
    table = table.slice(min(skip, table.num_rows))
    again = pa.table(
        [
            pa.chunked_array([relaid(chunk, layout) for chunk in c.chunks] or [c.combine_chunks()])
            for c in table.columns
        ],
        names=table.column_names,
    )
    assert rows_outcome(again).hash == rows_outcome(table).hash
    assert rows_outcome(again.select(again.column_names[::-1])).hash == rows_outcome(table).hash


@given(st.lists(st.integers(1, 700), max_size=8), st.integers(1, 3))
def test_the_digest_does_not_depend_on_how_batches_are_cut(sizes: list[int], row_bytes: int) -> None:
    table = pa.table({"n": pa.array(range(sum(sizes))), "t": ["x" * row_bytes] * sum(sizes)})
    digester = RowsDigester(table.schema)
    at = 0
    for size in sizes:
        for batch in table.slice(at, size).to_batches():
            digester.update(batch)
        at += size
    assert digester.outcome() == rows_outcome(table)


@pytest.mark.parametrize("rows", [1, 2, 4095, 4096, 4097, 8192, 12_289])
def test_trees_of_many_blocks_have_the_reference_root(rows: int) -> None:
    table = pa.table({"n": pa.array(range(rows))})
    assert rows_outcome(table).hash == reference.digest_of(table, {"n": "int"})


def test_uneven_rows_are_cut_into_batches_of_a_few_megabytes() -> None:
    text = ["x"] * 5000 + ["y" * (9 << 20)] + ["z" * 1000] * 9000
    batch = pa.record_batch({"t": text})
    pieces = list(rows_batches.cut(batch))
    assert sum(piece.num_rows for piece in pieces) == batch.num_rows
    assert all(piece.nbytes <= 20 << 20 or piece.num_rows == 1 for piece in pieces)
    assert _rows(pa.Table.from_batches(pieces))[5000] == reference.rows_cbor(pa.table({"t": text[5000:5001]}))[0]


def test_lists_longer_than_the_table_of_heads_are_encoded_too() -> None:
    numbers = pa.array([[7] * 70_000, None, []], pa.list_(pa.int16()))
    table = pa.table({"l": numbers, "s": [["b"] * 66_000, None, []], "t": ["a" * 70_000, None, ""]})
    assert _rows(table) == reference.rows_cbor(table)


def test_text_that_is_not_utf8_is_a_byte_string() -> None:
    array = pa.array([b"ok", b"\xff\xfe", None, "é".encode()]).view(pa.string())
    assert items_of(array, "text").to_pylist() == [b"\x62ok", b"\x42\xff\xfe", b"\xf6", b"\x62\xc3\xa9"]


def test_a_dictionary_within_a_list_leaves_no_trace() -> None:
    plain = pa.ListArray.from_arrays([0, 2, 2, 4], pa.array([5, 6, 5, 6], pa.int32()))
    coded = pa.ListArray.from_arrays([0, 2, 2, 4], pa.array([5, 6, 5, 6], pa.int32()).dictionary_encode())
    assert rows_outcome(pa.table({"l": coded})).hash == rows_outcome(pa.table({"l": plain})).hash


def test_hidden_content_under_a_null_list_is_not_hashed() -> None:
    values = pa.array([1, 2, 3, 4, 5, 6])
    hidden = pa.ListArray.from_arrays(pa.array([0, 2, 4, 6], pa.int32()), values, mask=pa.array([False, True, False]))
    seen = pa.array([[1, 2], None, [5, 6]])
    assert rows_outcome(pa.table({"l": hidden})).hash == rows_outcome(pa.table({"l": seen})).hash
    words = pa.ListArray.from_arrays(hidden.offsets, pa.array(list("abcdef")), mask=pa.array([False, True, False]))
    assert (
        rows_outcome(pa.table({"l": words})).hash == rows_outcome(pa.table({"l": [["a", "b"], None, ["e", "f"]]})).hash
    )
