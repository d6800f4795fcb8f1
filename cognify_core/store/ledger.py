"""The ledger's tables: leaves in their order, and every node over them that is complete.

An append reads the peaks, writes the leaf and the nodes that it completes (two rows on average), and nothing else, all
in the transaction of whatever the leaf speaks of. The store does not know what a leaf says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, select, text
from sqlalchemy.exc import IntegrityError

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

# Statements are made once: to make one again for every append would cost more than to run it.
_OURS = tables.leaves.c.workspace == bindparam("workspace")
_HELD = select(tables.ledgers.c.workspace).where(tables.ledgers.c.workspace == bindparam("workspace")).with_for_update()
_LAST = select(tables.leaves.c.position).where(_OURS).order_by(tables.leaves.c.position.desc()).limit(1)
_OF_MATTER = select(tables.leaves).where(
    _OURS, tables.leaves.c.kind == bindparam("kind"), tables.leaves.c.subject == bindparam("subject")
)
_WHERE = select(
    _LAST.scalar_subquery().label("last"), _OF_MATTER.with_only_columns(tables.leaves.c.position).scalar_subquery()
)
"""The last leaf's position, and that of the leaf of a matter."""
_INSERT_LEAF, _INSERT_NODES = tables.leaves.insert(), tables.nodes.insert()
_BODIES = text(
    "SELECT body FROM leaves WHERE workspace = :workspace AND position BETWEEN :first AND :last ORDER BY position"
)
_EDGE = text(
    "WITH RECURSIVE levels(level) AS (SELECT 0 UNION ALL SELECT level + 1 FROM levels WHERE level < :top)"
    " SELECT nodes.level, nodes.place, nodes.hash FROM levels CROSS JOIN nodes WHERE nodes.workspace = :workspace"
    " AND nodes.level = levels.level AND nodes.place BETWEEN (:size >> levels.level) - 1 AND (:size >> levels.level)"
)
"""The last complete node of each level of a tree, and, where there is one, what stands after it and must not."""
_NODE_ROW = text(
    "SELECT hash FROM nodes WHERE workspace = :workspace AND level = :level AND place BETWEEN :first AND :last"
    " ORDER BY place"
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

    def nodes(self, wanted: Sequence[Node], *, workspace: str = "default") -> Mapping[Node, bytes]:
        """Read nodes."""
        with self._database.reading() as connection:
            return read_nodes(connection, wanted, workspace)

    def leaf_bodies(self, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """Read what is hashed."""
        asked = {"workspace": workspace, "first": start, "last": start + count - 1}
        with self._database.reading() as connection:
            return _blobs(connection, _BODIES, asked)

    def node_row(self, level: int, start: int, count: int, *, workspace: str = "default") -> list[bytes]:
        """Read a level."""
        asked = {"workspace": workspace, "level": level, "first": start, "last": start + count - 1}
        with self._database.reading() as connection:
            return _blobs(connection, _NODE_ROW, asked)

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
    asked = {"workspace": workspace, "kind": leaf.kind, "subject": leaf.subject}
    last, kept = connection.execute(_WHERE, asked).one()
    if kept is not None:
        return _standing(connection, leaf, connection.execute(_OF_MATTER, asked).one(), workspace)
    position = _after(last)
    peaks_before = _peaks(connection, position, workspace)
    digest = f"sha256:{sha256(leaf.payload).hexdigest()}"
    row = {"position": position, "payload_hash": digest, "payload": leaf.payload, "body": leaf.body}
    connection.execute(_INSERT_LEAF, asked | row)
    completed = completed_nodes(leaf_hash(leaf.body), position, peaks_before)
    connection.execute(
        _INSERT_NODES,
        [
            {"workspace": workspace, "level": level, "place": position >> level, "hash": node}
            for level, node in enumerate(completed)
        ],
    )
    left = len(peaks_before) - len(completed) + 1
    root = joined([*peaks_before[:left], completed[-1]])
    return Place(position, position + 1, root, tuple(reversed(peaks_before)))


def _peaks(connection: Connection, size: int, workspace: str) -> list[bytes]:
    """The peaks of the ledger as it stands, largest first.

    Raises:
        LedgerError: one is missing, or there is a node that leaves after these would complete.
    """
    asked = {"workspace": workspace, "size": size, "top": size.bit_length()}
    found = {(level, place): to_bytes(node) for level, place, node in connection.execute(_EDGE, asked)}
    if any(place == size >> level for level, place in found):
        raise LedgerError(f"the store is damaged: its ledger has {size} leaves, and more nodes than those make")
    return list(_all_of(peaks(size), found).values())


def read_nodes(connection: Connection, wanted: Sequence[Node], workspace: str) -> dict[Node, bytes]:
    """Those nodes, by name.

    Raises:
        LedgerError: one is missing.
    """
    return _all_of(wanted, _find_nodes(connection, wanted, workspace))


def _find_nodes(connection: Connection, wanted: Sequence[Node], workspace: str) -> dict[Node, bytes]:
    """Those of the nodes that are there.

    Each is named in the statement itself, by numbers: pairs in an IN list would not be looked up, but looked for among
    all nodes, and a parameter for each would cost ten times the reading. No two such statements are alike, so none is
    kept for the next time.
    """
    found: dict[Node, bytes] = {}
    for first in range(0, len(wanted), NODES_AT_ONCE):
        named = " OR ".join(
            f"workspace = :workspace AND level = {level:d} AND place = {place:d}"
            for level, place in wanted[first : first + NODES_AT_ONCE]
        )
        rows = connection.execute(
            text(f"SELECT level, place, hash FROM nodes WHERE {named}"),  # noqa: S608 - numbers only
            {"workspace": workspace},
            execution_options={"compiled_cache": None},
        )
        found.update({(level, place): to_bytes(node) for level, place, node in rows})
    return found


def _all_of(wanted: Sequence[Node], found: Mapping[Node, bytes]) -> dict[Node, bytes]:
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
    if connection.execute(_HELD, {"workspace": workspace}).first() is None:
        with suppress(IntegrityError), connection.begin_nested():  # of several that begin it at once, one does
            connection.execute(tables.ledgers.insert(), {"workspace": workspace})
        connection.execute(_HELD, {"workspace": workspace}).one()


def _size(connection: Connection, workspace: str) -> int:
    return _after(connection.execute(_LAST, {"workspace": workspace}).scalar())


def _after(last: object) -> int:
    """The position after the last one that there is."""
    if last is None:
        return 0
    if not isinstance(last, int):
        raise LedgerError(f"the store is damaged: a leaf of its ledger has the position {str(last)[:40]!r}")
    return last + 1


def _blobs(connection: Connection, query: TextClause, asked: Mapping[str, object]) -> list[bytes]:
    """One column, read from the driver's own cursor: making rows of each value would cost more than to hash it."""
    with connection.execute(query, asked) as result:
        found = [blob for (blob,) in result.cursor.fetchall()]
    return found if set(map(type, found)) <= {bytes} else [to_bytes(each) for each in found]


def _to_leaf(row: Row[Any]) -> Leaf:
    return Leaf(row.kind, row.subject, to_bytes(row.payload), to_bytes(row.body))
