"""What lists look for in records: which events name gaps, and how runs ended."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text
from cognify_core.store.indexing import INDEXED, index_gaps
from cognify_core.store.migrations.reading import each_run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "gaps",
        Column("listed", Text, nullable=False),
        Column("run_id", Text, nullable=False),
        Column("seq", Integer, nullable=False),
        PrimaryKeyConstraint("listed", "run_id", "seq", name="each_gap_once"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcomes",
        Column("run_id", Text, primary_key=True),
        Column("status", Text, nullable=False),
        Column("complete", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    for run_id, found in each_run(connection, INDEXED):
        index_gaps(connection, run_id, found)
