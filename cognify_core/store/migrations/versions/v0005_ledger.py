"""The ledger: leaves, the nodes over them, and the envelopes that wait for their leaf."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, PrimaryKeyConstraint, UniqueConstraint

from cognify_core.store.columns import Integer, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table("ledgers", Column("workspace", Text, primary_key=True), sqlite_with_rowid=False)
    op.create_table(
        "leaves",
        Column("workspace", Text, ForeignKey("ledgers.workspace"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("payload_hash", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        PrimaryKeyConstraint("workspace", "position", name="one_leaf_per_place"),
        UniqueConstraint("workspace", "kind", "subject", name="one_leaf_per_matter"),
        UniqueConstraint("workspace", "payload_hash", name="each_statement_logged_once"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "nodes",
        Column("workspace", Text, ForeignKey("ledgers.workspace"), nullable=False),
        Column("level", Integer, nullable=False),
        Column("place", Integer, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        PrimaryKeyConstraint("workspace", "level", "place", name="one_node_per_place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "envelopes",
        Column("run_id", Text, ForeignKey("freezes.run_id"), primary_key=True),
        Column("envelope", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
