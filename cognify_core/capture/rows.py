"""`cognify.rows/v1`: the digest of a dataset's rows (`docs/formats.md`, Rows).

Each row becomes CBOR, each row's CBOR a leaf of an RFC 6962 tree, and root, count and kinds of columns the manifest.
The work is done by pyarrow's kernels over whole batches, so that what is left to Python is one SHA-256 call per row and
per node. How batches were cut, and where they came from, leaves no trace in the digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cognify_core.canonical import Json, encode
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.parts import Part, Source
from cognify_core.capture.rows_batches import Gatherer
from cognify_core.capture.rows_encode import rows_of
from cognify_core.capture.rows_hash import LeafTree, LevelSink, leaf_hashes
from cognify_core.capture.rows_kinds import Kind, columns_of, features_of
from cognify_core.capture.rows_order import LogicalOrder
from cognify_core.capture.sources import open_source
from cognify_core.errors import CaptureError

FORMAT = "cognify.rows/v1"


class RowsDigester:
    """Hashes rows as they come.

    Args:
        schema: what every batch has: the same names and kinds of columns; order and widths may differ.
        features: what `datasets` knows of the columns; from the schema's metadata where it is None.
        sink: takes the levels of the tree as its blocks close, as a row index does.

    Raises:
        CaptureError: here and in `update`, what cannot be hashed, and why.
    """

    def __init__(
        self, schema: pa.Schema, features: Mapping[str, Json] | None = None, *, sink: LevelSink | None = None
    ) -> None:
        self._features = dict(features_of(schema) if features is None else features)
        self._columns = columns_of(schema, self._features)
        self._last_schema = schema
        self._gatherer = Gatherer()
        self._tree = LeafTree(sink)

    @property
    def rows(self) -> int:
        """Rows hashed so far; a few may still wait for company."""
        return self._tree.size

    def update(self, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch`."""
        for leaves in self._taken(batch):
            self._tree.extend(leaves)

    def append(self, part: Part) -> None:
        """Append a part of a dataset: its stored rows are hashed as they lie, and the hashes put into logical order."""
        part = part.dense()
        if part.order is None:
            for batch in part.stored():
                self.update(batch)
            return
        for leaves in self._hashed(self._gatherer.flush()):
            self._tree.extend(leaves)
        order = LogicalOrder(part.order, part.stored_rows or 0, part.schema)
        for leaves in order.arranged(b"".join(self._leaves(map(order.wanted, part.stored())))):
            self._tree.extend(leaves)

    def outcome(self, *, gaps: tuple[str, ...] = ()) -> Outcome:
        """The digest of all rows, with its manifest; nothing can be appended after."""
        for leaves in self._hashed(self._gatherer.flush()):
            self._tree.extend(leaves)
        root = self._tree.close()
        manifest = encode({"format": FORMAT, "columns": self._columns, "rows": self.rows, "root": root.hex()})
        return Outcome.of_manifest(manifest, FORMAT, facts={"rows": self.rows}, gaps=gaps)

    def _leaves(self, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        for batch in batches:
            yield from self._taken(batch)
        yield from self._hashed(self._gatherer.flush())

    def _taken(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        """The leaf hashes of batches that are ready now that this one has come."""
        if not batch.schema.equals(self._last_schema):
            yield from self._hashed(self._gatherer.flush())
            self._columns = merged(self._columns, columns_of(batch.schema, self._features))
            self._last_schema = batch.schema
        yield from self._hashed(self._gatherer.add(batch))

    def _hashed(self, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        for batch in batches:
            yield leaf_hashes(rows_of(batch, self._columns))


def rows_outcome(data: Any, *, columns: Sequence[str] | None = None, sink: LevelSink | None = None) -> Outcome:
    """The digest of the rows in anything that `open_source` opens, computed here and now.

    Raises:
        CaptureError: something cannot be read or has no canonical form.
    """
    return source_outcome(open_source(data, columns=columns), sink=sink)


def source_outcome(source: Source, *, sink: LevelSink | None = None) -> Outcome:
    """The digest of all rows of a source.

    Raises:
        CaptureError: something cannot be read or has no canonical form.
    """
    digester = RowsDigester(source.schema, source.features, sink=sink)
    for part in source.parts:
        digester.append(part)
    return digester.outcome(gaps=source.gaps)


def merged(columns: dict[str, Kind], others: dict[str, Kind]) -> dict[str, Kind]:
    """The kinds of two parts of one dataset: a column that is null throughout one part is what it is in the other.

    Raises:
        CaptureError: a column is missing from one part, or of two kinds.
    """
    if columns.keys() != others.keys():
        name = min(columns.keys() ^ others.keys())
        raise CaptureError(f"column {name!r} is in some parts of the dataset and not in others")
    return {name: _merged_kind(kind, others[name], name) for name, kind in columns.items()}


def _merged_kind(kind: Kind, other: Kind, name: str) -> Kind:
    if kind == other or other == "null":
        return kind
    if kind == "null":
        return other
    if isinstance(kind, dict) and isinstance(other, dict) and kind.keys() == other.keys() == {"struct"}:
        return {"struct": merged(kind["struct"], other["struct"])}
    raise CaptureError(
        f"column {name!r} is {encode(kind).decode()} in one part and {encode(other).decode()} in another"
    )
