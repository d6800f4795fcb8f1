"""The first schema: runs, events, and what belongs to a sealed run."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    LargeBinary,
    PrimaryKeyConstraint,
    UniqueConstraint,
)

from cognify_core.store.columns import Integer, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "runs",
        Column("run_id", Text, primary_key=True),
        Column("nonce", Text, nullable=False),
        Column("workspace", Text, nullable=False),
        Column("project", Text, nullable=False),
        Column("name", Text),
        Column("opened_at", Text, nullable=False),
        Column("amends", Text, ForeignKey("runs.run_id")),
        Column("ordinal", Integer),
        UniqueConstraint("amends", "ordinal", name="one_addendum_per_ordinal"),
        CheckConstraint("(amends IS NULL) = (ordinal IS NULL)", name="addenda_are_numbered"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        Column("seq", Integer, nullable=False),
        Column("writer", Text, nullable=False),
        Column("counter", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("event", LargeBinary, nullable=False),
        PrimaryKeyConstraint("run_id", "seq", name="one_event_per_place"),
        UniqueConstraint("run_id", "writer", "counter", name="each_draft_once"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "freezes",
        Column("run_id", Text, ForeignKey("runs.run_id"), primary_key=True),
        Column("size", Integer, nullable=False),
        Column("root", Text, nullable=False),
        Column("lineage", Text, nullable=False),
        Column("sealed_at", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    _create_what_belongs_to_a_frozen_run()
    _create_the_rest()


def _create_what_belongs_to_a_frozen_run() -> None:
    op.create_table(
        "bundles",
        Column("run_id", Text, ForeignKey("freezes.run_id"), primary_key=True),
        Column("bundle", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "receipts",
        Column("package_hash", Text, primary_key=True),
        Column("run_id", Text, ForeignKey("freezes.run_id"), nullable=False, index=True),
        Column("position", Integer, nullable=False),
        Column("format", Text, nullable=False),
        Column("template", Text),
        Column("renderer", Text, nullable=False),
        Column("addenda", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("bundle", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_the_rest() -> None:
    op.create_table(
        "manifests",
        Column("digest", Text, primary_key=True),
        Column("manifest", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        Column("run_id", Text, primary_key=True),
        Column("position", Integer, nullable=False),
        Column("reason", Text, nullable=False),
        Column("discarded_at", Text, nullable=False),
        Column("size", Integer, nullable=False),
        Column("root", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "openings",
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        Column("commitment", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("label", Text, nullable=False),
        Column("random", LargeBinary, nullable=False),
        Column("value", Text, nullable=False),
        PrimaryKeyConstraint("run_id", "commitment", name="each_commitment_opened_once"),
    )
    op.create_table(
        "owners",
        Column("run_id", Text, ForeignKey("runs.run_id"), primary_key=True),
        Column("host", Text, nullable=False),
        Column("boot_id", Text, nullable=False),
        Column("pid", Integer, nullable=False),
        Column("started", Text, nullable=False),
    )
