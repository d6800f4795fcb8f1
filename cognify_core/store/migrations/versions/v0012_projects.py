"""Runs of a project, and its releases, where they are found at once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
_RELEASE = text("kind = 'release'")


def upgrade() -> None:
    op.create_index("runs_by_project", "runs", ["workspace", "project", "opened_at", "run_id"])
    op.create_index("releases", "events", ["run_id"], sqlite_where=_RELEASE, postgresql_where=_RELEASE)
