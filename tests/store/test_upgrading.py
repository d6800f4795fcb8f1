"""Stores that an older Cognify left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cognify_core.errors import StoreError
from cognify_core.merkle import leaf_hash
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.digest import Digest
from cognify_core.model.record import Status
from cognify_core.store.confined import confined
from cognify_core.store.finding import Wanted
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.store.tables import REVISIONS
from cognify_core.store.working import Job
from tests import factories
from tests.store.contract_access_log import ACTOR, access, look
from tests.store.values import (
    ADDENDUM,
    BUNDLE,
    MEETING,
    OPENINGS,
    OTHER,
    OWNER,
    RUN,
    begin_met,
    closed,
    draft,
    freeze_of,
    leaf,
    note,
    notes,
    old_store,
    receipt,
)

_BEFORE_0010 = (
    "DROP TABLE webhooks;"
    + "".join(f"DROP INDEX {index};" for index in ("runs_by_project", "releases", "jobs_by_day", "jobs_by_lane"))
    + "".join(f"ALTER TABLE jobs DROP COLUMN {column};" for column in ("workspace", "lane", "body", "failed_at"))
)
RANKS = "run_20250915_000000_0ade0"
"""In the store of schema 0002: an open run of two ranks."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Where a store of schema 0001 lies."""
    return old_store(tmp_path / "cognify.db")


@pytest.fixture
def from_0002(tmp_path: Path) -> Iterator[SqlStore]:
    """A store of schema 0002, opened by this Cognify."""
    store = open_store(old_store(tmp_path / "cognify.db", "0002"))
    yield store
    store.close()


@pytest.fixture
def upgraded(old: Path) -> Iterator[SqlStore]:
    """That store, opened by this Cognify."""
    store = open_store(old)
    yield store
    store.close()


def test_an_old_store_keeps_its_records_byte_for_byte(upgraded: SqlStore) -> None:
    assert [(row.run_id, row.status, row.size) for row in upgraded.runs(addenda=True)] == [
        (ADDENDUM, Status.RUNNING, 1),
        (OTHER, Status.AUDIT_SEALED, 3),
        (RUN, Status.RUNNING, 3),
    ]
    first = draft(factories.opened(), time=factories.OPENED_AT)
    assert list(upgraded.events(RUN)) == [
        event.at(RUN, seq).encode() for seq, event in enumerate([first, *notes(1, 2)])
    ]


def test_an_old_store_keeps_what_belongs_to_its_runs(upgraded: SqlStore) -> None:
    assert (upgraded.run(OTHER).freeze, upgraded.bundle(OTHER)) == (freeze_of(upgraded, OTHER), BUNDLE)
    assert upgraded.receipts(OTHER) == [receipt(run_id=OTHER)]
    assert [row.run_id for row in upgraded.addenda(OTHER)] == [ADDENDUM]
    assert upgraded.openings(RUN) == OPENINGS
    assert upgraded.manifest(Digest.of(factories.TREE)) == factories.TREE
    assert [stone.reason for stone in upgraded.tombstones()] == ["a typo"]


def test_who_owned_a_run_in_an_old_store_is_its_rank_0(upgraded: SqlStore) -> None:
    assert (upgraded.owners(RUN), upgraded.owners(ADDENDUM)) == ([OWNER], [])
    assert OWNER.rank == 0


def test_a_store_of_schema_0002_keeps_its_runs_and_takes_profiles_and_accesses(from_0002: SqlStore) -> None:
    assert [row.run_id for row in from_0002.runs(addenda=True)] == [RANKS, ADDENDUM, OTHER, RUN]
    assert ([owner.rank for owner in from_0002.owners(RANKS)], from_0002.met(MEETING)) == ([0, 1], RANKS)
    from_0002.put_accesses([look(RUN, ACTOR)])
    from_0002.put_profile(b"{}", factories.TIME)
    assert from_0002.accesses(RUN) == [access()]
    assert from_0002.openings(RUN) == [*OPENINGS, ACTOR]
    assert from_0002.profiles()[-1].version == 1


def test_a_store_of_schema_0002_has_the_schema_of_a_new_one(
    from_0002: SqlStore, tmp_path: Path, empty_store: Path
) -> None:
    assert _schema(tmp_path / "cognify.db") == _schema(empty_store)


def test_a_store_of_schema_0003_keeps_what_it_had_and_takes_leaves(tmp_path: Path, empty_store: Path) -> None:
    store = open_store(old_store(tmp_path / "cognify.db", "0003"))
    assert [row.run_id for row in store.runs(addenda=True)] == [RANKS, ADDENDUM, OTHER, RUN]
    assert (store.accesses(RUN), store.profiles()[-1].version) == ([access()], 1)
    (row,) = store.access_rows(0, 9)
    assert AccessEntry.parse(row.entry) == AccessEntry("default", 0, RUN, access())
    assert store.node_row(0, 0, 9, tree="accesses") == [leaf_hash(row.entry)]
    assert store.put_accesses([look(RUN)]) == [1]
    assert (store.ledger_size(), store.envelope(OTHER)) == (0, None)
    assert [place.position for place in store.log([leaf("seal", OTHER), leaf("opened", RUN)])] == [0, 1]
    store.close()
    assert _schema(tmp_path / "cognify.db") == _schema(empty_store)


def test_manifests_of_schema_0005_are_those_of_the_embedded_workspace(tmp_path: Path, empty_store: Path) -> None:
    store = open_store(old_store(tmp_path / "cognify.db", "0005"))
    digest = Digest.of(b"kept before there were workspaces")
    assert confined(store, "default").manifest(digest) == b"kept before there were workspaces"
    assert confined(store, "another").manifests([digest]) == {}
    assert (store.ledger_size(), store.policies("retention")[-1].version) == (1, 1)
    store.close()
    assert _schema(tmp_path / "cognify.db") == _schema(empty_store)


def test_lists_find_what_an_older_store_recorded(tmp_path: Path) -> None:
    path = tmp_path / "cognify.db"
    store = open_store(path)
    begin_met(store, RUN)
    unresolved = factories.dataset(assurance="unresolved", reason="gone", hash=None, manifest=None)
    seen, rows = factories.dataset(ref="rows"), Digest.of(factories.ROWS)
    said = (note(1), draft(unresolved, 2), draft(factories.gap(), 3), draft(seen, 4))
    store.append(RUN, [*said, closed(status="FAILED")])
    known = store.glance([RUN]), store.count_runs(), store.holders([rows])
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.executescript(_BEFORE_0010)
        for table in ("gaps", "outcomes", "mentions", "accesses", "access_openings"):
            older.execute(f"DROP TABLE {table}")
        older.executescript("CREATE TABLE accesses (run_id, position, access);")
        older.executescript("UPDATE alembic_version SET version_num = '0007';")
    store = open_store(path)
    assert (store.glance([RUN]), store.count_runs(), store.holders([rows])) == known
    assert [row.run_id for row in store.find_runs(Wanted(gaps=True, status=Status.FAILED, holds=rows))] == [RUN]
    store.close()


def test_work_that_waited_in_schema_0005_is_that_of_its_runs_workspace(tmp_path: Path) -> None:
    path = old_store(tmp_path / "cognify.db", "0005")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        waits = (*("deliver:1", "deliver", RUN, factories.TIME, factories.TIME, 2, "no answer"), None, None)
        database.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(waits))})", waits)
    store = open_store(path)
    assert store.jobs(workspace="default") == [
        Job("deliver:1", "deliver", RUN, factories.TIME, factories.TIME, attempts=2, last_error="no answer")
    ]
    store.put_job(Job("round:default", "round", None, factories.TIME, factories.TIME))
    assert store.claim_job(factories.TIME, "2026", kinds=["deliver"]) is not None
    store.close()


def test_an_upgraded_store_is_written_on(upgraded: SqlStore) -> None:
    assert upgraded.append(RUN, [note(3), closed()]) == 5
    begin_met(upgraded, "run_20250915_000000_00001")
    assert upgraded.met(MEETING) == "run_20250915_000000_00001"
    upgraded.discard(ADDENDUM, "a typo", factories.TIME)


def test_an_upgraded_store_has_the_schema_of_a_new_one(upgraded: SqlStore, old: Path, empty_store: Path) -> None:
    assert _schema(old) == _schema(empty_store)
    assert _revision(old) == REVISIONS[-1]


def test_a_process_of_the_older_cognify_writes_on_while_the_store_is_upgraded(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as older:
        older.execute("SELECT * FROM owners").fetchall()
        store = open_store(old)
        older.execute(f"DELETE FROM owners WHERE run_id = '{RUN}'")
        older.execute(
            f"INSERT INTO owners (run_id, host, boot_id, pid, started) VALUES ('{RUN}', 'host', 'boot', 4711, '123456')"
        )
        assert store.owners(RUN) == [OWNER]
        store.close()


def test_several_threads_may_upgrade_one_store_at_once(old: Path) -> None:
    def count_runs(_: int) -> int:
        store = open_store(old)
        runs = len(store.runs())
        store.close()
        return runs

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(count_runs, range(5))) == [2] * 5


def test_an_upgrade_that_fails_leaves_the_old_store(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as database:
        database.execute("CREATE TABLE meetings (agenda TEXT)")
    before = _schema(old)
    with pytest.raises(StoreError, match=r"cognify\.db failed: .*table meetings already exists"):
        open_store(old)
    assert (_schema(old), _revision(old)) == (before, "0001")


def _schema(path: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(kind, name, " ".join((sql or "").replace('"', "").split())) for kind, name, sql in rows}


def _revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
