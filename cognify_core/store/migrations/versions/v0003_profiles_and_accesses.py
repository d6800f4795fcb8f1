"""What organisations say of themselves, version by version, and who read or exported a run."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "profiles",
        Column("workspace", Text, nullable=False),
        Column("project", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("profile", LargeBinary, nullable=False),
        Column("saved_at", Text, nullable=False),
        PrimaryKeyConstraint("workspace", "project", "version", name="one_profile_per_version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accesses",
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        Column("position", Integer, nullable=False),
        Column("access", LargeBinary, nullable=False),
        PrimaryKeyConstraint("run_id", "position", name="one_access_per_place"),
    )
