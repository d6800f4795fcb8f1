"""The tables of those who come with a browser: side tables, without evidence."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Table, UniqueConstraint

from cognify_core.store.columns import Text, metadata

people = Table(
    "people",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("auth", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parts", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("removed_at", Text),
    UniqueConstraint("auth", "subject", name="one_person_per_subject"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", Text, primary_key=True),
    Column("person_id", Text, ForeignKey("people.person_id")),
    Column("token_id", Text, ForeignKey("tokens.token_id")),
    Column("created_at", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("ended_at", Text),
    CheckConstraint("(person_id IS NULL) <> (token_id IS NULL)", name="sessions_rest_on_one_thing"),
)

links = Table(
    "links",
    metadata,
    Column("link_hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
)
