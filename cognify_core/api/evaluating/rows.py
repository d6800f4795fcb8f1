"""The rows of an evaluation: labels, groups, and the batches that `predict` gets, of anything that holds rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cognify_core.errors import CaptureError, ConfigurationError


@dataclass(frozen=True, slots=True)
class EvalRows:
    """Rows by number and by column. Made by `rows_of`."""

    count: int
    columns: tuple[str, ...]
    column: Callable[[str], list[Any]]
    """All values of one column."""
    batch: Callable[[int, int, Sequence[str]], Any]
    """Rows from one number to another, of these columns, as `predict` gets them."""
    digested: Any
    """What the digest is of."""

    def values(self, name: str, what: str) -> list[Any]:
        """All values of a column.

        Raises:
            ConfigurationError: there is no such column; the message lists those there are.
        """
        self.check(name, what)
        return self.column(name)

    def check(self, name: str, what: str) -> None:
        """Check that there is such a column.

        Raises:
            ConfigurationError: there is none; the message lists those there are.
        """
        if name not in self.columns:
            known = ", ".join(map(repr, self.columns)) or "none"
            raise ConfigurationError(f"there is no column {name!r} to be {what}; columns are {known}")


def rows_of(data: Any) -> EvalRows:
    """Open the rows of a `datasets.Dataset`, a DataFrame, a list of dicts, an Arrow table, a path or an array.

    Raises:
        ConfigurationError: it is none of these, or cannot be read.
    """
    kinds = {(each.__module__.partition(".")[0], each.__name__) for each in type(data).__mro__}
    if ("datasets", "Dataset") in kinds:
        return _of_dataset(data)
    if ("pandas", "DataFrame") in kinds:
        return _of_frame(data)
    if isinstance(data, list | tuple) and all(isinstance(row, Mapping) for row in data):
        return _of_dicts(data, data)
    if ("numpy", "ndarray") in kinds or hasattr(data, "detach"):
        return _of_array(data)
    return _of_source(data)


def _of_dataset(dataset: Any) -> EvalRows:
    """As Python values, media decoded, whatever `set_format` says; a class is its number."""
    plain = dataset.with_format(None)

    def batch(start: int, end: int, wanted: Sequence[str]) -> list[dict[str, Any]]:
        found = plain[start:end]
        return [dict(zip(wanted, row, strict=True)) for row in zip(*(found[name] for name in wanted), strict=True)]

    return EvalRows(len(plain), tuple(plain.column_names), lambda name: list(plain[name]), batch, dataset)


def _of_frame(frame: Any) -> EvalRows:
    columns = tuple(frame.columns)
    if strange := [name for name in columns if not isinstance(name, str) or columns.count(name) > 1]:
        raise ConfigurationError(f"columns are named by text, each once: {strange[0]!r}")

    def batch(start: int, end: int, wanted: Sequence[str]) -> Any:
        return frame.iloc[start:end][list(wanted)]

    return EvalRows(len(frame), columns, lambda name: _without_missing(frame[name]), batch, frame)


def _without_missing(series: Any) -> list[Any]:
    """The values of a column; what pandas calls missing is None."""
    return [None if gone else value for value, gone in zip(series.tolist(), series.isna().tolist(), strict=True)]


def _of_dicts(rows: Sequence[Mapping[str, Any]], digested: Any) -> EvalRows:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))

    def batch(start: int, end: int, wanted: Sequence[str]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in wanted if name in row} for row in rows[start:end]]

    return EvalRows(len(rows), columns, lambda name: [row.get(name) for row in rows], batch, digested)


def _of_array(array: Any) -> EvalRows:
    """Rows of an array have no columns; the labels come beside it."""
    import numpy as np

    values = array.detach().cpu().numpy() if hasattr(array, "detach") else array
    if values.ndim == 0:
        raise ConfigurationError("an array of rows has one dimension at least")

    def column(_: str) -> list[Any]:
        raise ConfigurationError("an array has no columns")

    return EvalRows(len(values), (), column, lambda start, end, _: array[start:end], np.ascontiguousarray(values))


def _of_source(data: Any) -> EvalRows:
    """Whatever else records can hash: paths, Arrow."""
    try:
        from cognify_core.capture.sources import open_source
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"reading rows needs pyarrow and numpy; {error.name} is not installed") from error
    try:
        rows = [row for batch in open_source(data).batches() for row in batch.to_pylist()]
    except (CaptureError, OSError) as error:
        raise ConfigurationError(f"the rows to evaluate on cannot be read: {error}") from error
    return _of_dicts(rows, Path(data).absolute() if isinstance(data, str | Path) else data)


def table_with_labels(rows: EvalRows, labels: Sequence[Any] | None) -> Any:
    """What is to be hashed: the rows, and the labels as a column where they came beside an array."""
    import numpy as np

    if not isinstance(rows.digested, np.ndarray):
        return rows.digested
    import pyarrow as pa

    column = pa.array(rows.digested.reshape(-1))
    for size in reversed(rows.digested.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    named = {"0": column}
    return pa.table(named if labels is None else {**named, "label": pa.array(list(labels))})
