"""The tables of a store, in SQLAlchemy Core's words, for every database that it speaks.

What is written once (`rules`) has no hidden row number (SQLite's `WITHOUT ROWID`): `INSERT OR REPLACE` with another
row's number would delete that row and fire no trigger.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal_column,
)

from cognify_core.store.columns import Integer, Text, metadata

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
"""Every schema that this Cognify can read or bring up to date, oldest first; the last is the one it works on."""

runs = Table(
    "runs",
    metadata,
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
    Index("runs_by_time", "workspace", "opened_at", "run_id"),
    Index("runs_by_project", "workspace", "project", "opened_at", "run_id"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
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

RELEASE: ColumnElement[str] = literal_column("'release'")
"""The kind of what says that a run is released: spelt out, so that a database sees that an index is of it."""
Index("releases", events.c.run_id, sqlite_where=events.c.kind == RELEASE, postgresql_where=events.c.kind == RELEASE)

freezes = Table(
    "freezes",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("root", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("sealed_at", Text, nullable=False),
    sqlite_with_rowid=False,
)

bundles = Table(
    "bundles",
    metadata,
    Column("run_id", Text, ForeignKey("freezes.run_id"), primary_key=True),
    Column("bundle", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
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

manifests = Table(
    "manifests",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("manifest", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("discarded_at", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", Text, nullable=False),
    sqlite_with_rowid=False,
)

openings = Table(
    "openings",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("commitment", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("random", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "commitment", name="each_commitment_opened_once"),
)

owners = Table(
    "owners",
    metadata,
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    Column("rank", Integer, nullable=False, server_default="0"),  # a Cognify of schema 0001 may still be writing
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "rank", name="one_owner_per_rank"),
)

meetings = Table(
    "meetings",
    metadata,
    Column("meeting", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.run_id"), nullable=False),
    sqlite_with_rowid=False,
)

profiles = Table(
    "profiles",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("project", Text, nullable=False),  # empty for the workspace's own
    Column("version", Integer, nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("saved_at", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "project", "version", name="one_profile_per_version"),
    sqlite_with_rowid=False,
)

accesses = Table(
    "accesses",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("run_id", Text),  # outlives the run
    Column("entry", LargeBinary, nullable=False),
    Column("head", LargeBinary),
    PrimaryKeyConstraint("workspace", "position", name="one_access_per_place"),
    Index("accesses_of_runs", "run_id", "position"),
    sqlite_with_rowid=False,
)

access_openings = Table(
    "access_openings",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("commitment", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("random", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "position", "commitment", name="each_access_opened_once"),
)

vault_facts = Table(
    "vault_facts",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("run_id", Text, nullable=False, index=True),  # outlives the run
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

policies = Table(
    "policies",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("policy", LargeBinary, nullable=False),
    Column("saved_at", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "kind", "version", name="one_policy_per_version"),
    sqlite_with_rowid=False,
)

keepings = Table(
    "keepings",
    metadata,
    Column("run_id", Text, nullable=False),  # outlives the run
    Column("position", Integer, nullable=False),
    Column("until", Text),
    Column("why", Text, nullable=False),
    Column("set_at", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "position", name="one_keeping_per_place"),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("run_id", Text, ForeignKey("runs.run_id")),
    Column("due_at", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("done_at", Text),
    Column("lease_until", Text),
    Column("workspace", Text, nullable=False, server_default="default"),
    Column("lane", Text),
    Column("body", LargeBinary, nullable=False, server_default=""),
    Column("failed_at", Text),
    Index("jobs_by_day", "done_at", "due_at"),
    Index("jobs_by_lane", "lane", "lease_until"),
)

webhooks = Table(
    "webhooks",
    metadata,
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

purges = Table(
    "purges",
    metadata,
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

ledgers = Table(
    "ledgers",
    metadata,
    Column("workspace", Text, primary_key=True),  # the row that an append holds
    sqlite_with_rowid=False,
)

leaves = Table(
    "leaves",
    metadata,
    Column("workspace", Text, ForeignKey("ledgers.workspace"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("workspace", "position", name="one_leaf_per_place"),
    UniqueConstraint("workspace", "kind", "subject", name="one_leaf_per_matter"),
    UniqueConstraint("workspace", "payload_hash", name="each_statement_logged_once"),
    sqlite_with_rowid=False,
)

nodes = Table(
    "nodes",
    metadata,
    Column("workspace", Text, ForeignKey("ledgers.workspace"), nullable=False),
    Column("level", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("workspace", "level", "place", name="one_node_per_place"),
    sqlite_with_rowid=False,
)

envelopes = Table(
    "envelopes",
    metadata,
    Column("run_id", Text, ForeignKey("freezes.run_id"), primary_key=True),
    Column("envelope", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
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

run_secrets = Table(
    "run_secrets",
    metadata,
    Column("run_id", Text, primary_key=True),  # kept before the run is begun
    Column("secret_hash", Text, nullable=False),
)

workspace_manifests = Table(
    "workspace_manifests",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("digest", Text, ForeignKey("manifests.digest"), nullable=False),
    PrimaryKeyConstraint("workspace", "digest", name="each_manifest_given_once"),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("arrived_at", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "size", name="each_length_reached_once"),
)
