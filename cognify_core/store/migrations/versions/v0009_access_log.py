"""The access log of each workspace: entries that are hashed, with nodes over them, which outlive their runs.

What was kept of accesses before is taken in, workspace by workspace, in the order of its time. No head is signed over
it here: that does whoever appends next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from alembic import op
from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, text

from cognify_core.canonical import parse
from cognify_core.errors import FormatError
from cognify_core.merkle import leaf_hash
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.events import Access, parse_body
from cognify_core.store.columns import Integer, Text
from cognify_core.store.rows import to_bytes
from cognify_core.store.sql_tree import grow, hold, log_name

revision = "0009"
down_revision = "0008"

_OLD = text(
    "SELECT runs.workspace, accesses.run_id, accesses.position, accesses.access FROM accesses"
    " JOIN runs ON runs.run_id = accesses.run_id"
)
_ENTRY = text(
    "INSERT INTO accesses (workspace, position, run_id, entry) VALUES (:workspace, :position, :run_id, :entry)"
)
_CLEAR = text(
    "INSERT INTO access_openings (workspace, position, commitment, label, random, value)"
    " SELECT :workspace, :position, commitment, label, random, value FROM openings"
    " WHERE run_id = :run_id AND commitment IN (:actor, :source)"
)
_MOVED = text("DELETE FROM openings WHERE run_id = :run_id AND commitment IN (:actor, :source)")


def upgrade() -> None:
    old = sorted(_read(), key=lambda each: (each[0], each[1].at, each[2], each[3]))
    op.drop_table("accesses")
    _create()
    connection = op.get_bind()
    for workspace, rows in groupby(old, key=lambda each: each[0]):
        entries = [AccessEntry(workspace, place, run_id, access) for place, (_, access, run_id, _) in enumerate(rows)]
        log = log_name(workspace, "accesses")
        hold(connection, log)
        grow(connection, log, 0, [], [leaf_hash(entry.encode()) for entry in entries])
        for entry in entries:
            _put(entry)


def _read() -> Iterator[tuple[str, Access, str, int]]:
    """Workspace, access, run and place. What somebody wrote over cannot be said again, and was no evidence."""
    for row in op.get_bind().execute(_OLD).all():
        try:
            body = parse_body(parse(to_bytes(row.access)))
        except FormatError:
            continue
        if isinstance(body, Access):
            yield row.workspace, body, row.run_id, row.position


def _put(entry: AccessEntry) -> None:
    named: dict[str, Any] = {"workspace": entry.workspace, "position": entry.position, "run_id": entry.run_id}
    values = {"actor": str(entry.access.actor), "source": str(entry.access.source)}
    connection = op.get_bind()
    connection.execute(_ENTRY, named | {"entry": entry.encode()})
    connection.execute(_CLEAR, named | values)
    connection.execute(_MOVED, named | values)


def _create() -> None:
    op.create_table(
        "accesses",
        Column("workspace", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("run_id", Text),
        Column("entry", LargeBinary, nullable=False),
        Column("head", LargeBinary),
        PrimaryKeyConstraint("workspace", "position", name="one_access_per_place"),
        Index("accesses_of_runs", "run_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_openings",
        Column("workspace", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("commitment", Text, nullable=False),
        Column("label", Text, nullable=False),
        Column("random", LargeBinary, nullable=False),
        Column("value", Text, nullable=False),
        PrimaryKeyConstraint("workspace", "position", "commitment", name="each_access_opened_once"),
    )
