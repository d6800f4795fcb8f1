"""Logical order: a shuffled dataset is hashed as it lies on disk, and then its leaf hashes are put into order.

A leaf's hash does not depend on where the leaf stands, so nothing needs to be fetched at random: storage is read from
front to back whatever the order. It costs 64 bytes of memory a row while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cognify_core.capture.parts import fetchable
from cognify_core.merkle import HASH_SIZE

_AT_ONCE = 1 << 16


class LogicalOrder:
    """Which of the stored rows are meant, and in what order; a row may come twice."""

    def __init__(self, order: pa.ChunkedArray, stored_rows: int, schema: pa.Schema) -> None:
        self._order = np.asarray(order, dtype=np.uint64)
        self._wanted = np.zeros(stored_rows, dtype=np.bool_)
        self._wanted[self._order if fetchable(schema) else slice(None)] = True
        self._all = bool(self._wanted.all())
        self._read = 0

    def wanted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Those rows of the next stored batch that are meant at all."""
        start, self._read = self._read, self._read + batch.num_rows
        return batch if self._all else batch.filter(pa.array(self._wanted[start : self._read]))

    def arranged(self, hashes: bytes) -> Iterator[bytes]:
        """The hashes of the wanted rows, given as they were stored, in logical order."""
        stored = np.frombuffer(hashes, dtype=f"V{HASH_SIZE}")
        place = None if self._all else np.cumsum(self._wanted) - 1
        for start in range(0, len(self._order), _AT_ONCE):
            rows = self._order[start : start + _AT_ONCE]
            yield stored[rows if place is None else place[rows]].tobytes()
