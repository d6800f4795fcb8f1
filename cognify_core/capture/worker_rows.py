"""Rows between the two processes: files that the hashing process maps for itself, and Arrow streams of all the rest."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.parts import Part, Source, of_table
from cognify_core.capture.row_index import IndexBuilder, index_path
from cognify_core.capture.rows import RowsDigester, source_outcome
from cognify_core.capture.rows_batches import cut
from cognify_core.capture.rows_hash import LevelSink
from cognify_core.capture.source_files import arrow_table
from cognify_core.capture.sources import open_source
from cognify_core.errors import CaptureError

_ORDER = pa.schema([("row", pa.uint64())])
_ORDER_ROWS = 1 << 18
_BUFFER_BYTES = 1 << 18
"""What is smaller is gathered, and copied with the interpreter's lock held; what is larger is written as it lies."""


def source_job(source: Source) -> dict[str, Json]:
    """A source as a job; `send_source` has to follow with what it announces."""
    return {
        "features": source.features,
        "gaps": list(source.gaps),
        "kind": source.kind,
        "parts": [_announced(part) for part in source.parts],
    }


def send_source(source: Source, pipe: int) -> None:
    """Write to the pipe with this descriptor the streams that the source's job announced.

    Batches are read and serialised by C++, which does not hold the interpreter's lock, nor does writing them; what is
    left to Python is done once for a large buffer, or for many small ones.
    """
    with pa.BufferedOutputStream(pa.PythonFile(_PipeEnd(pipe), mode="w"), _BUFFER_BYTES) as sink:
        for part in source.parts:
            if part.order is not None:
                _send(sink, _ORDER, _order_batches(part.order))
            if not part.mapped:
                _send(sink, part.schema, (piece for batch in part.stored() for piece in cut(batch)))


def serve_rows(job: dict[str, Json], jobs: IO[bytes]) -> Outcome:
    """Do a rows job in the hashing process; the streams that it announced come from `jobs`.

    Raises:
        CaptureError: something cannot be read or has no canonical form. All streams have been read all the same.
    """
    pa.set_cpu_count(1)
    builder = IndexBuilder(job["cap"]) if job["index"] or job["index_folder"] else None
    sink = None if builder is None else builder.add
    if "paths" in job:
        os.chdir(job["cwd"])
        outcome = source_outcome(open_source(job["paths"], columns=job["columns"]), sink=sink)
    else:
        outcome = _streamed(job, jobs, sink)
    return outcome if builder is None else _with_index(outcome, builder, job)


def _with_index(outcome: Outcome, builder: IndexBuilder, job: dict[str, Json]) -> Outcome:
    """Write the index; where that fails the digest holds all the same, and the outcome says what is missing."""
    if outcome.hash is None:
        return outcome
    target = Path(job["index"]) if job["index"] else index_path(Path(job["index_folder"]), outcome.hash)
    try:
        builder.index().write(target)
    except OSError as error:
        return replace(outcome, gaps=(*outcome.gaps, f"the row index was not written: {error.strerror}"))
    return outcome


def _streamed(job: dict[str, Json], jobs: IO[bytes], sink: LevelSink | None) -> Outcome:
    streams = _Streams(jobs, sum((not part["mapped"]) + part["ordered"] for part in job["parts"]))
    try:
        schema = _schema(job["parts"][0])
        digester = RowsDigester(schema, job["features"], sink=sink)
        for part in job["parts"]:
            digester.append(_received(part, streams))
        return digester.outcome(gaps=tuple(job["gaps"]))
    finally:
        streams.drain()


def _announced(part: Part) -> dict[str, Json]:
    return {
        "schema": base64.b64encode(part.schema.serialize()).decode(),
        "stored_rows": part.stored_rows,
        "ordered": part.order is not None,
        "mapped": [[each.path, each.inode, list(each.steps)] for each in part.mapped],
    }


def _received(part: dict[str, Json], streams: _Streams) -> Part:
    """A part as it was announced: its order comes first, then its rows, unless they are to be mapped."""
    schema = _schema(part)
    order = None
    if part["ordered"]:
        order = pa.chunked_array([batch.column(0) for batch in streams.next()], pa.uint64())
    if not part["mapped"]:
        return Part(schema, streams.next, part["stored_rows"], order)
    table = pa.concat_tables([_mapped_table(*each) for each in part["mapped"]])
    if table.schema.remove_metadata() != schema.remove_metadata() or table.num_rows != part["stored_rows"]:
        raise CaptureError("the Arrow files of the dataset no longer hold what the dataset held")
    return replace(of_table(table), order=order)


def _mapped_table(path: str, inode: int, steps: list[list[Json]]) -> pa.Table:
    if Path(path).stat().st_ino != inode:
        raise CaptureError(f"{Path(path).name} was replaced by another file")
    table = arrow_table(path)
    for name, *arguments in steps:
        table = getattr(table, name)(*arguments)
    return table


def _schema(part: dict[str, Json]) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(part["schema"])))


def _send(sink: Any, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(use_threads=False)) as stream:
        for batch in batches:
            stream.write_batch(batch)


def _order_batches(order: pa.ChunkedArray) -> Iterator[pa.RecordBatch]:
    for chunk in order.chunks:
        for start in range(0, len(chunk), _ORDER_ROWS):
            yield pa.record_batch([chunk.slice(start, _ORDER_ROWS)], schema=_ORDER)


class _PipeEnd:
    """A pipe as a file to write to; pyarrow's own kind of file asks where it stands, which a pipe cannot say."""

    closed = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: Any) -> int:
        """Write all of `data`: a signal may cut a write short."""
        left = memoryview(data).cast("B")
        written = len(left)
        while left:
            left = left[os.write(self._descriptor, left) :]
        return written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The pipe stays open for the next job."""


class _Streams:
    """The streams that a job announced, one after another. All have to be read, or the next job could not begin."""

    def __init__(self, jobs: IO[bytes], announced: int) -> None:
        self._jobs = jobs
        self._left = announced
        self._open: Iterator[pa.RecordBatch] = iter(())

    def next(self) -> Iterator[pa.RecordBatch]:
        """The batches of the next stream."""
        self._left -= 1
        self._open = iter(pa.ipc.open_stream(self._jobs))
        yield from self._open

    def drain(self) -> None:
        """Read what nobody wanted."""
        for _ in self._open:
            pass
        while self._left > 0:
            for _ in self.next():
                pass
