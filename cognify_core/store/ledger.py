"""The ledger's tables: leaves in their order, and every node over them that is complete.

An append reads the peaks, writes the leaf and the nodes that it completes (two rows on average), and nothing else, all
in the transaction of whatever the leaf speaks of. The store does not know what a leaf says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, or_, select

from cognify_core.errors import LedgerError, RecordError
from cognify_core.merkle import leaf_hash
from cognify_core.merkle_nodes import Node, completed_nodes, inclusion_ranges, joined, needed, peaks, proof
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.protocol import Leaf, LeafKind, Place
from cognify_core.store.rows import to_bytes

LEAVES_AT_ONCE = 4096
"""How many leaves are read in one transaction."""
NODES_AT_ONCE = 100
"""How many nodes are asked for by name in one statement."""


class SqlLedger:
    """The part of a `SqlStore` that is the ledger (see `protocol`, where the promises are)."""

    _database: Database

    def log(self, leaves: Sequence[Leaf], *, workspace: str = "default") -> list[Place]:
        """Append leaves."""
        with self._database.writing() as connection:
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
            row = connection.execute(_of_matter(kind, subject, workspace)).first()
        return None if row is None else (row.position, _to_leaf(row))

    def nodes(self, wanted: Sequence[Node], *, workspace: str = "default") -> Mapping[Node, bytes]:
        """Read nodes."""
        with self._database.reading() as connection:
            return read_nodes(connection, wanted, workspace)

    def leaf_bodies(self, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """Read what is hashed."""
        table = tables.leaves
        query = select(table.c.body).where(table.c.workspace == workspace)
        query = query.where(table.c.position.between(start, start + count - 1)).order_by(table.c.position)
        with self._database.reading() as connection:
            return [to_bytes(body) for body in connection.execute(query).scalars()]

    def node_row(self, level: int, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """Read a level."""
        with self._database.reading() as connection:
            rows = connection.execute(_node_row(level, start, count, workspace)).scalars()
            return [to_bytes(node) for node in rows]

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
    _hold(connection, workspace)
    if (kept := connection.execute(_of_matter(leaf.kind, leaf.subject, workspace)).first()) is not None:
        return _standing(connection, leaf, kept, workspace)
    position = _size(connection, workspace)
    if connection.execute(_node_row(0, position, 1, workspace)).first() is not None:
        raise LedgerError(f"the store is damaged: its ledger has {position} leaves, and more nodes than those make")
    before = read_nodes(connection, peaks(position), workspace)
    peaks_before = [before[node] for node in peaks(position)]
    row = {"workspace": workspace, "position": position, "kind": leaf.kind, "subject": leaf.subject}
    digest = f"sha256:{sha256(leaf.payload).hexdigest()}"
    connection.execute(
        tables.leaves.insert(), row | {"payload_hash": digest, "payload": leaf.payload, "body": leaf.body}
    )
    completed = completed_nodes(leaf_hash(leaf.body), position, peaks_before)
    connection.execute(
        tables.nodes.insert(),
        [
            {"workspace": workspace, "level": level, "place": position >> level, "hash": node}
            for level, node in enumerate(completed)
        ],
    )
    left = len(peaks_before) - len(completed) + 1
    root = joined([*peaks_before[:left], completed[-1]])
    return Place(position, position + 1, root, tuple(reversed(peaks_before)))


def read_nodes(connection: Connection, wanted: Sequence[Node], workspace: str) -> dict[Node, bytes]:
    """Those nodes, by name.

    Raises:
        LedgerError: one is missing.
    """
    table, found = tables.nodes, dict[Node, bytes]()
    for first in range(0, len(wanted), NODES_AT_ONCE):
        chunk = wanted[first : first + NODES_AT_ONCE]
        named = (
            and_(table.c.workspace == workspace, table.c.level == level, table.c.place == place)
            for level, place in chunk  # pairs in an IN list would not be looked up, but looked for among all nodes
        )
        rows = connection.execute(select(table.c.level, table.c.place, table.c.hash).where(or_(*named)))
        found.update({(row.level, row.place): to_bytes(row.hash) for row in rows})
    if missing := next((node for node in wanted if node not in found), None):
        raise LedgerError(
            f"the store is damaged: its ledger has no node {missing[1]} of level {missing[0]}; "
            "`cognify ledger fsck` says what else is wrong"
        )
    return {node: found[node] for node in wanted}


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


def _hold(connection: Connection, workspace: str) -> None:
    """Hold the ledger's row, where the database locks by rows, so that one transaction at a time appends."""
    table = tables.ledgers
    held = select(table.c.workspace).where(table.c.workspace == workspace).with_for_update()
    if connection.execute(held).first() is None:
        connection.execute(table.insert(), {"workspace": workspace})


def _size(connection: Connection, workspace: str) -> int:
    table = tables.leaves
    query = select(table.c.position).where(table.c.workspace == workspace)
    last = connection.execute(query.order_by(table.c.position.desc()).limit(1)).scalar()
    if last is None:
        return 0
    if not isinstance(last, int):
        raise LedgerError(f"the store is damaged: a leaf of its ledger has the position {str(last)[:40]!r}")
    return last + 1


def _node_row(level: int, start: int, count: int, workspace: str) -> Select[Any]:
    table = tables.nodes
    query = select(table.c.hash).where(table.c.workspace == workspace, table.c.level == level)
    return query.where(table.c.place.between(start, start + count - 1)).order_by(table.c.place)


def _of_matter(kind: str, subject: str, workspace: str) -> Select[Any]:
    table = tables.leaves
    return select(table).where(table.c.workspace == workspace, table.c.kind == kind, table.c.subject == subject)


def _to_leaf(row: Row[Any]) -> Leaf:
    return Leaf(row.kind, row.subject, to_bytes(row.payload), to_bytes(row.body))
