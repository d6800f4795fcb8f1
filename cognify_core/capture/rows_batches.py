"""Batches of a handy size: cut by bytes, not by rows, and small ones joined.

Each batch costs some 150 µs of kernel calls whatever it holds, so small ones are joined to at least 2 MiB; far above
4 MiB what is encoded no longer fits the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

TARGET_BYTES = 4 << 20
MAX_ROWS = 1 << 15


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
        if self._bytes < TARGET_BYTES // 2 and self._rows < MAX_ROWS // 2:
            return []
        return self.flush()

    def flush(self) -> list[pa.RecordBatch]:
        """Give what is held, in pieces of a handy size."""
        held, self._held = self._held, []
        self._bytes = self._rows = 0
        whole = [pa.concat_batches(held)] if len(held) > 1 else held
        return [piece for batch in whole for piece in cut(batch)]


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch into slices of at most 4 MiB, a little more where rows are uneven, or one row if that is larger."""
    whole = _size(batch)
    parts = max(1, -(-whole // TARGET_BYTES))
    step = min(MAX_ROWS, max(1, -(-batch.num_rows // parts)))
    for start in range(0, batch.num_rows, step):
        piece = batch.slice(start, step)
        if step > 1 and TARGET_BYTES + TARGET_BYTES // 4 < _size(piece) < whole:
            yield from cut(piece)
        else:
            yield piece


def _size(batch: pa.RecordBatch) -> int:
    """Bytes that the rows of `batch` refer to; a dictionary is shared by all, and not counted."""
    return sum(column.indices.nbytes if pt.is_dictionary(column.type) else column.nbytes for column in batch.columns)
