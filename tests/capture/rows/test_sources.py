from __future__ import annotations

import csv
import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from cognify_core.canonical import parse
from cognify_core.capture.parts import Source, of_table
from cognify_core.capture.rows import rows_outcome, source_outcome
from cognify_core.capture.rows_encode import rows_of
from cognify_core.capture.rows_kinds import columns_of
from cognify_core.capture.sources import open_source
from cognify_core.errors import CaptureError

ROWS: list[dict[str, Any]] = [
    {
        "text": f"row {i}",
        "label": i % 3,
        "score": i / 4,
        "chat": [{"role": "user", "content": f"hi {i}"}],
        "ids": [i, 1],
    }
    for i in range(500)
]
DIGEST = rows_outcome(ROWS).hash


@pytest.fixture(autouse=True)
def _no_progress_bars() -> None:
    datasets.disable_progress_bars()


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _columns(data: Any) -> Any:
    manifest = rows_outcome(data).manifest
    assert manifest is not None
    return parse(manifest)["columns"]


def _saved(rows: list[dict[str, Any]], path: Path) -> datasets.Dataset:
    datasets.Dataset.from_list(rows).save_to_disk(path, num_shards=3)
    return datasets.load_from_disk(path)


FORMS: dict[str, Callable[[Path], Any]] = {
    "a list of dicts": lambda _: ROWS,
    "a table": lambda _: pa.Table.from_pylist(ROWS),
    "a batch": lambda _: pa.RecordBatch.from_pylist(ROWS),
    "a reader": lambda _: pa.Table.from_pylist(ROWS).to_reader(),
    "an Arrow dataset": lambda _: pa_dataset.dataset(pa.Table.from_pylist(ROWS)),
    "pandas": lambda _: pd.DataFrame(ROWS, index=range(7, 507)),
    "datasets": lambda _: datasets.Dataset.from_list(ROWS),
    "datasets from disk": lambda folder: _saved(ROWS, folder / "saved"),
    "a saved dataset's folder": lambda folder: _saved(ROWS, folder / "saved") and folder / "saved",
    "JSON lines": lambda folder: _jsonl(folder / "a.jsonl", ROWS),
    "JSON lines in text": lambda folder: str(_jsonl(folder / "a.json", ROWS)),
    "shards by name": lambda folder: [_jsonl(folder / "b.jsonl", ROWS[:9]), _jsonl(folder / "a.jsonl", ROWS[9:])],
    "shards by pattern": lambda folder: (
        _jsonl(folder / "s-00.jsonl", ROWS[:99]),
        _jsonl(folder / "s-01.jsonl", ROWS[99:]),
        str(folder / "s-*.jsonl"),
    )[-1],
    "parts": lambda _: [pa.Table.from_pylist(ROWS[:3]), datasets.Dataset.from_list(ROWS[3:])],
    "torch's concatenation": lambda _: ConcatDataset(
        [datasets.Dataset.from_list(ROWS[:200]), datasets.Dataset.from_list(ROWS[200:])]
    ),
    "torch's subset": lambda _: Subset(datasets.Dataset.from_list(ROWS[::-1]), [*range(499, 0, -1), -500]),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_have_one_digest_in_every_form(form: str, tmp_path: Path) -> None:
    assert rows_outcome(FORMS[form](tmp_path)).hash == DIGEST


def test_parquet_and_json_arrays_have_that_digest_too(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet", row_group_size=77, use_dictionary=True)
    (tmp_path / "a.json").write_text(json.dumps(ROWS, indent=1))
    assert rows_outcome(tmp_path / "a.parquet").hash == rows_outcome(tmp_path / "a.json").hash == DIGEST


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("on_disk", [False, True])
def test_a_shuffled_dataset_is_its_logical_rows(few: bool, on_disk: bool, tmp_path: Path) -> None:
    dataset = _saved(ROWS, tmp_path / "s") if on_disk else datasets.Dataset.from_list(ROWS)
    dataset = dataset.shuffle(seed=7).select([3, 1, 4, 1, 5]) if few else dataset.shuffle(seed=7)
    assert rows_outcome(dataset).hash == rows_outcome(list(dataset)).hash != DIGEST


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    chosen = [{"ids": row["ids"], "text": row["text"]} for row in ROWS]
    shuffled = _saved(ROWS, tmp_path / "s").shuffle(seed=1)
    in_order = [{"ids": row["ids"], "text": row["text"]} for row in shuffled]
    for data in (ROWS, _jsonl(tmp_path / "a.jsonl", ROWS), shuffled):
        expected = in_order if data is shuffled else chosen
        assert rows_outcome(data, columns=["text", "ids"]).hash == rows_outcome(expected).hash
    with pytest.raises(CaptureError, match="no column 'nope' among text, label"):
        open_source(ROWS, columns=["nope"])


def test_a_dataset_is_read_as_stored_and_what_that_misses_is_said() -> None:
    dataset = datasets.Dataset.from_list(ROWS)
    changed = rows_outcome(dataset.with_transform(lambda batch: {name: [] for name in batch}))
    assert changed.hash == DIGEST
    assert changed.gaps == ("rows as stored: a set_transform that changes them as they are read is not covered",)
    assert rows_outcome(dataset.with_format("torch")).gaps == ("rows as stored: set_format('torch') is not applied",)


@pytest.mark.parametrize("type_", [pa.string(), pa.string_view()])
@pytest.mark.parametrize("order", [[5, 1, 1], [*range(40, 0, -1), 3]])
def test_rows_are_put_into_order_whatever_arrow_can_take(type_: pa.DataType, order: list[int]) -> None:
    part = of_table(pa.table({"t": pa.array([str(i) for i in range(100)], type_)}))
    picked = Source("arrow", (part.picked(pa.chunked_array([order], pa.uint64())),))
    expected = rows_outcome([{"t": str(i)} for i in order])
    assert source_outcome(picked).hash == expected.hash
    assert rows_outcome(pa.Table.from_batches(picked.batches())).hash == expected.hash


def test_counts_are_known_before_reading_where_they_can_be(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").record_count == 500
    assert open_source(datasets.Dataset.from_list(ROWS).select([1, 2])).record_count == 2
    assert open_source(_jsonl(tmp_path / "a.jsonl", ROWS)).record_count is None
    assert open_source(tmp_path / "a.jsonl").kind == "jsonl"


class Derived(Subset[Any]):
    """A class that may do anything."""


REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (5, r"rows of a builtins\.int cannot be read without running its code"),
    "a stream": (datasets.Dataset.from_list(ROWS).to_iterable_dataset(), "^stream$"),
    "splits": (datasets.DatasetDict(train=datasets.Dataset.from_list(ROWS)), "several splits"),
    "a derived class": (Derived(datasets.Dataset.from_list(ROWS), [1]), "Derived cannot be read"),
    "a torch dataset": (Dataset[int](), r"Dataset cannot be read"),
    "mixed values": ([{"a": 1}, {"a": "x"}], "column 'a' holds both int64 and string"),
    "mixed truth": ([{"a": 1}, {"a": True}], "column 'a' holds both int64 and bool"),
    "mixed in a list": ([{"a": [1, "x"]}], "column 'a' holds both int64 and string"),
    "an object": ([{"a": object()}], "column 'a' holds values of type object"),
    "a key that is no text": ([{1: 2}], "named 1, which is not text"),
    "something among dicts": ([{"a": 1}, 5], "row 1 is a int, not a dict"),
    "a lone surrogate": ([{"a": "\ud800"}], "column 'a' holds a value that is no string"),
    "an integer that no float is": ([{"a": 2**60 + 1}, {"a": 0.5}], "column 'a' holds a value that is no double"),
    "pandas with numbered columns": (pd.DataFrame([[1]]), "named 0, which is not text"),
    "pandas with twins": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named 'a'"),
    "pandas with objects": (pd.DataFrame({"a": [object()]}), "column 'a' of the DataFrame has no Arrow type"),
    "a subset beyond the end": (Subset(datasets.Dataset.from_list(ROWS), [500]), "row 500 is asked for"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_named(what: str) -> None:
    data, message = REFUSED[what]
    with pytest.raises(CaptureError, match=message):
        rows_outcome(data)


BAD_LINES = {
    '{"a": 1, "a": 2}': "the key 'a' stands twice",
    '{"a": NaN}': "NaN is no JSON number",
    '{"a": -Infinity}': "-Infinity is no JSON number",
    '{"a": 1e999}': "does not fit a double",
    "[1]": r"a row is a JSON object, not \[1\]",
    '{"a": ': "Expecting value",
    "{" * 100_000: "not acceptable JSON",
    '{"a":' * 100_000: "recursion",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=[line[:12] for line in BAD_LINES])
def test_a_line_that_is_no_row_is_named_with_its_file_and_number(line: str, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(f'{{"a": 0}}\n\n{line}\n')
    with pytest.raises(CaptureError, match=rf"bad\.jsonl, line 3: .*{BAD_LINES[line]}"):
        rows_outcome(tmp_path / "bad.jsonl")


def test_json_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(CaptureError, match=r"bad\.jsonl, line 1: .*utf-8"):
        rows_outcome(tmp_path / "bad.jsonl")


def test_json_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '\ufeff{"when": "2025-01-01T00:00:00Z", "big": 5, "x": 1, "s": {"p": 1}}\n'
        '{"big": 36893488147419103232, "x": 0.5}\n'
    )
    assert _columns(tmp_path / "a.jsonl") == {"when": "text", "big": "int", "x": "float", "s": {"struct": {"p": "int"}}}
    same = [
        {"when": "2025-01-01T00:00:00Z", "big": 5, "x": 1.0, "s": {"p": 1}},
        {"when": None, "big": 2**65, "x": 0.5, "s": None},
    ]
    assert rows_outcome(tmp_path / "a.jsonl").hash == rows_outcome(same).hash


def test_integers_beyond_64_bits_are_bignums_wherever_they_stand() -> None:
    rows = [{"a": 2**64, "l": [1, -(2**64) - 1], "s": {"b": 2**200}}, {"a": -1, "l": [], "s": None}]
    source = open_source(rows)
    (batch,) = source.batches()
    first, second = rows_of(batch, columns_of(source.schema, source.features)).to_pylist()
    assert first.hex() == "00a36161c2490100000000000000006" + "16c8201c3490100000000000000006" + (
        "173a16162c2581a01" + "00" * 25
    )
    assert second.hex() == "00a3616120616c806173f6"


def test_columns_may_appear_late_and_types_may_widen(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a": i} for i in range(5000)] + [{"a": 0.5, "b": "late"}]
    assert _columns(_jsonl(tmp_path / "a.jsonl", rows)) == {"a": "float", "b": "text"}
    assert _columns(rows) == {"a": "float", "b": "text"}


def test_csv_is_text_and_nothing_else(tmp_path: Path) -> None:
    rows = [{"a": "1", "b": "x\ny"}, {"a": "", "b": "NA"}, {"a": "2025-01-01", "b": "é"}]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["a", "b"])
        writer.writeheader()
        writer.writerows(rows)
    assert rows_outcome(tmp_path / "a.csv").hash == rows_outcome(rows).hash


def test_csv_that_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twins.csv").write_text("a,a\n1,2\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2,3\n")
    (tmp_path / "empty.csv").write_text("")
    for name, message in {"twins": "'a'", "ragged": "Expected 2 columns, got 3", "empty": "not even a header"}.items():
        with pytest.raises(CaptureError, match=rf"{name}\.csv.*{message}"):
            rows_outcome(tmp_path / f"{name}.csv")


def test_empty_data_are_legal(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "a.csv").write_text("a,b\n")
    empty: list[Any] = [[], tmp_path / "a.jsonl", tmp_path / "a.csv", pa.table({"a": pa.array([], pa.int8())})]
    for data in empty:
        assert rows_outcome(data).facts == {"rows": 0}
    assert rows_outcome(datasets.Dataset.from_list(ROWS).select([])).facts == {"rows": 0}


def test_folders_name_one_format_or_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no such file"):
        open_source(tmp_path)
    _jsonl(tmp_path / "b.jsonl", ROWS[5:])
    (tmp_path / "a").mkdir()
    _jsonl(tmp_path / "a" / "x.jsonl", ROWS[:5])
    (tmp_path / ".cache").mkdir()
    _jsonl(tmp_path / ".cache" / "x.jsonl", ROWS[:5])
    assert rows_outcome(tmp_path).hash == DIGEST
    (tmp_path / "a.csv").write_text("a\n")
    with pytest.raises(CaptureError, match=r"several formats \(\.csv, \.jsonl\)"):
        open_source(tmp_path)
    (tmp_path / "dataset_dict.json").write_text("{}")
    with pytest.raises(CaptureError, match="several splits"):
        open_source(tmp_path)


def test_unknown_broken_and_unreadable_files_are_named(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.arrow", "a.xyz"):
        (tmp_path / name).write_bytes(b"nonsense")
        with pytest.raises(CaptureError, match=name):
            rows_outcome(tmp_path / name)
    with pytest.raises(CaptureError, match=r"gone\.csv: there is no such file"):
        rows_outcome(tmp_path / "gone.csv")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", ROWS)
    source = open_source(path)
    _jsonl(path, ROWS[:-1])
    with pytest.raises(CaptureError, match=r"a\.jsonl was changed while it was read"):
        list(source.batches())
    path = _jsonl(tmp_path / "b.jsonl", ROWS)
    source = open_source(path)
    path.unlink()
    with pytest.raises(CaptureError, match=r"b\.jsonl cannot be read: No such file"):
        list(source.batches())


def test_touching_a_file_changes_nothing(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", ROWS)
    os.utime(path, (1, 1))
    assert rows_outcome(path).hash == DIGEST


def test_a_reader_is_read_once() -> None:
    source = open_source(pa.Table.from_pylist(ROWS).to_reader())
    assert sum(batch.num_rows for batch in source.batches()) == 500
    with pytest.raises(CaptureError, match="only once"):
        list(source.batches())


def test_values_that_are_not_jsons_own_have_kinds_too() -> None:
    rows = [
        {
            "t": datetime.datetime(2025, 1, 1),
            "d": datetime.date(2025, 1, 1),
            "n": np.int8(3),
            "v": np.arange(2, dtype="i4"),
        },
        {"t": None, "d": None, "n": np.uint8(200), "v": torch.tensor([1, 2], dtype=torch.int32)},
    ]
    assert _columns(rows) == {"t": "timestamp[us]", "d": "date[day]", "n": "int", "v": {"list": "int"}}


def test_tensors_are_columns_named_by_their_place() -> None:
    data: Any = TensorDataset(torch.arange(4, dtype=torch.int16).reshape(2, 2), torch.tensor([0.5, 1.5]))
    table = pa.table({"0": pa.array([[0, 1], [2, 3]], pa.list_(pa.int16())), "1": [0.5, 1.5]})
    assert rows_outcome(data).hash == rows_outcome(table).hash
    with pytest.raises(CaptureError, match="a tensor cannot be read as rows"):
        rows_outcome(TensorDataset(torch.zeros(2, dtype=torch.bfloat16)))


def test_a_subset_of_a_concatenation_is_its_rows() -> None:
    both: Any = ConcatDataset([datasets.Dataset.from_list(ROWS[:9]), datasets.Dataset.from_list(ROWS[9:])])
    assert rows_outcome(Subset(both, [8, 9, 3])).hash == rows_outcome([ROWS[8], ROWS[9], ROWS[3]]).hash


def test_pandas_columns_of_objects_are_converted_piece_by_piece() -> None:
    frame = pd.DataFrame({"l": [[i] for i in range(4500)], "s": pd.Series(["x", None] * 2250, dtype=object)})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    assert rows_outcome(frame).hash == rows_outcome(table).hash
