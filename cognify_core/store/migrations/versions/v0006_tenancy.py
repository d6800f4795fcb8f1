"""Those who share a store: workspaces, tokens, the secrets of runs, whose manifests, when events came; runs by time."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "workspaces",
        Column("workspace", Text, primary_key=True),
        Column("label", Text, nullable=False),
        Column("created_at", Text, nullable=False),
    )
    op.create_table(
        "tokens",
        Column("token_id", Text, primary_key=True),
        Column("workspace", Text),
        Column("role", Text, nullable=False),
        Column("label", Text, nullable=False),
        Column("secret_hash", Text, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("created_at", Text, nullable=False),
        Column("expires_at", Text),
        Column("revoked_at", Text),
    )
    op.create_table(
        "run_secrets",
        Column("run_id", Text, primary_key=True),
        Column("secret_hash", Text, nullable=False),
    )
    op.create_table(
        "workspace_manifests",
        Column("workspace", Text, nullable=False),
        Column("digest", Text, ForeignKey("manifests.digest"), nullable=False),
        PrimaryKeyConstraint("workspace", "digest", name="each_manifest_given_once"),
    )
    op.create_table(
        "arrivals",
        Column("run_id", Text, nullable=False),
        Column("size", Integer, nullable=False),
        Column("arrived_at", Text, nullable=False),
        PrimaryKeyConstraint("run_id", "size", name="each_length_reached_once"),
    )
    op.execute("INSERT INTO workspace_manifests SELECT 'default', digest FROM manifests")
    op.create_index("runs_by_time", "runs", ["workspace", "opened_at", "run_id"])
