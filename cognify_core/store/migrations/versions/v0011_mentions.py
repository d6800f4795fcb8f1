"""Which content stands in which run: what each used and produced."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text
from cognify_core.store.indexing import ARTIFACTS, index_mentions
from cognify_core.store.migrations.reading import each_run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "mentions",
        Column("run_id", Text, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("workspace", Text, nullable=False),
        Column("listed", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("digest", Text),
        Column("name", Text),
        PrimaryKeyConstraint("run_id", "seq", name="each_artifact_once"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    for run_id, found in each_run(connection, ARTIFACTS):
        index_mentions(connection, run_id, found)
    op.create_index("mentions_by_content", "mentions", ["workspace", "digest", "listed"])
    op.create_index("mentions_by_name", "mentions", ["workspace", "name", "listed", "digest"])
