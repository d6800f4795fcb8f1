"""Where rows come from: parts in the order in which they are read, each of which can be read again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cognify_core.canonical import Json
from cognify_core.capture.rows_batches import rows_at_once, size_of
from cognify_core.errors import CaptureError

SPARSE = 16  # where fewer than one stored row in so many is wanted, they are fetched one by one
_WINDOW = 1 << 15  # rows fetched at a time
_LARGE_CHUNK = 2 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Mapped:
    """Rows that lie in an Arrow file which another process can map for itself.

    `steps` are what was done to the file's table since: `[name, *arguments]`, of `slice`, `select`, `drop` and
    `rename_columns`. `inode` tells the file from another that has taken its place.
    """

    path: str
    inode: int
    steps: tuple[tuple[Json, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Stored rows, and which of them are meant.

    Hashing goes through the stored rows in their own order and puts the hashes into order afterwards: so a shuffled
    dataset is read as fast as any other.
    """

    schema: pa.Schema
    stored: Callable[[], Iterator[pa.RecordBatch]]
    """Yields the stored rows."""
    stored_rows: int | None = None
    order: Any | None = None
    """The stored rows that are the logical ones, as a `uint64` ChunkedArray; all of them, as they are, where None."""
    table: Callable[[], pa.Table] | None = None
    """The stored rows as one table, where they can be fetched one by one."""
    mapped: tuple[Mapped, ...] = ()

    @property
    def rows(self) -> int | None:
        """The number of logical rows, where it is known before reading."""
        return self.stored_rows if self.order is None else len(self.order)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The logical rows, in order."""
        if self.order is None:
            yield from self.stored()
            return
        table = pa.Table.from_batches(self.stored(), self.schema) if self.table is None else self.table()
        if not fetchable(self.schema):
            for row in self.order.to_pylist():
                yield from table.slice(row, 1).to_batches()
            return
        for start in range(0, len(self.order), _WINDOW):
            yield from table.take(self.order.slice(start, _WINDOW)).to_batches()

    def dense(self) -> Part:
        """The same rows, but fetched beforehand where only a few of the stored ones are meant."""
        if self.order is None or self.table is None or not fetchable(self.schema):
            return self
        if len(self.order) * SPARSE > self.table().num_rows:
            return self
        return Part(self.schema, self.batches, len(self.order))

    def picked(self, order: pa.ChunkedArray) -> Part:
        """Those of the logical rows that `order` names, in that order.

        Raises:
            CaptureError: it names a row that is not there.
        """
        if len(order) and (self.rows is None or pc.max(order).as_py() >= self.rows):
            raise CaptureError(f"row {pc.max(order).as_py()} is asked for, and there are {self.rows}")
        return replace(self, order=order if self.order is None else pc.take(self.order, order))

    def projected(self, columns: Sequence[str]) -> Part:
        """The same rows with these columns only."""
        names = list(columns)
        if missing := [name for name in names if name not in self.schema.names]:
            raise CaptureError(f"there is no column {missing[0]!r} among {', '.join(self.schema.names)}")
        schema = pa.schema([self.schema.field(name) for name in names], self.schema.metadata)
        table = None if self.table is None else (lambda whole=self.table: whole().select(names))
        mapped = tuple(replace(each, steps=(*each.steps, ("select", names))) for each in self.mapped)
        stored = self.stored
        return replace(
            self, schema=schema, stored=lambda: (b.select(names) for b in stored()), table=table, mapped=mapped
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset as rows."""

    kind: str
    """What it was opened as: `jsonl`, `parquet`, `datasets`, `pandas` …"""
    parts: tuple[Part, ...]
    features: dict[str, Json] = field(default_factory=dict)
    """What `datasets` knows of the columns."""
    gaps: tuple[str, ...] = ()
    """What hashing these rows does not cover, each a phrase for people."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of the first part; those of the others may differ in order and in widths."""
        return self.parts[0].schema

    @property
    def record_count(self) -> int | None:
        """The number of rows, where it is known before reading."""
        counts = [part.rows for part in self.parts]
        return None if None in counts else sum(count for count in counts if count is not None)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All logical rows, in order.

        Raises:
            CaptureError: something cannot be read.
        """
        for part in self.parts:
            yield from part.batches()


def fetchable(schema: pa.Schema) -> bool:
    """Whether Arrow can take single rows out of such a table; of the `*_view` types it cannot yet."""
    try:
        schema.empty_table().take(pa.array([], pa.int64()))
    except pa.ArrowNotImplementedError:
        return False
    return True


def of_table(table: pa.Table, *, mapped: tuple[Mapped, ...] = ()) -> Part:
    """The rows of a table, small chunks joined: a batch costs the same few moments of Python, however small it is."""

    def stored() -> Iterator[pa.RecordBatch]:
        chunks = max((column.num_chunks for column in table.columns), default=0)
        size = size_of(table)
        if size >= chunks * _LARGE_CHUNK:
            yield from table.to_reader()
            return
        step = rows_at_once(table.num_rows, size)
        for start in range(0, table.num_rows, step):
            yield from table.slice(start, step).combine_chunks().to_batches()

    return Part(table.schema, stored, table.num_rows, table=lambda: table, mapped=mapped)
