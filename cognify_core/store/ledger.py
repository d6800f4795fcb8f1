"""The ledger's tables: leaves in their order, and every node over them that is complete.

An append reads the peaks, writes the leaf and the nodes that it completes (two rows on average), and nothing else, all
in the transaction of whatever the leaf speaks of. The store does not know what a leaf says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from cognify_core.errors import LedgerError, RecordError
from cognify_core.merkle import leaf_hash
from cognify_core.merkle_nodes import Node, inclusion_ranges, joined, needed, peaks, proof
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.prepared import Prepared
from cognify_core.store.protocol import Leaf, LeafKind, Place, TreeName
from cognify_core.store.rows import to_bytes
from cognify_core.store.sql_tree import blobs, grow, hold, log_name, read_nodes, read_peaks, read_row

LEAVES_AT_ONCE = 4096
"""How many leaves are read in one transaction."""

_OURS = tables.leaves.c.workspace == bindparam("workspace")
_LAST = select(tables.leaves.c.position).where(_OURS).order_by(tables.leaves.c.position.desc()).limit(1)
_OF_MATTER = select(tables.leaves).where(
    _OURS, tables.leaves.c.kind == bindparam("kind"), tables.leaves.c.subject == bindparam("subject")
)
_WHERE = Prepared(
    select(
        _LAST.scalar_subquery().label("last"), _OF_MATTER.with_only_columns(tables.leaves.c.position).scalar_subquery()
    )
)
"""The last leaf's position, and that of the leaf of a matter."""
_LEAVES = Prepared(tables.leaves.insert())
_BODIES = Prepared(
    text("SELECT body FROM leaves WHERE workspace = :workspace AND position BETWEEN :first AND :last ORDER BY position")
)


class SqlLedger:
    """The part of a `SqlStore` that is the ledger (see `protocol`, where the promises are)."""

    _database: Database

    def log(self, leaves: Sequence[Leaf], *, workspace: str = "default") -> list[Place]:
        """Append leaves."""
        with self._database.writing(beside=True) as connection:
            return [append_leaf(connection, leaf, workspace) for leaf in leaves]

    def ledger_size(self, *, workspace: str = "default") -> int:
        """Count leaves."""
        with self._database.reading() as connection:
            return _size(connection, workspace)

    def leaves(self, start: int = 0, stop: int | None = None, *, workspace: str = "default") -> Iterator[Leaf]:
        """Read leaves, in short transactions: leaves never change, so they need not be read in one."""
        size = self.ledger_size(workspace=workspace)
        return self._stream_leaves(max(start, 0), size if stop is None else min(stop, size), workspace)

    def find_leaf(self, kind: LeafKind, subject: str, *, workspace: str = "default") -> tuple[int, Leaf] | None:
        """Look a leaf up."""
        with self._database.reading() as connection:
            asked = {"workspace": workspace, "kind": kind, "subject": subject}
            row = connection.execute(_OF_MATTER, asked).first()
        return None if row is None else (row.position, _to_leaf(row))

    def nodes(
        self, wanted: Sequence[Node], *, tree: TreeName = "ledger", workspace: str = "default"
    ) -> Mapping[Node, bytes]:
        """Read nodes."""
        with self._database.reading() as connection:
            return read_nodes(connection, wanted, log_name(workspace, tree))

    def leaf_bodies(self, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """Read what is hashed."""
        with self._database.reading() as connection:
            return blobs(_BODIES.rows(connection, workspace=workspace, first=start, last=start + count - 1))

    def node_row(
        self, level: int, start: int, count: int, *, tree: TreeName = "ledger", workspace: str = "default"
    ) -> list[bytes]:
        """Read a level."""
        with self._database.reading() as connection:
            return read_row(connection, log_name(workspace, tree), level, start, count)

    def _stream_leaves(self, start: int, stop: int, workspace: str) -> Iterator[Leaf]:
        table = tables.leaves
        for first in range(start, stop, LEAVES_AT_ONCE):
            last = min(first + LEAVES_AT_ONCE, stop) - 1
            query = select(table)
            query = query.where(table.c.workspace == workspace, table.c.position.between(first, last))
            with self._database.reading() as connection:
                rows = connection.execute(query.order_by(table.c.position)).all()
            if [row.position for row in rows] != list(range(first, last + 1)):
                missing = min(set(range(first, last + 1)) - {row.position for row in rows}, default=first)
                raise LedgerError(f"the store {self._database.place} is damaged: its ledger has no leaf {missing}")
            yield from map(_to_leaf, rows)


def append_leaf(connection: Connection, leaf: Leaf, workspace: str) -> Place:
    """Append a leaf in a transaction, or find it; return where it stands.

    Raises:
        RecordError: the ledger has another leaf of its kind and subject, or of its statement.
        LedgerError: the ledger lacks a node.
    """
    hold(connection, workspace)
    asked = {"workspace": workspace, "kind": leaf.kind, "subject": leaf.subject}
    ((last, kept),) = _WHERE.rows(connection, **asked)
    if kept is not None:
        return _standing(connection, leaf, connection.execute(_OF_MATTER, asked).one(), workspace)
    position = _after(last)
    peaks_before = read_peaks(connection, position, workspace)
    digest = f"sha256:{sha256(leaf.payload).hexdigest()}"
    row = {"position": position, "payload_hash": digest, "payload": leaf.payload, "body": leaf.body}
    _LEAVES.put(connection, [asked | row])
    root = joined(grow(connection, workspace, position, peaks_before, [leaf_hash(leaf.body)]))
    return Place(position, position + 1, root, tuple(reversed(peaks_before)))


def _standing(connection: Connection, leaf: Leaf, kept: Row[Any], workspace: str) -> Place:
    """Where a leaf stands that was appended before, with the proof in the ledger as it was then."""
    if _to_leaf(kept) != leaf:
        raise RecordError(
            f"the ledger has another leaf that is the {leaf.kind} of {leaf.subject}: leaf {kept.position}"
        )
    position, size = kept.position, kept.position + 1
    ranges = inclusion_ranges(position, size)
    nodes = read_nodes(connection, [*needed(ranges), *peaks(size)], workspace)
    return Place(position, size, joined([nodes[node] for node in peaks(size)]), tuple(proof(ranges, nodes)))


def _size(connection: Connection, workspace: str) -> int:
    return _after(connection.execute(_LAST, {"workspace": workspace}).scalar())


def _after(last: object) -> int:
    """The position after the last one that there is."""
    if last is None:
        return 0
    if not isinstance(last, int):
        raise LedgerError(f"the store is damaged: a leaf of its ledger has the position {str(last)[:40]!r}")
    return last + 1


def _to_leaf(row: Row[Any]) -> Leaf:
    return Leaf(row.kind, row.subject, to_bytes(row.payload), to_bytes(row.body))
