"""The part of a stream that this process reads in one pass: its rows counted, digested and written down."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognify_core.canonical import Json
from cognify_core.capture.stream_parts import PartFile, question
from cognify_core.errors import CaptureError

if TYPE_CHECKING:
    import pyarrow as pa

    from cognify_core.capture.stream_digest import StreamDigester

STALE_SECONDS = 0.5
"""How long rows may be digested before that is written down."""


class PartWriter:
    """Counts and digests rows. Nothing raises: rows that cannot be digested have a reason instead.

    Raises:
        OSError, ModuleNotFoundError: when it is made: nothing can be written, or nothing digested.
    """

    def __init__(self, folder: Path, rank: int, schema: pa.Schema | None, features: Mapping[str, Json] | None) -> None:
        from cognify_core.capture.stream_digest import StreamDigester

        self._digester: StreamDigester = StreamDigester(schema, features)
        self._file = PartFile.claim(folder, rank, worker_number())
        self._folder, self._rank = folder, rank
        self.pid = os.getpid()
        self.delivered = 0
        self.reason: str | None = None
        self._answered = question(folder, rank)
        self._written = time.monotonic()
        self._written_of = 0

    def counts(self, rows: int = 1) -> bool:
        """Count rows that are delivered; whether they are to be digested."""
        self.delivered += rows
        self._file.count(self.delivered)
        return self.reason is None

    def fail(self, error: Exception) -> None:
        """There will be no digest, and this is why."""
        told = str(error) if isinstance(error, CaptureError) else f"{type(error).__name__}: {error}"
        self.reason = self.reason or told

    def take_rows(self, rows: Sequence[dict[Any, Any]]) -> None:
        """Digest rows."""
        self._guarded(lambda: self._digester.take_rows(rows))

    def take_batch(self, batch: pa.RecordBatch) -> None:
        """Digest Arrow's rows."""
        self._guarded(lambda: self._digester.take_batch(batch))

    def write(self, *, ended: bool = False) -> None:
        """Write down the digest of what was taken."""
        self._guarded(self._digester.commit)
        self._say(ended=ended)

    def write_now_and_then(self) -> None:
        """Write down what is digested, if that was not done a moment ago."""
        if time.monotonic() - self._written > STALE_SECONDS:
            self._say()

    def is_wanted(self) -> bool:
        """Whether somebody asks for what was taken, or nobody has been told of it for a while."""
        asked = question(self._folder, self._rank)
        if asked != self._answered:
            self._answered = asked
            return True
        return self.delivered > self._written_of and time.monotonic() - self._written > STALE_SECONDS

    def _say(self, *, ended: bool = False) -> None:
        self._written, self._written_of = time.monotonic(), self.delivered
        state = replace(
            self._file.state, delivered=self.delivered, reason=self.reason, ended=ended, answered=self._answered
        )
        if self.reason is None and self._digester.rows:
            manifest = self._digester.outcome().manifest or b""
            state = replace(state, rows=self._digester.rows, manifest=manifest.decode())
        try:
            self._file.write(state)
        except OSError as error:
            self.fail(error)

    def _guarded(self, digest: Callable[[], None]) -> None:
        if self.reason is not None:
            return
        try:
            digest()
        except Exception as error:  # noqa: BLE001 - the failure policy: a row without a canonical form stops no training
            self.fail(error)


def worker_number() -> int:
    """Which DataLoader worker this is; 0 where it is none."""
    info = getattr(sys.modules.get("torch.utils.data"), "get_worker_info", lambda: None)()
    return 0 if info is None else int(info.id)
