"""Several processes write one run: each rank has an owner, and a meeting tells which run it is.

Whoever wrote a run before is its rank 0.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, PrimaryKeyConstraint

from cognify_core.store.columns import Integer, Text

revision = "0002"
down_revision = "0001"

_KEPT = "run_id, host, boot_id, pid, started"


def upgrade() -> None:
    op.rename_table("owners", "owners_0001")
    op.create_table(
        "owners",
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        Column("rank", Integer, nullable=False, server_default="0"),
        Column("host", Text, nullable=False),
        Column("boot_id", Text, nullable=False),
        Column("pid", Integer, nullable=False),
        Column("started", Text, nullable=False),
        PrimaryKeyConstraint("run_id", "rank", name="one_owner_per_rank"),
    )
    op.execute(f"INSERT INTO owners ({_KEPT}, rank) SELECT {_KEPT}, 0 FROM owners_0001")  # noqa: S608 - our own names
    op.drop_table("owners_0001")
    op.create_table(
        "meetings",
        Column("meeting", Text, primary_key=True),
        Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
        sqlite_with_rowid=False,
    )
