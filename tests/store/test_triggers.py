"""Raw SQL against a store, as any program may send it: connections that have `recursive_triggers` off.

Dropping a trigger or writing the file cannot be refused by any database; what is done so is caught by signatures.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cognify_core.store.columns import metadata
from cognify_core.store.keeping import KeepUntil
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.store.tenancy import Arrival
from cognify_core.store.triggers import sqlite_triggers
from tests import factories
from tests.store.contract_access_log import ACTOR, look
from tests.store.contract_keeping import PURGE, fact
from tests.store.contract_tenancy import TEAM, TOKEN
from tests.store.contract_visitors import ADA, LINK, SESSION
from tests.store.contract_working import hook, job
from tests.store.values import (
    ADDENDUM,
    BUNDLE,
    MEETING,
    OPENINGS,
    OTHER,
    RUN,
    amends,
    begin,
    begin_met,
    closed,
    draft,
    frozen,
    leaf,
    note,
    receipt,
)
from tests.store.values import closed as closing_draft

CLOSED = "run_20250910_000000_c105e"
STONE = "run_20250911_000000_dead0"
NEW = "run_20250915_000000_00001"
PURGED = "run_20250908_000000_90e00"

TABLES = tuple(metadata.tables)


def fill(store: SqlStore) -> None:
    """Leave one open run in it, one closed, one sealed with an addendum, one discarded, one purged."""
    begin_met(store, OTHER)
    store.append(OTHER, [note(1), draft(factories.dataset(), 2)])
    store.put_openings(OTHER, OPENINGS)
    store.put_accesses([look(OTHER, ACTOR)])
    begin(store, CLOSED)
    store.append(CLOSED, [draft(factories.gap(), 1), closed()])
    begin(store, STONE)
    store.discard(STONE, "a typo", factories.TIME)
    frozen(store, RUN)
    store.put_envelope(RUN, BUNDLE)
    store.put_bundle(RUN, BUNDLE)
    store.log([leaf("opened", CLOSED), leaf("seal", RUN), leaf("opened", OTHER)])
    store.put_receipt(receipt())
    begin(store, ADDENDUM, amends=amends())
    store.put_manifest(factories.TREE)
    store.put_profile(b"{}", factories.TIME)
    store.put_fact(fact())
    store.put_policy("retention", b"{}", factories.TIME)
    store.keep_until(RUN, KeepUntil("2999-01-01", "a law", factories.TIME))
    store.put_job(job(OTHER))
    store.put_workspace(TEAM)
    store.put_token(TOKEN)
    store.put_secret(RUN, "a digest")
    store.put_arrival(RUN, Arrival(1, factories.TIME))
    frozen(store, PURGED)
    store.keep_until(PURGED, KeepUntil("2020-01-01", "a law", factories.TIME))
    store.purge(PURGED, PURGE)


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """One open run, one closed, one sealed with an addendum, one discarded; spoken to by somebody else's program."""
    store = open_store(path)
    fill(store)
    store.put_person(ADA)
    store.put_session(SESSION)
    store.put_link(LINK)
    store.put_hook(hook())
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (0,)
        yield connection


def contents(database: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def refuse(database: sqlite3.Connection, statement: str, because: str) -> None:
    before = contents(database)
    with pytest.raises(sqlite3.IntegrityError, match=because):
        database.execute(statement)
    assert contents(database) == before


WRITTEN_ONCE = {
    "runs": "there is a run of that id already",
    "events": "sealed: a closed run takes no events",
    "freezes": "a run is frozen once",
    "bundles": "a run has one bundle",
    "receipts": "a package has one receipt",
    "manifests": "a manifest is kept once",
    "tombstones": "a run is discarded once",
    "meetings": "a meeting has one run",
    "profiles": "a profile's versions are numbered from 1 without a hole",
    "vault_facts": "facts about vaults are numbered without a hole",
    "policies": "a policy's versions are numbered from 1 without a hole",
    "keepings": "what keeps a run is numbered without a hole",
    "purges": "a run is purged once",
    "envelopes": "a run has one envelope",
    "ledgers": "a workspace has one ledger",
    "leaves": "a leaf's place is the ledger's length",
    "nodes": "a node never changes",
    "accesses": "an access's place is the log's length",
}
"""Every table whose rows stay as they are, and why its first row cannot be inserted again."""

ERASABLE = (
    *("openings", "access_openings", "owners", "jobs", "meetings"),
    *("workspaces", "tokens", "run_secrets", "workspace_manifests", "arrivals", "gaps", "outcomes", "mentions"),
    *("people", "sessions", "links", "webhooks"),
)
"""The side tables: what stands in them is no evidence."""


def test_every_table_but_the_side_tables_is_written_once() -> None:
    assert set(TABLES) - set(WRITTEN_ONCE) == set(ERASABLE) - {"meetings"}


@pytest.mark.parametrize("table", WRITTEN_ONCE)
@pytest.mark.parametrize("how", ["UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE"])
def test_what_is_written_once_is_never_changed(database: sqlite3.Connection, table: str, how: str) -> None:
    for column in metadata.tables[table].columns:
        refuse(database, f"{how} {table} SET {column.name} = {column.name}", f"{table} are never changed")


@pytest.mark.parametrize("table", [table for table in WRITTEN_ONCE if table not in ERASABLE])
def test_what_is_evidence_is_never_deleted(database: sqlite3.Connection, table: str) -> None:
    refuse(database, f"DELETE FROM {table}", f"{table} are never deleted")


@pytest.mark.parametrize("table", WRITTEN_ONCE)
@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
def test_no_row_is_put_in_the_place_of_another(database: sqlite3.Connection, table: str, how: str) -> None:
    refuse(database, f"{how} INTO {table} SELECT * FROM {table} ORDER BY 1 LIMIT 1", WRITTEN_ONCE[table])


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_no_row_is_changed_by_an_upsert(database: sqlite3.Connection, table: str) -> None:
    column = list(metadata.tables[table].columns)[-1].name
    upsert = f"INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT DO UPDATE SET {column} = NULL"
    refuse(database, upsert, WRITTEN_ONCE[table])


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_no_table_has_row_numbers_by_which_a_row_could_be_replaced(database: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
        database.execute(f"SELECT rowid FROM {table}")


def event(run_id: str, seq: object, *, writer: str = "raw", counter: int = 1, kind: str = "note") -> str:
    return f"INTO events VALUES ('{run_id}', {seq}, '{writer}', {counter}, '{kind}', x'00')"


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
class TestEvents:
    """Each way of inserting, for the conflict clause of a statement overrides that of a constraint."""

    @pytest.mark.parametrize("seq", ["0", "1", "2", "4", "-1", "NULL", "'3x'", "3.5"])
    def test_an_event_goes_to_the_end(self, database: sqlite3.Connection, how: str, seq: str) -> None:
        refuse(database, f"{how} {event(OTHER, seq)}", "an event's number is the record's length")

    def test_an_event_at_the_end_does_not_push_out_another(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {event(OTHER, 3, writer='main')}", "each draft is taken once")

    def test_a_frozen_run_takes_none(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {event(RUN, 3)}", "sealed: a frozen run takes no events")

    def test_a_closed_run_takes_none(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {event(CLOSED, 2)}", "sealed: a closed run takes no events")

    def test_no_run_no_events(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {event(NEW, 0, kind='run_opened')}", "an event belongs to a run")
        refuse(database, f"{how} {event(STONE, 1)}", "an event belongs to a run")

    def test_run_opened_is_the_first_alone(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {event(OTHER, 3, kind='run_opened')}", "run_opened is event 0, and no other is")

    def test_an_event_has_a_writer_and_bytes(self, database: sqlite3.Connection, how: str) -> None:
        before = contents(database)
        statement = f"{how} INTO events VALUES ('{OTHER}', 3, NULL, NULL, NULL, NULL)"
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(statement)
        assert contents(database) == before


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
class TestBelongings:
    """What hangs on a run cannot be hung on another, or before its time."""

    def run(self, run_id: str, amended: str | None = None) -> str:
        amendment = "NULL, NULL" if amended is None else f"'{amended}', 1"
        return f"INTO runs VALUES ('{run_id}', 'n', 'default', 'p', NULL, 't', {amendment})"

    def test_an_id_is_given_once(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {self.run(OTHER)}", "there is a run of that id already")
        refuse(database, f"{how} {self.run(STONE)}", "a discarded run had that id")

    def test_an_addendum_does_not_push_out_another(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {self.run(NEW, RUN)}", "has an addendum of that ordinal already")

    def test_only_a_frozen_run_is_amended(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {self.run(NEW, CLOSED)}", "only a frozen run takes addenda")
        refuse(database, f"{how} {self.run(NEW, NEW)}", "only a frozen run takes addenda")

    def test_a_freeze_is_set_once_at_the_end_of_a_closed_run(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} INTO freezes VALUES ('{RUN}', 3, 'r', 'l', 't')", "a run is frozen once")
        refuse(database, f"{how} INTO freezes VALUES ('{OTHER}', 3, 'r', 'l', 't')", "only a closed run can be frozen")
        refuse(database, f"{how} INTO freezes VALUES ('{CLOSED}', 1, 'r', 'l', 't')", "at the record's length")
        refuse(database, f"{how} INTO freezes VALUES ('{NEW}', 0, 'r', 'l', 't')", "a freeze belongs to a run")

    def test_a_bundle_belongs_to_a_frozen_run(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} INTO bundles VALUES ('{RUN}', x'00')", "a run has one bundle")
        refuse(database, f"{how} INTO bundles VALUES ('{CLOSED}', x'00')", "only a frozen run has a bundle")

    def test_a_receipt_belongs_to_a_frozen_run(self, database: sqlite3.Connection, how: str) -> None:
        values = f"('h', '{CLOSED}', 0, 'json', NULL, 'r', '[]', 'p', x'00')"
        refuse(database, f"{how} INTO receipts VALUES {values}", "only a frozen run has packages")

    def test_a_meeting_is_of_a_run_and_keeps_it(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} INTO meetings VALUES ('{MEETING}', '{RUN}')", "a meeting has one run")
        refuse(database, f"{how} INTO meetings VALUES ('another', '{NEW}')", "a meeting is of a run")

    def test_a_tombstone_is_of_a_run_that_may_go(self, database: sqlite3.Connection, how: str) -> None:
        for run_id, size, because in (
            (RUN, 3, "sealed: a frozen run cannot be discarded"),
            (OTHER, 2, "a tombstone tells the record's length"),
            (NEW, 0, "a tombstone is of a run"),
            (STONE, 1, "a run is discarded once"),
        ):
            refuse(database, f"{how} INTO tombstones VALUES ('{run_id}', 9, 'r', 't', {size}, 'r')", because)


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
class TestLedger:
    """No leaf takes the place of another, and none is said twice."""

    def leaf(self, position: object, kind: str, subject: str, payload_hash: str) -> str:
        return f"INTO leaves VALUES ('default', {position}, '{kind}', '{subject}', '{payload_hash}', x'00', x'00')"

    @pytest.mark.parametrize("position", ["0", "2", "4", "-1", "NULL", "'3x'", "3.5"])
    def test_a_leaf_goes_to_the_end(self, database: sqlite3.Connection, how: str, position: str) -> None:
        refuse(database, f"{how} {self.leaf(position, 'opened', NEW, 'new')}", "a leaf's place is the ledger's length")

    def test_a_run_is_opened_and_sealed_once(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {self.leaf(3, 'opened', CLOSED, 'new')}", "a leaf of that kind and subject already")
        refuse(database, f"{how} {self.leaf(3, 'seal', RUN, 'new')}", "a leaf of that kind and subject already")

    def test_a_statement_is_logged_once(self, database: sqlite3.Connection, how: str) -> None:
        (known,) = database.execute("SELECT payload_hash FROM leaves WHERE position = 1").fetchone()
        refuse(database, f"{how} {self.leaf(3, 'opened', NEW, known)}", "a leaf of that statement already")

    def test_an_envelope_belongs_to_a_frozen_run(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} INTO envelopes VALUES ('{CLOSED}', x'00')", "only a frozen run has an envelope")

    def test_a_run_that_the_ledger_lists_goes_with_a_leaf(self, database: sqlite3.Connection, how: str) -> None:
        statement = f"{how} INTO tombstones VALUES ('{OTHER}', 9, 'because', 't', 3, 'r')"
        refuse(database, statement, "discarded by a leaf of the ledger")


def test_a_tombstone_takes_the_whole_run_with_it(database: sqlite3.Connection) -> None:
    row = f"'default', 3, 'tombstone', '{OTHER}', 'new', x'00', x'00'"
    database.execute(f"INSERT INTO leaves VALUES ({row})")
    before = contents(database)
    database.execute(f"INSERT INTO tombstones VALUES ('{OTHER}', 9, 'because', 't', 3, 'r')")
    after = contents(database)
    for table in ("runs", "events", *(each for each in ERASABLE if each != "access_openings")):
        assert after[table] == [row for row in before[table] if OTHER not in row]
    assert after["access_openings"] == before["access_openings"]


def purge_of(run_id: str, *, approved_by: str = "B. Person") -> str:
    return f"INTO purges VALUES ('{run_id}', 9, NULL, 'A. Person', '{approved_by}', 'r', 't', NULL, '[]')"


@pytest.mark.parametrize("how", ["INSERT", "INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
class TestKeeping:
    """A sealed run goes when its day is past, by the database's own clock, and two agree; not before."""

    def test_a_run_that_must_be_kept_is_not_purged(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} {purge_of(RUN)}", "the run must still be kept")
        refuse(database, f"{how} {purge_of(OTHER)}", "only a frozen run is purged")
        refuse(database, f"{how} {purge_of(PURGED)}", "a run is purged once")

    @pytest.mark.parametrize("until", ["'2998-12-31'", "''", "'0'", "2999"])
    def test_no_day_is_taken_for_an_earlier_one(self, database: sqlite3.Connection, how: str, until: str) -> None:
        statement = f"{how} INTO keepings VALUES ('{RUN}', 1, {until}, 'w', 't')"
        refuse(database, statement, r"no day is taken for an earlier one|a day is written 2036-11-28")

    def test_an_open_hold_keeps_a_run(self, database: sqlite3.Connection, how: str) -> None:
        database.execute(f"{how} INTO keepings VALUES ('{RUN}', 1, NULL, 'a law', 't')")
        refuse(database, f"{how} {purge_of(RUN)}", "the run must still be kept")
        refuse(database, f"{how} INTO keepings VALUES ('{RUN}', 2, '2020-01-01', 'w', 't')", "for an earlier one")

    def test_only_a_frozen_run_is_kept_until_a_day(self, database: sqlite3.Connection, how: str) -> None:
        refuse(database, f"{how} INTO keepings VALUES ('{OTHER}', 0, '2020-01-01', 'w', 't')", "only a frozen run")

    def test_a_purge_has_a_second_approver(self, database: sqlite3.Connection, how: str) -> None:
        database.execute("DROP TRIGGER keepings_update")
        database.execute(f"UPDATE keepings SET until = '2020-01-01' WHERE run_id = '{RUN}'")
        refuse(database, f"{how} {purge_of(RUN, approved_by=' a. person ')}", "a purge has a second approver")

    def test_an_addendum_is_kept_as_long_as_its_run(self, database: sqlite3.Connection, how: str) -> None:
        for statement in (
            f"INSERT INTO events VALUES ('{ADDENDUM}', 1, 'raw', 1, 'run_closed', x'00')",
            f"INSERT INTO freezes VALUES ('{ADDENDUM}', 2, 'r', 'l', 't')",
        ):
            database.execute(statement)
        refuse(database, f"{how} {purge_of(ADDENDUM)}", "the run must still be kept")


def test_a_purged_run_leaves_a_tombstone_a_purge_and_its_facts(database: sqlite3.Connection) -> None:
    left = {table for table, rows in contents(database).items() if any(PURGED in row for row in rows)}
    assert left == {"tombstones", "purges", "keepings"}
    refuse(
        database, f"INSERT INTO runs VALUES ('{PURGED}', 'n', 'default', 'p', NULL, 't', NULL, NULL)", "discarded run"
    )


def test_the_side_tables_can_be_erased_by_anyone(database: sqlite3.Connection) -> None:
    for table in ERASABLE:
        assert contents(database)[table]
        database.execute(f"DELETE FROM {table}")
        assert contents(database)[table] == []


@pytest.mark.parametrize("version", ["0", "3", "-1", "NULL", "'2x'"])
def test_a_profile_comes_after_the_one_before(database: sqlite3.Connection, version: str) -> None:
    values = f"('default', '', {version}, x'00', 't')"
    refuse(database, f"INSERT INTO profiles VALUES {values}", WRITTEN_ONCE["profiles"])


def test_a_meeting_has_one_run_even_where_the_trigger_is_gone(database: sqlite3.Connection) -> None:
    database.execute("DROP TRIGGER meetings_insert")
    refuse(database, f"INSERT INTO meetings VALUES ('{MEETING}', '{RUN}')", "UNIQUE constraint failed")


def test_an_event_that_keeps_the_rules_is_taken(database: sqlite3.Connection) -> None:
    database.execute(f"INSERT {event(OTHER, 3)}")
    assert database.execute(f"SELECT count(*) FROM events WHERE run_id = '{OTHER}'").fetchone() == (4,)


def test_the_store_goes_on_after_all_attacks(database: sqlite3.Connection, path: Path) -> None:
    store = open_store(path)
    assert store.append(OTHER, [note(3), closing_draft()]) == 5
    store.close()


def test_the_triggers_in_a_store_are_those_of_this_version(database: sqlite3.Connection) -> None:
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    assert dict(rows.fetchall()) == sqlite_triggers()
