"""Name the rows in which two datasets differ, or in which one differs from the index that was kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.parts import Source
from cognify_core.capture.row_align import hashes_of, unequal_blocks
from cognify_core.capture.row_index import RowIndex, raised, read_index
from cognify_core.capture.rows import RowsDigester
from cognify_core.capture.rows_batches import cut
from cognify_core.capture.rows_encode import items_of
from cognify_core.capture.rows_kinds import Kind, columns_of
from cognify_core.capture.sources import open_source
from cognify_core.merkle import HASH_SIZE


@dataclass(frozen=True, slots=True)
class RowChange:
    """Rows that were changed, added or removed; rows count from 0. One of the ranges is empty unless changed.

    For changed rows the ranges are equally long, and `columns` names every column that differs in each of them.
    """

    kind: Literal["changed", "added", "removed"]
    old: range
    new: range
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = self.old if self.kind == "removed" else self.new
        which = f"row {rows.start}" if len(rows) == 1 else f"rows {rows.start}–{rows.stop - 1}"
        where = f" in {', '.join(self.columns)}" if self.columns else ""
        was = f" (was {self.old.start})" if self.kind == "changed" and self.old.start != self.new.start else ""
        return f"{which} {self.kind}{where}{was}"


def diff_rows(old: Any, new: Any) -> list[RowChange]:
    """The differences between two datasets, each anything that `open_source` opens, in row order.

    Raises:
        CaptureError: one of them cannot be read, or not twice.
    """
    sources = open_source(old), open_source(new)
    changes = _changes(*(leaves_of(source) for source in sources))
    pairs = [change for change in changes if change.kind == "changed"]
    columns = _differing_columns(sources, pairs)
    named = (_by_columns(change, columns) if change.kind == "changed" else [change] for change in changes)
    return list(chain.from_iterable(named))


def diff_columns(old: Any, new: Any) -> dict[str, tuple[Json, Json]]:
    """The columns whose kinds differ, as (old, new); None where there is no such column.

    This is how renamed classes show: the rows of a ClassLabel are the same whatever its classes are called.
    """
    before, after = (columns_of(source.schema, source.features) for source in (open_source(old), open_source(new)))
    names = dict.fromkeys([*before, *after])
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def locate_changes(index: Path, data: Any, *, root: str | None = None) -> list[RowChange]:
    """Where a live dataset differs from the index that was kept of it.

    Above height 0 an index knows ranges of rows only, and so do the changes. Columns are not known.

    Args:
        index: the index file.
        data: the rows, anything that `open_source` opens.
        root: the root (hex) in the rows manifest, which the index has to lead to.

    Raises:
        VerificationError: the index does not lead to its root.
        FormatError: the file is no index.
        CaptureError: the rows cannot be read.
        OSError: the index cannot be read.
    """
    kept = read_index(index, root)
    hashes = leaves_of(open_source(data))
    rows = len(hashes) // HASH_SIZE
    for _ in range(kept.height):
        hashes = raised(hashes)
    live = RowIndex(kept.height, rows, hashes)
    found = _changes(kept.hashes, live.hashes)
    return [replace(each, old=kept.rows_under(each.old), new=live.rows_under(each.new)) for each in found]


def leaves_of(source: Source) -> bytes:
    """The leaf hashes of all rows, 32 bytes each, in logical order."""
    leaves: list[bytes] = []
    digester = RowsDigester(source.schema, source.features, sink=lambda levels: leaves.append(levels[0]))
    for part in source.parts:
        digester.append(part)
    digester.outcome()
    return b"".join(leaves)


def _changes(old: bytes, new: bytes) -> list[RowChange]:
    changes = []
    for old_rows, new_rows in unequal_blocks(hashes_of(old), hashes_of(new)):
        kind: Literal["changed", "added", "removed"] = "changed"
        if not old_rows or not new_rows:
            kind = "added" if new_rows else "removed"
        changes.append(RowChange(kind, old_rows, new_rows))
    return changes


def _by_columns(change: RowChange, fields: Iterator[tuple[str, ...]]) -> Iterator[RowChange]:
    """A run of changed rows, cut where the columns that differ are others."""
    at = 0
    for columns, run in groupby(next(fields) for _ in change.old):
        size = sum(1 for _ in run)
        yield replace(change, old=change.old[at : at + size], new=change.new[at : at + size], columns=columns)
        at += size


def _differing_columns(sources: Sequence[Source], changes: Sequence[RowChange]) -> Iterator[tuple[str, ...]]:
    """For each changed row in turn, the columns that differ."""
    before, after = (
        _values(source, [getattr(change, side) for change in changes])
        for source, side in zip(sources, ("old", "new"), strict=True)
    )
    names = list(dict.fromkeys([*before, *after]))
    for row in range(sum(len(change.old) for change in changes)):
        yield tuple(n for n in names if n not in before or n not in after or before[n][row] != after[n][row])


def _values(source: Source, ranges: Sequence[range]) -> dict[str, list[bytes]]:
    """The hash of every value of the rows in `ranges`, by column."""
    columns = columns_of(source.schema, source.features)
    values: dict[str, list[bytes]] = {name: [] for name in columns}
    for batch in _rows_in(source.batches(), ranges):
        for name, kind in columns_of(batch.schema, source.features).items():
            values[name] += _hashes(batch.column(name), kind)
    return values


def _hashes(array: pa.Array, kind: Kind) -> list[bytes]:
    return [sha256(item).digest()[:16] for item in items_of(array, kind).to_pylist()]


def _rows_in(batches: Iterable[pa.RecordBatch], ranges: Sequence[range]) -> Iterator[pa.RecordBatch]:
    """Those rows of a sequence of batches that rising ranges name."""
    starts = np.array([each.start for each in ranges])
    stops = np.array([each.stop for each in ranges])
    at = 0
    for whole in batches:
        for batch in cut(whole):
            rows = np.arange(at, at + batch.num_rows)
            place = np.searchsorted(starts, rows, side="right") - 1
            inside = (place >= 0) & (rows < stops[place])
            at += batch.num_rows
            if inside.any():
                yield batch.filter(pa.array(inside))
