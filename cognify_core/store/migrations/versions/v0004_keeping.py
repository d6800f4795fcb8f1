"""Keeping: facts about vaults, policies, days, jobs and purges."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, LargeBinary, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_what_is_said_of_runs()
    _create_what_is_said_of_workspaces()


def _create_what_is_said_of_runs() -> None:
    op.create_table(
        "vault_facts",
        Column("position", Integer, primary_key=True),
        Column("run_id", Text, nullable=False, index=True),
        Column("package_hash", Text, nullable=False),
        Column("part", Text, nullable=False),
        Column("vault", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("digest", Text, nullable=False),
        Column("mode", Text),
        Column("until", Text),
        Column("held", Integer, nullable=False),
        Column("asked_mode", Text, nullable=False),
        Column("asked_until", Text, nullable=False),
        Column("asked_held", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("read_at", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "keepings",
        Column("run_id", Text, nullable=False),
        Column("position", Integer, nullable=False),
        Column("until", Text),
        Column("why", Text, nullable=False),
        Column("set_at", Text, nullable=False),
        PrimaryKeyConstraint("run_id", "position", name="one_keeping_per_place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "purges",
        Column("run_id", Text, primary_key=True),
        Column("position", Integer, nullable=False),
        Column("amended", Text),
        Column("requested_by", Text, nullable=False),
        Column("approved_by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("purged_at", Text, nullable=False),
        Column("statement", Text),
        Column("remains", Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_what_is_said_of_workspaces() -> None:
    op.create_table(
        "policies",
        Column("workspace", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("policy", LargeBinary, nullable=False),
        Column("saved_at", Text, nullable=False),
        PrimaryKeyConstraint("workspace", "kind", "version", name="one_policy_per_version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "jobs",
        Column("job_id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        Column("due_at", Text, nullable=False),
        Column("created_at", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last_error", Text),
        Column("done_at", Text),
        Column("lease_until", Text),
    )
