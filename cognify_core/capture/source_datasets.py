"""Rows of Hugging Face `datasets`: as stored, in logical order, read through Arrow and never through `__getitem__`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.parts import Mapped, Part, of_table

_STEPS = ("slice", "select", "drop", "rename_columns")


def dataset_part(dataset: Any) -> tuple[Part, dict[str, Json], tuple[str, ...]]:
    """The logical rows of a `datasets.Dataset`, the features of its columns, and what is not covered."""
    wrapped = dataset.data
    part = of_table(wrapped.table, mapped=_mapped(wrapped))
    indices = getattr(dataset, "_indices", None)
    if indices is not None:
        part = replace(part, order=indices.table.column(0).cast(pa.uint64()))
    features = dataset.features.to_dict() if dataset.features is not None else {}
    return part, features, _gaps(dataset)


def _gaps(dataset: Any) -> tuple[str, ...]:
    format_ = dataset.format
    if format_["type"] == "custom":
        return ("rows as stored: a set_transform that changes them as they are read is not covered",)
    if format_["type"] is not None or set(format_["columns"]) != set(dataset.column_names):
        return (f"rows as stored: set_format({format_['type']!r}) is not applied",)
    return ()


def _mapped(wrapped: Any) -> tuple[Mapped, ...]:
    """The Arrow files that the whole table is mapped from; none where any part of it lies in memory only."""
    found = []
    for row in getattr(wrapped, "blocks", None) or [[wrapped]]:
        if len(row) != 1 or type(row[0]).__name__ != "MemoryMappedTable":
            return ()
        steps = [replay for replay in row[0].replays if replay[0] != "replace_schema_metadata"]
        if any(name not in _STEPS or keywords for name, _, keywords in steps):
            return ()
        found.append((str(Path(row[0].path).absolute()), tuple((name, *arguments) for name, arguments, _ in steps)))
    inodes = _mapped_inodes()
    if any(path not in inodes or _inode(path) != inodes[path] for path, _ in found):
        return ()
    return tuple(Mapped(path, inodes[path], steps) for path, steps in found)


def _mapped_inodes() -> dict[str, int]:
    """The files that this process has mapped: a name may lead to another file by now."""
    try:
        maps = Path("/proc/self/maps").read_text(errors="surrogateescape")
    except OSError:
        return {}
    return {path: int(inode) for inode, path in re.findall(r" (\d+) +(/.*\.arrow)$", maps, re.MULTILINE)}


def _inode(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except OSError:
        return None
