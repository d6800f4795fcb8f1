"""Work of a workspace, not of a run alone; and webhooks."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, LargeBinary

from cognify_core.store.columns import Integer, Text

revision = "0010"
down_revision = "0009"

_OF_ITS_RUN = "SELECT workspace FROM runs WHERE runs.run_id = jobs.run_id"


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("run_id", existing_type=Text, nullable=True)
        jobs.add_column(Column("workspace", Text, nullable=False, server_default="default"))
        jobs.add_column(Column("lane", Text))
        jobs.add_column(Column("body", LargeBinary, nullable=False, server_default=""))
        jobs.add_column(Column("failed_at", Text))
    op.execute(f"UPDATE jobs SET workspace = ({_OF_ITS_RUN})")  # noqa: S608 - our own names
    op.create_index("jobs_by_day", "jobs", ["done_at", "due_at"])
    op.create_index("jobs_by_lane", "jobs", ["lane", "lease_until"])
    op.create_table(
        "webhooks",
        Column("hook_id", Text, primary_key=True),
        Column("workspace", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("events", Text, nullable=False),
        Column("label", Text, nullable=False),
        Column("enabled", Integer, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("created_at", Text, nullable=False),
        Column("secret_id", Text, nullable=False),
        Column("leaves", Integer, nullable=False),
        Column("facts", Integer, nullable=False),
    )
