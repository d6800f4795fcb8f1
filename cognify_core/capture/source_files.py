"""Rows in files: JSON lines, JSON, CSV, Parquet and Arrow, one file or many in a row."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.parts import Part
from cognify_core.capture.rows_kinds import features_of
from cognify_core.capture.source_json import json_part
from cognify_core.errors import CaptureError

_CSV_BLOCK = 16 << 20  # bytes; no row may be longer


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """The data files that a path, a folder or a glob pattern names, in the order in which a loader reads them: sorted.

    Raises:
        CaptureError: there is none, or they are not all of one format.
    """
    named = Path(path)
    if named.is_dir():
        return _saved_dataset(named) or _one_format(_in_folder(named), named)
    if named.exists():
        return [named]
    whole = named.absolute()
    matches = Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))
    return _one_format(sorted(match for match in matches if match.is_file()), named)


def parts_of_files(files: Sequence[Path]) -> tuple[tuple[Part, ...], dict[str, Json]]:
    """The rows of files in a row, and the features of their columns. JSON files have one set of types between them.

    Raises:
        CaptureError: a format that is not known, a file that cannot be read, or one that changes while it is.
    """
    if all(file.suffix.lower() in _JSON for file in files):
        with _named(files[0]):
            part, features = json_part(files)
        return (_watched(part, files),), features
    parts = []
    features = {}
    for file in files:
        if (read := _READERS.get(file.suffix.lower())) is None:
            raise CaptureError(f"{file.name}: rows are read from {_KNOWN} files")
        with _named(file):
            part, of_file = read(file)
        parts.append(_watched(part, [file]))
        features = {**of_file, **features}
    return tuple(parts), features


def _watched(part: Part, files: Sequence[Path]) -> Part:
    """The same rows, and an error where a file changes between now and the end of reading."""
    before = [_state(file) for file in files]

    def stored() -> Iterator[pa.RecordBatch]:
        with _named(files[0]):
            yield from part.stored()
        for file, state in zip(files, before, strict=True):
            if _state(file) != state:
                raise CaptureError(f"{file.name} was changed while it was read")

    return replace(part, stored=stored)


def format_of(path: Path) -> str:
    """The name of a file's format."""
    return path.suffix.lower().lstrip(".")


def arrow_table(path: str) -> pa.Table:
    """The table in an Arrow file of either kind, mapped into memory."""
    mapping = pa.memory_map(path)
    try:
        return pa.ipc.open_file(mapping).read_all()
    except pa.ArrowInvalid:
        mapping.seek(0)
        return pa.ipc.open_stream(mapping).read_all()


def _csv_part(path: Path) -> tuple[Part, dict[str, Json]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if not names:
        raise CaptureError(f"{path.name} is empty: not even a header")
    if twice := [name for name in names if names.count(name) > 1]:
        raise CaptureError(f"{path.name}: two columns are named {twice[0]!r}")
    schema = pa.schema([(name, pa.string()) for name in names])

    def stored() -> Iterator[pa.RecordBatch]:
        from pyarrow import csv as pa_csv

        reader = pa_csv.open_csv(
            path,
            pa_csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK),
            pa_csv.ParseOptions(newlines_in_values=True),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False),
        )
        for batch in reader:
            yield pa.RecordBatch.from_arrays([column.view(pa.string()) for column in batch.columns], schema=schema)

    return Part(schema, stored), {}


def _parquet_part(path: Path) -> tuple[Part, dict[str, Json]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows

    def stored() -> Iterator[pa.RecordBatch]:
        with parquet.ParquetFile(path, memory_map=True) as file:
            yield from file.iter_batches(batch_size=8192, use_threads=False)

    return Part(schema, stored, rows), features_of(schema)


def _arrow_part(path: Path) -> tuple[Part, dict[str, Json]]:
    table = arrow_table(str(path))

    def stored() -> Iterator[pa.RecordBatch]:
        yield from table.to_reader()

    return Part(table.schema, stored, table.num_rows, table=lambda: table), features_of(table.schema)


_JSON = (".jsonl", ".json")
_READERS: dict[str, Callable[[Path], tuple[Part, dict[str, Json]]]] = {
    ".jsonl": lambda path: json_part([path]),
    ".json": lambda path: json_part([path]),
    ".csv": _csv_part,
    ".parquet": _parquet_part,
    ".arrow": _arrow_part,
}
_KNOWN = ", ".join(_READERS)


def _in_folder(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix.lower() in _READERS and path.is_file()]
    return sorted(path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))


def _saved_dataset(folder: Path) -> list[Path]:
    """The files of a dataset that `save_to_disk` wrote, as its `state.json` lists them; none where it is not one."""
    if (folder / "dataset_dict.json").is_file():
        raise CaptureError(f"{folder.name} holds several splits: name one of its folders")
    try:
        state = json.loads((folder / "state.json").read_bytes())
        return [folder / each["filename"] for each in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _one_format(files: list[Path], named: Path) -> list[Path]:
    formats = sorted({path.suffix.lower() for path in files})
    if not formats:
        raise CaptureError(f"{named.name}: there is no such file, nor a folder that holds {_KNOWN} files")
    if len(formats) > 1:
        raise CaptureError(f"{named.name} holds files of several formats ({', '.join(formats)}): name those you mean")
    return files


def _state(path: Path) -> tuple[int, int, int]:
    with _named(path):
        found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in whatever goes wrong with it."""
    try:
        yield
    except OSError as error:
        raise CaptureError(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        raise CaptureError(f"{path.name} cannot be read: {error}") from error
