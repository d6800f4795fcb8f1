"""Trees in tables: every node that is complete, over the leaves of a log that only grows.

A workspace has two: its ledger, and its access log under a name that no workspace can have. An append reads the peaks
and writes the nodes that it completes, one on average beside its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.exc import IntegrityError

from cognify_core.errors import LedgerError
from cognify_core.merkle_nodes import Node, completed_nodes, peaks
from cognify_core.store import tables
from cognify_core.store.prepared import Found, Prepared
from cognify_core.store.protocol import TreeName
from cognify_core.store.rows import to_bytes

NODES_AT_ONCE = 100
"""How many nodes are asked for by name in one statement."""

# Statements are made once: to make one again for every append would cost more than to run it.
_HELD = Prepared(
    select(tables.ledgers.c.workspace).where(tables.ledgers.c.workspace == bindparam("workspace")).with_for_update()
)
_NODES = Prepared(tables.nodes.insert())
_EDGE = Prepared(
    text(
        "WITH RECURSIVE levels(level) AS (SELECT 0 UNION ALL SELECT level + 1 FROM levels WHERE level < :top)"
        " SELECT nodes.level, nodes.place, nodes.hash FROM levels CROSS JOIN nodes"
        " WHERE nodes.workspace = :workspace AND nodes.level = levels.level"
        " AND nodes.place BETWEEN (:size >> levels.level) - 1 AND (:size >> levels.level)"
    )
)
"""The last complete node of each level of a tree, and, where there is one, what stands after it and must not."""
_NODE_ROW = Prepared(
    text(
        "SELECT hash FROM nodes WHERE workspace = :workspace AND level = :level AND place BETWEEN :first AND :last"
        " ORDER BY place"
    )
)


def log_name(workspace: str, tree: TreeName) -> str:
    """Under what name the nodes of a workspace's tree are kept. No workspace has a slash in its name."""
    return workspace if tree == "ledger" else f"{workspace}/accesses"


def hold(connection: Connection, log: str) -> None:
    """Hold the log's row, where the database locks by rows, so that one transaction at a time appends."""
    if not _HELD.rows(connection, workspace=log):
        with suppress(IntegrityError), connection.begin_nested():  # of several that begin it at once, one does
            connection.execute(tables.ledgers.insert(), {"workspace": log})
        _HELD.rows(connection, workspace=log)


def read_peaks(connection: Connection, size: int, log: str) -> list[bytes]:
    """The peaks of a log of `size` leaves as it stands, largest first.

    Raises:
        LedgerError: one is missing, or there is a node that leaves after these would complete.
    """
    edge = _EDGE.rows(connection, workspace=log, size=size, top=size.bit_length())
    found = {(level, place): to_bytes(node) for level, place, node in edge}
    if any(place == size >> level for level, place in found):
        raise LedgerError(f"the store is damaged: {_told(log)} has {size} leaves, and more nodes than those make")
    return list(_all_of(peaks(size), found, log).values())


def grow(
    connection: Connection, log: str, position: int, before: Sequence[bytes], leaves: Sequence[bytes]
) -> list[bytes]:
    """Write the nodes that leaves (leaf hashes) complete from `position` on; return the peaks after them.

    Args:
        connection: in a transaction that holds the log.
        log: its name.
        position: of the first leaf.
        before: the peaks before it, as `read_peaks` has them.
        leaves: at least one.
    """
    rows: list[dict[str, object]] = []
    left = list(before)
    for place, leaf in enumerate(leaves, position):
        completed = completed_nodes(leaf, place, left)
        del left[len(left) - len(completed) + 1 :]
        left.append(completed[-1])
        rows += [
            {"workspace": log, "level": level, "place": place >> level, "hash": node}
            for level, node in enumerate(completed)
        ]
    _NODES.put(connection, rows)
    return left


def read_nodes(connection: Connection, wanted: Sequence[Node], log: str) -> dict[Node, bytes]:
    """Those nodes, by name.

    Raises:
        LedgerError: one is missing.
    """
    return _all_of(wanted, _find_nodes(connection, wanted, log), log)


def read_row(connection: Connection, log: str, level: int, start: int, count: int) -> list[bytes]:
    """Up to `count` nodes of a level, as they lie there."""
    asked = {"level": level, "first": start, "last": start + count - 1}
    return blobs(_NODE_ROW.rows(connection, workspace=log, **asked))


def blobs(rows: Sequence[Found]) -> list[bytes]:
    """The one column of rows."""
    found = [blob for (blob,) in rows]
    return found if set(map(type, found)) <= {bytes} else [to_bytes(each) for each in found]


def _find_nodes(connection: Connection, wanted: Sequence[Node], log: str) -> dict[Node, bytes]:
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
            {"workspace": log},
            execution_options={"compiled_cache": None},
        )
        found.update({(level, place): to_bytes(node) for level, place, node in rows})
    return found


def _all_of(wanted: Sequence[Node], found: Mapping[Node, bytes], log: str) -> dict[Node, bytes]:
    if missing := next((node for node in wanted if node not in found), None):
        command = "access" if "/" in log else "ledger"
        raise LedgerError(
            f"the store is damaged: {_told(log)} has no node {missing[1]} of level {missing[0]}; "
            f"`cognify {command} fsck` says what else is wrong"
        )
    return {node: found[node] for node in wanted}


def _told(log: str) -> str:
    return "its access log" if "/" in log else "its ledger"
