"""Changes of datasets that other tools' digests miss: ours changes, and the rows are named.

Each was tried (`docs/formats.md` and the facts behind it): MLflow hashes the first 10,000 rows of a dataset and none of
its lists and structs, pandas' first rows only; the fingerprint of `datasets` does not look at the file any more.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cognify_core.capture.row_diff import RowChange, diff_rows, locate_changes
from cognify_core.capture.row_index import IndexBuilder
from cognify_core.capture.rows import rows_outcome

SIZE = 50_000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Text, numbers and labels."""
    numbers = np.arange(SIZE)
    return pa.table({"text": [f"note {i}" for i in range(SIZE)], "label": numbers % 5, "score": numbers / 7})


@pytest.fixture(scope="module")
def chat() -> pa.Table:
    """Conversations of two turns."""
    return _chat([f"answer {i}" for i in range(SIZE)])


def _chat(answers: list[str]) -> pa.Table:
    rows = ([{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}] for answer in answers)
    return pa.table({"messages": list(rows)})


def _with(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values, table[column].type))


def _dataset(table: pa.Table) -> datasets.Dataset:
    return datasets.Dataset(table)


def _assert_named(old: Any, new: Any, *expected: RowChange) -> None:
    assert rows_outcome(old).hash != rows_outcome(new).hash
    assert diff_rows(old, new) == list(expected)


def test_a_row_after_the_first_ten_thousand_is_changed(table: pa.Table) -> None:
    changed = _with(table, "text", 10_000, "changed")
    expected = RowChange("changed", range(10_000, 10_001), range(10_000, 10_001), ("text",))
    _assert_named(_dataset(table), _dataset(changed), expected)


def test_forty_thousand_of_fifty_thousand_rows_are_deleted(table: pa.Table) -> None:
    expected = RowChange("removed", range(10_000, SIZE), range(10_000, 10_000))
    _assert_named(_dataset(table), _dataset(table).select(range(10_000)), expected)


def test_many_rows_are_appended(table: pa.Table) -> None:
    longer = pa.concat_tables([table] * 4)
    _assert_named(table, longer, RowChange("added", range(SIZE, SIZE), range(SIZE, 4 * SIZE)))


def test_every_answer_of_a_chat_dataset_is_replaced(chat: pa.Table) -> None:
    replaced = _chat([f"another answer {i}" for i in range(SIZE)])
    _assert_named(chat, replaced, RowChange("changed", range(SIZE), range(SIZE), ("messages",)))


def test_one_word_of_one_answer_is_replaced(chat: pa.Table) -> None:
    answers = [f"answer {i}" for i in range(SIZE)]
    answers[31_337] = "answer 31338"
    expected = RowChange("changed", range(31_337, 31_338), range(31_337, 31_338), ("messages",))
    _assert_named(chat, _chat(answers), expected)


def test_another_chat_dataset_of_the_same_length_is_put_in_its_place(chat: pa.Table) -> None:
    other = pa.table({"messages": [[{"role": "user", "content": f"q {i}"}] for i in range(SIZE)]})
    _assert_named(chat, other, RowChange("changed", range(SIZE), range(SIZE), ("messages",)))


def test_every_token_id_is_changed() -> None:
    ids = np.arange(SIZE * 8, dtype=np.int32).reshape(SIZE, 8)
    old, new = (pa.table({"input_ids": list(each), "attention_mask": [[1] * 8] * SIZE}) for each in (ids, ids + 1))
    _assert_named(old, new, RowChange("changed", range(SIZE), range(SIZE), ("input_ids",)))


def test_a_late_row_of_a_data_frame_is_changed(table: pa.Table) -> None:
    frame = table.to_pandas()
    changed = frame.copy()
    changed.loc[20_000, "label"] = 99
    assert isinstance(changed, pd.DataFrame)
    _assert_named(frame, changed, RowChange("changed", range(20_000, 20_001), range(20_000, 20_001), ("label",)))


def test_a_late_element_of_an_array_is_changed() -> None:
    old = np.zeros((SIZE, 20), dtype=np.float32)
    new = old.copy()
    new[25_000, 3] = 1
    expected = RowChange("changed", range(25_000, 25_001), range(25_000, 25_001), ("x",))
    _assert_named(pa.table({"x": list(old)}), pa.table({"x": list(new)}), expected)


def test_a_row_is_edited_inside_the_arrow_file_of_a_loaded_dataset(table: pa.Table, tmp_path: Path) -> None:
    datasets.disable_progress_bars()
    _dataset(table).save_to_disk(tmp_path / "saved")
    dataset = datasets.load_from_disk(tmp_path / "saved")
    before = rows_outcome(dataset)
    builder = IndexBuilder()
    rows_outcome(dataset, sink=builder.add)
    builder.index().write(tmp_path / "index")
    (file,) = (tmp_path / "saved").glob("*.arrow")
    times = file.stat()
    data = file.read_bytes()
    with file.open("r+b") as edited:
        edited.seek(data.index(b"note 41999"))
        edited.write(b"nOte")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = datasets.load_from_disk(tmp_path / "saved")
    assert again._fingerprint == dataset._fingerprint
    assert rows_outcome(again).hash != before.hash
    expected = RowChange("changed", range(41_999, 42_000), range(41_999, 42_000))
    assert locate_changes(tmp_path / "index", again) == [expected]
    _assert_named(table, again, RowChange("changed", expected.old, expected.new, ("text",)))


def test_other_shards_chunks_encodings_and_times_change_nothing(table: pa.Table, tmp_path: Path) -> None:
    datasets.disable_progress_bars()
    digest = rows_outcome(table).hash
    for shards in (1, 2):
        _dataset(table).save_to_disk(tmp_path / f"in {shards}", num_shards=shards)
        assert rows_outcome(tmp_path / f"in {shards}").hash == digest
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=777, compression="zstd")
    os.utime(tmp_path / "a.parquet", (1, 1))
    assert rows_outcome(tmp_path / "a.parquet").hash == digest
    coded = table.set_column(0, "text", table["text"].combine_chunks().dictionary_encode())
    assert rows_outcome(coded.select(["score", "text", "label"])).hash == digest
    assert rows_outcome(pa.Table.from_batches(table.to_batches(max_chunksize=999))).hash == digest
    narrow = table.set_column(1, "label", table["label"].cast(pa.int8()))
    assert rows_outcome(narrow).hash == digest
