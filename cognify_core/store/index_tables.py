"""The tables by which lists find what stands inside records (see `indexing`): no text, and no evidence."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from cognify_core.store.columns import Integer, Text, metadata

gaps = Table(
    "gaps",
    metadata,
    Column("listed", Text, nullable=False),  # the run itself, or the one that an addendum amends
    Column("run_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("listed", "run_id", "seq", name="each_gap_once"),
    sqlite_with_rowid=False,
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("complete", Integer, nullable=False),
    sqlite_with_rowid=False,
)

mentions = Table(
    "mentions",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("listed", Text, nullable=False),  # as of gaps
    Column("kind", Text, nullable=False),
    Column("role", Text, nullable=False),  # used or produced
    Column("digest", Text),  # of the content, where it was seen
    Column("name", Text),  # of a dataset, the digest of what it is called
    PrimaryKeyConstraint("run_id", "seq", name="each_artifact_once"),
    Index("mentions_by_content", "workspace", "digest", "listed"),
    Index("mentions_by_name", "workspace", "name", "listed", "digest"),
    sqlite_with_rowid=False,
)
