from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest

from cognify_core.canonical import parse
from cognify_core.capture.rows import RowsDigester, merged, rows_outcome
from cognify_core.capture.rows_kinds import columns_of, features_of
from cognify_core.errors import CaptureError
from tests.capture.rows import reference


def _columns(data: Any) -> Any:
    manifest = rows_outcome(data).manifest
    assert manifest is not None
    return parse(manifest)["columns"]


def test_kinds_are_spelled_as_the_format_has_them() -> None:
    fields: dict[str, pa.DataType] = {
        "null": pa.null(),
        "bool": pa.bool_(),
        "int": pa.uint16(),
        "float": pa.float16(),
        "text": pa.string_view(),
        "bytes": pa.binary(4),
        "decimal": pa.decimal128(9, 2),
        "interval": pa.month_day_nano_interval(),
        "date[day]": pa.date32(),
        "date[ms]": pa.date64(),
        "time[us]": pa.time64("us"),
        "duration[ns]": pa.duration("ns"),
        "timestamp[s]": pa.timestamp("s"),
        "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    }
    kinds = columns_of(pa.schema(list(fields.items())), {})
    assert kinds == {name: name for name in fields}


def test_kinds_forget_dictionaries_runs_and_extension_types() -> None:
    schema = pa.schema(
        {
            "d": pa.dictionary(pa.int8(), pa.string()),
            "r": pa.run_end_encoded(pa.int16(), pa.float64()),
            "u": pa.uuid(),
            "b": pa.bool8(),
            "t": pa.fixed_shape_tensor(pa.float32(), [2]),
            "m": pa.map_(pa.string(), pa.list_view(pa.int8())),
            "s": pa.struct([("x", pa.int8())]),
        }
    )
    assert columns_of(schema, {}) == {
        "d": "text",
        "r": "float",
        "u": "bytes",
        "b": "int",
        "t": {"list": "float"},
        "m": {"map": ["text", {"list": "int"}]},
        "s": {"struct": {"x": "int"}},
    }


def test_extension_types_are_hashed_by_their_storage() -> None:
    storage = pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))
    tensors = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), [2]), storage)
    assert rows_outcome(pa.table({"t": tensors})).hash == rows_outcome(pa.table({"t": storage})).hash
    sliced = pa.table({"t": tensors[1:]})
    assert rows_outcome(sliced).hash == rows_outcome(pa.table({"t": storage[1:]})).hash


def test_a_union_has_no_canonical_form() -> None:
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    with pytest.raises(CaptureError, match="column 'u' is of type sparse_union"):
        rows_outcome(pa.table({"u": union}))


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(CaptureError, match="two columns are named 'a'"):
        rows_outcome(table)


def test_two_fields_of_one_name_are_refused() -> None:
    struct = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["f", "f"])
    with pytest.raises(CaptureError, match="two fields are named 'f'"):
        rows_outcome(pa.table({"s": struct}))


def test_swapped_label_names_change_the_digest_though_no_row_does() -> None:
    def labelled(*names: str) -> datasets.Dataset:
        features = datasets.Features({"y": datasets.ClassLabel(names=list(names)), "z": datasets.Value("int8")})
        return datasets.Dataset.from_dict({"y": [0, 1, None], "z": [1, 2, 3]}, features=features)

    assert _columns(labelled("no", "yes")) == {"y": {"class": ["no", "yes"]}, "z": "int"}
    assert rows_outcome(labelled("no", "yes")).hash != rows_outcome(labelled("yes", "no")).hash


def test_label_names_are_found_in_the_metadata_of_parquet_and_arrow_files(tmp_path: Path) -> None:
    features = datasets.Features({"y": datasets.List(datasets.ClassLabel(names=["no", "yes"]))})
    dataset = datasets.Dataset.from_dict({"y": [[0, 1], []]}, features=features)
    dataset.to_parquet(tmp_path / "y.parquet")
    dataset.save_to_disk(tmp_path / "saved")
    expected = rows_outcome(dataset)
    assert _columns(dataset) == {"y": {"list": {"class": ["no", "yes"]}}}
    assert rows_outcome(tmp_path / "y.parquet").hash == expected.hash
    assert rows_outcome(tmp_path / "saved").hash == expected.hash


def test_features_of_a_schema_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(CaptureError, match="`huggingface` metadata"):
        features_of(pa.schema([], metadata={"huggingface": "{"}))
    assert features_of(pa.schema([], metadata={"huggingface": json.dumps({"info": {"features": {"a": 1}}})})) == {
        "a": 1
    }


MEDIA = datasets.Features({"image": datasets.Image(decode=False), "clips": datasets.List(datasets.Audio(decode=False))})


def _media_table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in MEDIA}, schema=MEDIA.arrow_schema)


def test_media_are_hashed_by_bytes_and_base_name_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    clip = {"bytes": b"wav", "path": None}
    inside = _media_table([{"image": {"bytes": b"png", "path": "elsewhere/a.png"}, "clips": [clip]}, _EMPTY])
    beside = _media_table([{"image": {"bytes": None, "path": str(tmp_path / "a.png")}, "clips": [clip]}, _EMPTY])
    columns = {"image": {"media": "Image"}, "clips": {"list": {"media": "Audio"}}}
    assert _columns(inside) == columns
    assert rows_outcome(inside).hash == rows_outcome(beside).hash
    features = {"image": {"_type": "Image"}, "clips": {"_type": "List", "feature": {"_type": "Audio"}}}
    assert rows_outcome(inside).hash == reference.digest_of(inside, columns, features)


_EMPTY: dict[str, Any] = {"image": None, "clips": None}


def test_media_that_cannot_be_read_are_named() -> None:
    with pytest.raises(CaptureError, match=r"'gone\.png' cannot be read: No such file"):
        rows_outcome(_media_table([{"image": {"bytes": None, "path": "/nowhere/gone.png"}, "clips": []}]))
    with pytest.raises(CaptureError, match="neither bytes nor a path"):
        rows_outcome(_media_table([{"image": {"bytes": None, "path": None}, "clips": []}]))


def test_a_column_that_is_null_throughout_one_part_is_what_it_is_in_the_other() -> None:
    nulls, texts = pa.table({"a": pa.nulls(2), "b": [1, 2]}), pa.table({"b": pa.array([3], pa.int8()), "a": ["x"]})
    whole = pa.table({"a": [None, None, "x"], "b": [1, 2, 3]})
    digester = RowsDigester(nulls.schema)
    for table in (nulls, texts):
        for batch in table.to_batches():
            digester.update(batch)
    assert digester.outcome().hash == rows_outcome(whole).hash


def test_parts_of_different_columns_or_kinds_are_refused() -> None:
    with pytest.raises(CaptureError, match="column 'b' is in some parts"):
        merged({"a": "int"}, {"a": "int", "b": "int"})
    with pytest.raises(CaptureError, match='column \'a\' is "int" in one part and "text" in another'):
        merged({"a": "int"}, {"a": "text"})
    assert merged({"s": {"struct": {"x": "null"}}}, {"s": {"struct": {"x": "int"}}}) == {"s": {"struct": {"x": "int"}}}


def test_a_table_without_columns_has_rows_all_the_same() -> None:
    batch = pa.record_batch({"a": [1, 2]}).select([])
    digester = RowsDigester(batch.schema)
    digester.update(batch)
    assert digester.outcome().facts == {"rows": batch.num_rows}
