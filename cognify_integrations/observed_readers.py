"""Readers, and a writer, that work on files below Python, where its audit hook sees nothing: they note the names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from cognify_integrations.observed import OBSERVED

READERS: dict[str, dict[str, str]] = {
    "pandas.io.parquet": {"read_parquet": "path"},
    "pandas.io.feather_format": {"read_feather": "path"},
    "pandas.io.orc": {"read_orc": "path"},
    "pyarrow.parquet": {
        "read_table": "source",
        "ParquetFile.__init__": "source",
        "ParquetDataset.__init__": "path_or_paths",
    },
    "pyarrow.csv": {"read_csv": "input_file", "open_csv": "input_file"},
    "pyarrow.json": {"read_json": "input_file", "open_json": "input_file"},
    "pyarrow.feather": {"read_table": "source", "read_feather": "source"},
    "pyarrow.orc": {"read_table": "source", "ORCFile.__init__": "source"},
    "pyarrow.dataset": {"dataset": "source"},
    "pyarrow": {"memory_map": "path", "OSFile": "path"},
    "safetensors": {"safe_open": "filename"},
}
"""By module: the functions and methods that are wrapped, and how their argument that names the file is called."""


WRITERS = {"safetensors": {"serialize_file": "filename"}}
"""The same for what writes: a checkpoint that is read again is no data."""


def add(module: ModuleType) -> None:
    """Let the readers and writers of a module, which has just been imported, note what they are given."""
    for name, argument in WRITERS.get(module.__name__, {}).items():
        setattr(module, name, _noting_written(getattr(module, name), argument))
    for name, argument in READERS[module.__name__].items():
        owner, _, method = name.rpartition(".")
        holder = getattr(module, owner, None) if owner else module
        if holder is not None and hasattr(holder, method):
            how = f"{module.__name__}.{owner or method}"
            setattr(holder, method, _noting(getattr(holder, method), argument, how, place=1 if owner else 0))


def _noting(read: Callable[..., Any], argument: str, how: str, place: int) -> Callable[..., Any]:
    """The same reader; `place` is where among its arguments the one that names the file stands."""

    @wraps(read)
    def reading(*args: Any, **kwargs: Any) -> Any:
        OBSERVED.note(args[place] if len(args) > place else kwargs.get(argument), how)
        return read(*args, **kwargs)

    return reading


def _noting_written(write: Callable[..., Any], argument: str) -> Callable[..., Any]:
    """The same writer; the file is its second argument."""

    @wraps(write)
    def writing(*args: Any, **kwargs: Any) -> Any:
        OBSERVED.note_written(args[1] if len(args) > 1 else kwargs.get(argument))
        return write(*args, **kwargs)

    return writing
