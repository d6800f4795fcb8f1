"""Open anything that holds rows: files, Arrow, pandas, `datasets`, lists of dicts, and what torch makes of these.

Frameworks are known by the names of their classes and never imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.parts import Part, Source, of_table
from cognify_core.capture.rows_kinds import columns_of, features_of
from cognify_core.capture.source_datasets import dataset_part
from cognify_core.capture.source_files import files_of, format_of, parts_of_files
from cognify_core.capture.source_pandas import table_of_frame
from cognify_core.capture.source_python import part_of_rows, slices_of
from cognify_core.capture.stream_kinds import is_stream
from cognify_core.errors import CaptureError
from cognify_core.turns import let_others_run

__all__ = ["Part", "Source", "fetched", "is_path", "open_source"]

_SLICE = 4096  # list items converted at a time, so that no other thread waits for long


def open_source(data: Any, *, columns: Sequence[str] | None = None) -> Source:
    """Find the rows in `data`.

    Args:
        data: a path, folder or glob (or a list of them) of .jsonl, .json, .csv, .parquet, .arrow; a `datasets.Dataset`;
            a pyarrow Table, RecordBatch, RecordBatchReader or Dataset; a pandas DataFrame; a list of dicts; torch's
            ConcatDataset, Subset or TensorDataset, or a list, of any of these.
        columns: the columns to keep; all where None.

    Raises:
        CaptureError: a type that is not known, a stream, or data that has no canonical form; the reason names it.
    """
    source = _opened(data)
    if columns is not None:
        source = replace(source, parts=tuple(part.projected(columns) for part in source.parts))
    for part in source.parts:
        columns_of(part.schema, source.features)
    return source


def fetched(source: Source) -> Source:
    """The same rows, ready to be sent: where only a few of a part's stored rows are meant, those alone."""
    return replace(source, parts=tuple(part.dense() for part in source.parts))


def is_path(data: object) -> bool:
    """Whether `data` names files rather than holding rows."""
    if isinstance(data, str | os.PathLike):
        return True
    return (
        isinstance(data, list | tuple) and len(data) > 0 and all(isinstance(each, str | os.PathLike) for each in data)
    )


def _opened(data: Any) -> Source:
    if is_path(data):
        return _files(data if isinstance(data, list | tuple) else [data])
    if isinstance(data, list | tuple):
        return _rows(data) if all(isinstance(each, Mapping) for each in data[:1]) else _joined("list", data)
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    if isinstance(data, pa.Table):
        return Source("arrow", (of_table(data),), features_of(data.schema))
    if isinstance(data, pa.RecordBatchReader):
        return Source("arrow", (Part(data.schema, _once(data)),), features_of(data.schema))
    return _framework(data)


def _framework(data: Any) -> Source:
    """What a framework made, told by where its class comes from."""
    for class_ in type(data).__mro__:
        match class_.__module__.partition(".")[0], class_.__name__:
            case "datasets", "Dataset":
                part, features, gaps = dataset_part(data)
                return Source("datasets", (part,), features, gaps)
            case "datasets", "DatasetDict" | "IterableDatasetDict":
                raise CaptureError("several splits: name one of them")
            case "pandas", "DataFrame":
                return Source("pandas", (of_table(table_of_frame(data)),))
            case "pyarrow", "Dataset":
                return Source(
                    "arrow", (Part(data.schema, data.to_batches, data.count_rows()),), features_of(data.schema)
                )
    return _torch(data)


def _torch(data: Any) -> Source:
    """Combinations of torch's own, and no classes derived from them, which may change what is read."""
    module, name = type(data).__module__, type(data).__name__
    match name if module == "torch.utils.data.dataset" else None:
        case "ConcatDataset":
            return _joined("torch", data.datasets)
        case "Subset":
            return _subset(open_source(data.dataset), data.indices)
        case "TensorDataset":
            return Source("torch", (of_table(_tensors(data.tensors)),))
        case _ if is_stream(data):
            raise CaptureError("stream")
        case _:
            raise CaptureError(f"rows of a {module}.{type(data).__qualname__} cannot be read without running its code")


def _files(paths: Iterable[str | os.PathLike[str]]) -> Source:
    files = [file for path in paths for file in files_of(path)]
    parts, features = parts_of_files(files)
    return Source(format_of(files[0]), parts, features)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Source:
    part, features = part_of_rows(lambda: slices_of(rows), len(rows))
    return Source("rows", (part,), features)


def _joined(kind: str, datasets: Iterable[Any]) -> Source:
    sources = [open_source(each) for each in datasets]
    features: dict[str, Json] = {}
    for source in sources:
        for name, feature in source.features.items():
            if features.setdefault(name, feature) != feature:
                raise CaptureError(f"column {name!r} has different features in different parts")
    parts = tuple(part for source in sources for part in source.parts)
    return Source(kind, parts, features, tuple(dict.fromkeys(gap for source in sources for gap in source.gaps)))


def _subset(source: Source, indices: Any) -> Source:
    """Some rows of a source; of several parts only where each can be told its own."""
    if len(source.parts) != 1:
        source = replace(source, parts=(of_table(pa.Table.from_batches(source.batches(), source.schema)),))
    (part,) = source.parts
    if part.rows is None:
        part = of_table(pa.Table.from_batches(part.batches(), part.schema))
    return replace(source, parts=(part.picked(_order(indices, part.rows or 0)),))


def _order(indices: Any, rows: int) -> pa.ChunkedArray:
    """Row numbers, those below zero counted from the end as Python does."""
    chunks = []
    for start in range(0, len(indices), _SLICE):
        let_others_run()
        numbers = np.asarray(indices[start : start + _SLICE], dtype=np.int64)
        chunks.append(pa.array(np.where(numbers < 0, numbers + rows, numbers).astype(np.uint64)))
    return pa.chunked_array(chunks, pa.uint64())


def _tensors(tensors: Sequence[Any]) -> pa.Table:
    """One column per tensor, named by its place: rows of a `TensorDataset` have no names."""
    return pa.table({str(place): _column(tensor) for place, tensor in enumerate(tensors)})


def _column(tensor: Any) -> pa.Array:
    try:
        values = np.ascontiguousarray(tensor.detach().cpu().numpy())
    except (TypeError, RuntimeError) as error:
        raise CaptureError(f"a tensor cannot be read as rows: {error}") from error
    column = pa.array(values.reshape(-1))
    for size in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def _once(reader: pa.RecordBatchReader) -> Any:
    """A reader's batches, the first time; it cannot be read again."""
    readers = [reader]

    def stored() -> Iterator[pa.RecordBatch]:
        if not readers:
            raise CaptureError("a RecordBatchReader can be read only once")
        yield from readers.pop()

    return stored
