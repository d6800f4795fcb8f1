"""The digest of rows that come one by one and do not come again: the same as if all of them had been there at once.

What a row's bytes are depends on all rows of its column: one float among integers makes all of them floats. So the
first rows are held back until their types have been seen, and where a later row would have changed the bytes of rows
that are hashed already, there is no digest, and the reason names the column and the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cognify_core.canonical import Json, encode
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.rows import FORMAT, merged
from cognify_core.capture.rows_encode import rows_of
from cognify_core.capture.rows_hash import leaf_hashes
from cognify_core.capture.rows_kinds import Kind, columns_of
from cognify_core.capture.source_python import Row, Shape, batch_of, feature_of, fields_of, type_of
from cognify_core.errors import CaptureError
from cognify_core.merkle import HASH_SIZE, Frontier

HELD_ROWS = 256
"""Rows that are looked at before the first is hashed."""
MOST_HELD_ROWS = 4096
"""The same, where all lists of a column were empty so far: what they are lists of decides about their bytes."""

_ONCE = "a stream cannot be read again"
_PLAIN = frozenset({str, int, float, bool, type(None), list, dict})
_INTEGERS = (pa.int64(), pa.uint64(), "integer")


class StreamDigester:
    """Hashes the rows of one pass over a stream, which are all Python values or all Arrow batches.

    Args:
        schema: the columns that Arrow batches are known to have; one that a batch lacks is null there.
        features: what `datasets` knows of the columns of Arrow batches.
    """

    def __init__(self, schema: pa.Schema | None = None, features: Mapping[str, Json] | None = None) -> None:
        self._schema, self._features = schema, dict(features or {})
        self._columns: dict[str, Kind] = {}
        self._shape: dict[str, Shape] = {}
        self._shape_schema = pa.schema([])
        self._held: list[Row] = []
        self._frontier = Frontier()

    @property
    def rows(self) -> int:
        """Rows that `outcome` covers; those that are held back come to it by `commit`."""
        return self._frontier.size

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Append rows that are Python values.

        Raises:
            CaptureError: they have no canonical form, or the rows before them were hashed as something else.
        """
        if (batch := self._as_before(rows)) is not None:
            self._hash(batch)
            return
        self._widen(rows)
        self._held += rows
        limit = MOST_HELD_ROWS if any(map(_is_undecided, self._shape.values())) else HELD_ROWS
        if self.rows or len(self._held) >= limit:
            self.commit()

    def take_batch(self, batch: pa.RecordBatch) -> None:
        """Append rows that are Arrow's.

        Raises:
            CaptureError: as `take_rows`.
        """
        batch = self._completed(batch)
        columns = columns_of(batch.schema, self._features)
        try:
            self._columns = merged(self._columns, columns) if self.rows else columns
        except CaptureError as error:
            raise CaptureError(f"{error} (row {self.rows}): {_ONCE}") from error
        self._hash(batch)

    def commit(self) -> None:
        """Hash what is held back, as what its types are so far."""
        held, self._held = self._held, []
        for start in range(0, len(held), HELD_ROWS):
            self._hash(batch_of(held[start : start + HELD_ROWS], self._shape_schema, self._shape))

    def outcome(self) -> Outcome:
        """The digest of all rows that are hashed. More may follow."""
        root = self._frontier.root().hex()
        manifest = encode({"format": FORMAT, "columns": self._columns, "rows": self.rows, "root": root})
        return Outcome.of_manifest(manifest, FORMAT, facts={"rows": self.rows})

    def _as_before(self, rows: Sequence[Row]) -> pa.RecordBatch | None:
        """`rows` as Arrow, if they are what those before were: asking Arrow is the fastest way to find that out."""
        if not self.rows or any(row.keys() - self._shape.keys() for row in rows):
            return None
        columns = []
        for field in self._shape_schema:
            values = [row.get(field.name) for row in rows]
            if not _PLAIN.issuperset(map(type, values)) or feature_of(self._shape[field.name]):
                return None
            try:
                if pa.infer_type(values) not in (field.type, pa.null()):
                    return None
                columns.append(pa.array(values, field.type))
            except (pa.ArrowException, OverflowError, TypeError, ValueError):
                return None  # the slow way tells what is wrong with them
        return pa.RecordBatch.from_arrays(columns, schema=self._shape_schema)

    def _widen(self, rows: Sequence[Row]) -> None:
        """Let the shape hold `rows` too."""
        try:
            found = fields_of(rows, self._shape)
        except CaptureError as error:
            raise CaptureError(f"{error} ({self._where(rows)})") from error
        if self.rows and (name := _changed(self._shape, found)) is not None:
            before = _word(self._shape[name]) if name in self._shape else "missing"
            what = f"{before} in the rows before and {_word(found[name])} here"
            raise CaptureError(f"column {name!r} is {what} ({self._where(rows)}): {_ONCE}")
        self._shape = found
        self._shape_schema = pa.schema([(name, type_of(shape)) for name, shape in found.items()])
        self._columns = columns_of(self._shape_schema, {name: feature_of(shape) for name, shape in found.items()})

    def _where(self, rows: Sequence[Row]) -> str:
        """The first of `rows` that does not go with those before it."""
        shape, first = self._shape, self.rows + len(self._held)
        for place, row in enumerate(rows):
            try:
                shape = fields_of([row], shape)
            except CaptureError:
                return f"row {first + place}"
            if self.rows and _changed(self._shape, shape) is not None:
                return f"row {first + place}"
        return f"rows {first} to {first + len(rows) - 1}"

    def _completed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with a null column for each that is known and that it lacks."""
        for field in self._schema or ():
            if field.name not in batch.schema.names:
                batch = batch.append_column(field, pa.nulls(batch.num_rows, field.type))
        return batch

    def _hash(self, batch: pa.RecordBatch) -> None:
        hashes = leaf_hashes(rows_of(batch, self._columns))
        for start in range(0, len(hashes), HASH_SIZE):
            self._frontier.append(hashes[start : start + HASH_SIZE])


def _changed(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> str | None:
    """The first column or field whose values so far would be other bytes if they had been read as `new`."""
    return next((name for name in new if name not in old or not _same_bytes(old[name], new[name])), None)


def _same_bytes(old: Shape, new: Shape) -> bool:
    if old == new or old == pa.null() or (old in _INTEGERS and new in _INTEGERS):
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        return _changed(old, new) is None
    if not (isinstance(old, tuple) and isinstance(new, tuple)):
        return False
    if old[1] in _INTEGERS:
        return False  # lists of numbers are their bits as stored
    return _same_bytes(old[1], new[1]) and not (old[1] == pa.null() and _is_number(new[1]))


def _is_number(shape: Shape) -> bool:
    if isinstance(shape, pa.DataType):
        return bool(pa.types.is_integer(shape) or pa.types.is_floating(shape))
    return isinstance(shape, str)


def _is_undecided(shape: Shape) -> bool:
    """Whether somewhere in it is a list of nothing."""
    if isinstance(shape, dict):
        return any(map(_is_undecided, shape.values()))
    return isinstance(shape, tuple) and (shape[1] == pa.null() or _is_undecided(shape[1]))


def _word(shape: Shape) -> str:
    if isinstance(shape, dict):
        return f"an object of {', '.join(sorted(shape))}"
    if isinstance(shape, tuple):
        return f"a list of {_word(shape[1])}"
    return "integers beyond 64 bits" if isinstance(shape, str) else str(shape)
