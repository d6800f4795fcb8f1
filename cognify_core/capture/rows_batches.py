"""Batches of a handy size: cut by bytes, not by rows, and small ones joined.

Each batch costs some hundreds of microseconds of kernel calls whatever it holds, so small ones are joined; far above
4 MiB what is encoded no longer fits the cache. Wide rows may take more, so that those calls serve enough rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

_TARGET_BYTES = 4 << 20
_MOST_BYTES = 16 << 20
_ENOUGH_ROWS = 2048
_MOST_ROWS = 1 << 15


class Gatherer:
    """Holds small batches back until together they are worth a kernel call."""

    def __init__(self) -> None:
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Take a batch of the same schema as those before; give what is ready to be hashed."""
        self._held.append(batch)
        self._bytes += _size(batch)
        self._rows += batch.num_rows
        if self._bytes < _TARGET_BYTES // 2 and self._rows < _MOST_ROWS // 2:
            return []
        return self.flush()

    def flush(self) -> list[pa.RecordBatch]:
        """Give what is held, in pieces of a handy size."""
        held, self._held = self._held, []
        self._bytes = self._rows = 0
        whole = [pa.concat_batches(held)] if len(held) > 1 else held
        return [piece for batch in whole for piece in cut(batch)]


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch into slices of about 4 MiB; of at most some 16 MiB where rows are wide, or of one row if larger."""
    whole = _size(batch)
    step = rows_at_once(batch.num_rows, whole)
    limit = max(_TARGET_BYTES, step * whole // max(1, batch.num_rows)) * 5 // 4
    for start in range(0, batch.num_rows, step):
        piece = batch.slice(start, step)
        if step > 1 and limit < _size(piece) < whole:
            yield from cut(piece)
        else:
            yield piece


def rows_at_once(rows: int, size: int) -> int:
    """How many of `rows` rows, `size` bytes in all, make a handy batch."""
    width = max(1, size // max(1, rows))
    return max(1, min(_MOST_ROWS, max(_TARGET_BYTES // width, min(_ENOUGH_ROWS, _MOST_BYTES // width))))


def _size(batch: pa.RecordBatch) -> int:
    """Bytes that the rows of `batch` refer to; a dictionary is shared by all, and not counted."""
    return sum(size_of(column.indices if pt.is_dictionary(column.type) else column) for column in batch.columns)


def size_of(held: pa.Table | pa.Array) -> int:
    """Bytes that rows refer to; all of the buffers' where Arrow, before release 24, cannot tell (views of strings)."""
    try:
        return int(held.nbytes)
    except pa.ArrowTypeError:
        return int(held.get_total_buffer_size())
