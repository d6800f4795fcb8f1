"""What takes the rows of one pass over a stream, a few at a time."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cognify_core.canonical import Json
from cognify_core.capture.stream_rows import row_of
from cognify_core.capture.stream_writer import PartWriter

if TYPE_CHECKING:
    import pyarrow as pa

_LOOK_SECONDS = 0.1
_QUICK, _SLOW = 0.0007, 0.0014  # seconds: what is hashed at once is to take about a millisecond
_MOST_AT_ONCE = 512


class Watched(Protocol):
    """What a tap asks of the watch that it belongs to."""

    folder: Path | None
    """Where parts go; nowhere as long as no run watches."""
    rank: int

    @property
    def is_at_home(self) -> bool:
        """Whether this is the process that will ask for the parts."""

    def trouble(self, error: Exception) -> None:
        """A pass cannot be digested at all."""


class Tap:
    """Takes the rows of one pass over a stream, in one process, in the order in which they are delivered.

    Args:
        watch: the stream.
        schema: the columns that Arrow's rows are known to have.
        features: what `datasets` knows of them.
        counted: whether `deliver` is called for each of Arrow's rows; else all of a table are delivered with it.
    """

    def __init__(
        self,
        watch: Watched,
        *,
        schema: pa.Schema | None = None,
        features: Mapping[str, Json] | None = None,
        counted: bool = False,
    ) -> None:
        self.counted = counted
        self._watch, self._schema, self._features = watch, schema, features
        self._lock = threading.Lock()
        self._part: PartWriter | None = None
        self._rows: list[dict[Any, Any]] = []
        self._batches: deque[pa.RecordBatch] = deque()
        self._due = 0
        self._at_once = 8
        self._over = threading.Event()
        self._broken = False

    def take(self, row: Any) -> None:
        """A row is delivered."""
        with self._lock:
            part = self._current()
            if part is None or not part.counts():
                return
            try:
                self._rows.append(row_of(row))
            except Exception as error:  # noqa: BLE001 - the failure policy: whatever a value does when it is copied
                part.fail(error)
            if len(self._rows) >= self._at_once:
                self._digest(part)

    def load(self, table: pa.Table) -> None:
        """Rows lie ready to be delivered."""
        with self._lock:
            self._batches.extend(batch for batch in table.to_batches() if batch.num_rows)
            if self.counted or not table.num_rows:
                return
            if (part := self._current()) is None:
                self._batches.clear()
                return
            part.counts(table.num_rows)
            self._due = table.num_rows
            self._digest(part)

    def deliver(self) -> None:
        """A row that lay ready is delivered."""
        if not self._batches:
            return
        with self._lock:
            if (part := self._current()) is None:
                self._next_batch(1)
                return
            part.counts()
            self._due += 1
            if self._due >= self._at_once:
                self._digest(part)

    def end(self) -> None:
        """The pass is over."""
        self._over.set()
        self.settle()

    def settle(self) -> None:
        """Digest what was delivered so far, and write it down; what comes from now on is another part."""
        with self._lock:
            part, self._part = self._part, None
            if part is not None and part.pid == os.getpid():
                self._digest_gathered(part)
                part.write(ended=True)
            self._rows.clear()

    def _current(self) -> PartWriter | None:
        """The part that rows belong to; none as long as no run watches."""
        if self._part is not None and self._part.pid == os.getpid():
            return self._part
        folder = self._watch.folder
        if folder is None or self._broken:
            return None
        self._rows.clear()
        try:
            self._part = PartWriter(folder, self._watch.rank, self._schema, self._features)
        except (OSError, ModuleNotFoundError) as error:
            self._broken = True
            self._watch.trouble(error)
            return None
        if not self._watch.is_at_home:
            threading.Thread(target=self._answer, name="cognify-stream", daemon=True).start()
        return self._part

    def _digest(self, part: PartWriter) -> None:
        """Digest what has gathered; gather more from now on if that was quick, less if it was slow."""
        gathered, began = len(self._rows) or self._due, time.perf_counter()
        self._digest_gathered(part)
        took = (time.perf_counter() - began) * self._at_once / gathered
        if took < _QUICK and self._at_once < _MOST_AT_ONCE:
            self._at_once *= 2
        elif took > _SLOW and self._at_once > 1:
            self._at_once //= 2
        if not self._watch.is_at_home:
            part.write_now_and_then()

    def _digest_gathered(self, part: PartWriter) -> None:
        rows, self._rows = self._rows, []
        if rows:
            part.take_rows(rows)
        while self._due and self._batches:
            batch = self._next_batch(min(self._due, _MOST_AT_ONCE))
            self._due -= batch.num_rows
            part.take_batch(batch)

    def _next_batch(self, rows: int) -> pa.RecordBatch:
        """The next rows that lie ready, at most so many."""
        batch = self._batches.popleft()
        if batch.num_rows > rows:
            self._batches.appendleft(batch.slice(rows))
        return batch.slice(0, rows)

    def _answer(self) -> None:
        """In a process that may be killed or asked: write down what was taken, before it is lost."""
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                if self._part is not None and self._part.is_wanted():
                    self._digest_gathered(self._part)
                    self._part.write()
