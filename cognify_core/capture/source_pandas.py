"""Rows of a pandas DataFrame, as `pyarrow.Table.from_pandas(preserve_index=False)` has them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from cognify_core.errors import CaptureError
from cognify_core.turns import let_others_run

_SLICE = 2_000  # values converted at a time: columns of Python objects are converted under the interpreter's lock


def table_of_frame(frame: Any) -> pa.Table:
    """The frame as a table, without its index.

    Raises:
        CaptureError: a column's name is not text, or its values have no Arrow type.
    """
    if strange := [name for name in frame.columns if not isinstance(name, str)]:
        raise CaptureError(f"a column is named {strange[0]!r}, which is not text")
    if twice := [name for name in frame.columns if list(frame.columns).count(name) > 1]:
        raise CaptureError(f"two columns are named {twice[0]!r}")
    return pa.table({name: _column(frame[name], name) for name in frame.columns})


def _column(series: Any, name: str) -> Any:
    try:
        if series.dtype != object:
            return pa.array(series, from_pandas=True)
        chunks = []
        for start in range(0, len(series), _SLICE):
            let_others_run()
            chunks.append(pa.array(series.iloc[start : start + _SLICE], from_pandas=True))
        types = {chunk.type for chunk in chunks} - {pa.null()}
        if len(types) > 1:
            return pa.array(series, from_pandas=True)
        type_ = next(iter(types), pa.null())
        return pa.chunked_array([chunk.cast(type_) for chunk in chunks], type_)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise CaptureError(f"column {name!r} of the DataFrame has no Arrow type: {error}") from error
