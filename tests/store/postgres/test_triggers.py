"""Raw SQL against a store in PostgreSQL, by whoever owns its tables: what SQLite refuses is refused here.

An owner can switch triggers off, and no database can refuse that: see test_owners.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from cognify_core.store.columns import metadata
from cognify_core.store.keeping import KeepUntil
from cognify_core.store.rules import ERASABLE, WRITTEN_ONCE
from cognify_core.store.sql import open_store
from cognify_core.store.triggers_postgres import postgres_triggers
from tests import factories
from tests.servers.postgres import Server
from tests.store.test_triggers import CLOSED, NEW, PURGED, STONE, fill, purge_of
from tests.store.test_triggers import WRITTEN_ONCE as BECAUSE
from tests.store.values import ADDENDUM, MEETING, OTHER, RUN, closed, note

Connection = psycopg.Connection[tuple[object, ...]]
EVIDENCE = [table for table in WRITTEN_ONCE if table not in ERASABLE]


@pytest.fixture(scope="module")
def filled(server: Server, shared_database: str) -> Iterator[str]:
    """The URL of a store with one run open, one closed, one sealed with an addendum, one discarded, one purged."""
    name = server.create(template=shared_database)
    store = open_store(server.url(name))
    fill(store)
    store.close()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database(filled: str) -> Iterator[Connection]:
    """That store, spoken to by somebody else's program, which is undone after the test."""
    with psycopg.connect(filled) as connection:
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        yield connection
        connection.rollback()


def contents(database: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: sorted(database.execute(f"SELECT * FROM {table}".encode()).fetchall(), key=repr)
        for table in metadata.tables
    }


def refuse(database: Connection, statement: str, because: str) -> None:
    with pytest.raises(psycopg.IntegrityError, match=because), database.transaction():
        database.execute(statement.encode())


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_is_written_once_is_never_changed(database: Connection, table: str) -> None:
    before = contents(database)
    for column in metadata.tables[table].columns:
        refuse(database, f"UPDATE {table} SET {column.name} = {column.name}", f"{table} are never changed")
    assert contents(database) == before


@pytest.mark.parametrize("table", EVIDENCE)
def test_what_is_evidence_is_never_deleted(database: Connection, table: str) -> None:
    before = contents(database)
    refuse(database, f"DELETE FROM {table}", f"{table} are never deleted")
    assert contents(database) == before


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.parametrize("how", ["TRUNCATE {} CASCADE", "TRUNCATE ONLY {}, openings, owners CASCADE"])
def test_no_table_of_evidence_is_emptied(database: Connection, table: str, how: str) -> None:
    before = contents(database)
    refuse(database, how.replace("{}", table), "are never deleted")
    assert contents(database) == before


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_no_row_is_put_in_the_place_of_another(database: Connection, table: str) -> None:
    before = contents(database)
    column = list(metadata.tables[table].columns)[-1].name
    first = f"SELECT * FROM {table} ORDER BY 1 LIMIT 1"
    refuse(database, f"INSERT INTO {table} {first}", BECAUSE[table])
    refuse(database, f"INSERT INTO {table} {first} ON CONFLICT DO NOTHING", BECAUSE[table])
    key = ", ".join(each.name for each in metadata.tables[table].primary_key)
    refuse(database, f"INSERT INTO {table} {first} ON CONFLICT ({key}) DO UPDATE SET {column} = NULL", BECAUSE[table])
    merged = f"MERGE INTO {table} USING (SELECT 1) AS one (one) ON true WHEN MATCHED THEN UPDATE SET {column} = NULL"
    refuse(database, merged, f"{table} are never changed")
    assert contents(database) == before


def event(run_id: str, seq: object, *, writer: str = "raw", counter: int = 1, kind: str = "note") -> str:
    return rf"INSERT INTO events VALUES ('{run_id}', {seq}, '{writer}', {counter}, '{kind}', '\x00')"


def run_row(run_id: str, amended: str | None = None) -> str:
    amendment = "NULL, NULL" if amended is None else f"'{amended}', 1"
    return f"INSERT INTO runs VALUES ('{run_id}', 'n', 'default', 'p', NULL, 't', {amendment})"


def leaf_row(position: object, kind: str, subject: str, payload_hash: str) -> str:
    return (
        rf"INSERT INTO leaves VALUES ('default', {position}, '{kind}', '{subject}', '{payload_hash}', '\x00', '\x00')"
    )


def stone_row(run_id: str, size: int) -> str:
    return f"INSERT INTO tombstones VALUES ('{run_id}', 9, 'r', 't', {size}, 'r')"


@pytest.mark.parametrize(
    ("statement", "because"),
    [
        *((event(OTHER, seq), "an event's number is the record's length") for seq in ("0", "2", "4", "-1", "NULL")),
        (event(OTHER, 3, writer="main"), "each draft is taken once"),
        (event(RUN, 3), "sealed: a frozen run takes no events"),
        (event(CLOSED, 2), "sealed: a closed run takes no events"),
        (event(NEW, 0, kind="run_opened"), "an event belongs to a run"),
        (event(STONE, 1), "an event belongs to a run"),
        (event(OTHER, 3, kind="run_opened"), "run_opened is event 0, and no other is"),
        (run_row(OTHER), "there is a run of that id already"),
        (run_row(STONE), "a discarded run had that id"),
        (run_row(NEW, RUN), "has an addendum of that ordinal already"),
        (run_row(NEW, CLOSED), "only a frozen run takes addenda"),
        (f"INSERT INTO freezes VALUES ('{RUN}', 3, 'r', 'l', 't')", "a run is frozen once"),
        (f"INSERT INTO freezes VALUES ('{OTHER}', 3, 'r', 'l', 't')", "only a closed run can be frozen"),
        (f"INSERT INTO freezes VALUES ('{CLOSED}', 1, 'r', 'l', 't')", "at the record's length"),
        (rf"INSERT INTO bundles VALUES ('{CLOSED}', '\x00')", "only a frozen run has a bundle"),
        (rf"INSERT INTO envelopes VALUES ('{CLOSED}', '\x00')", "only a frozen run has an envelope"),
        (f"INSERT INTO meetings VALUES ('{MEETING}', '{RUN}')", "a meeting has one run"),
        (stone_row(RUN, 3), "sealed: a frozen run cannot be discarded"),
        (stone_row(OTHER, 2), "a tombstone tells the record's length"),
        (stone_row(NEW, 0), "a tombstone is of a run"),
        (stone_row(STONE, 1), "a run is discarded once"),
        (stone_row(OTHER, 3), "discarded by a leaf of the ledger"),
        *((leaf_row(place, "opened", NEW, "new"), "the ledger's length") for place in ("0", "2", "4", "-1", "NULL")),
        (leaf_row(3, "opened", CLOSED, "new"), "a leaf of that kind and subject already"),
        (f"INSERT {purge_of(RUN)}", "the run must still be kept"),
        (f"INSERT {purge_of(OTHER)}", "only a frozen run is purged"),
        (f"INSERT {purge_of(PURGED)}", "a run is purged once"),
        *(
            (f"INSERT INTO keepings VALUES ('{RUN}', 1, {until}, 'w', 't')", "no day is taken|a day is written")
            for until in ("'2998-12-31'", "''", "'0'", "'2999-02-29'", "'2999-13-01'", "'3000'", "'3000-01-01 '")
        ),
        (f"INSERT INTO keepings VALUES ('{OTHER}', 0, '2020-01-01', 'w', 't')", "only a frozen run"),
    ],
)
def test_a_row_that_would_break_the_record_is_refused(database: Connection, statement: str, because: str) -> None:
    before = contents(database)
    refuse(database, statement, because)
    assert contents(database) == before


@pytest.mark.parametrize("until", ["3000-01-01", "3000-02-28", "3004-02-29", "2999-12-31"])
def test_a_later_day_is_taken(database: Connection, until: str) -> None:
    database.execute(f"INSERT INTO keepings VALUES ('{RUN}', 1, '{until}', 'w', 't')".encode())


def test_a_purge_has_a_second_approver_and_a_day_that_is_past(database: Connection) -> None:
    database.execute("ALTER TABLE keepings DISABLE TRIGGER keepings_update")
    today = "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
    database.execute(f"UPDATE keepings SET until = {today} WHERE run_id = '{RUN}'".encode())
    refuse(database, f"INSERT {purge_of(RUN)}", "the run must still be kept")
    database.execute(f"UPDATE keepings SET until = '2020-01-01' WHERE run_id = '{RUN}'".encode())
    refuse(database, f"INSERT {purge_of(RUN, approved_by=' a. person ')}", "a purge has a second approver")
    database.execute(f"INSERT {purge_of(RUN)}".encode())


def test_a_tombstone_takes_the_whole_run_with_it(database: Connection) -> None:
    database.execute(leaf_row(3, "tombstone", OTHER, "new").encode())
    before = contents(database)
    database.execute(stone_row(OTHER, 3).encode())
    after = contents(database)
    for table in ("runs", "events", "openings", "owners", "jobs", "meetings"):
        assert after[table] == [row for row in before[table] if OTHER not in row]


def test_an_event_that_keeps_the_rules_is_taken(database: Connection) -> None:
    database.execute(event(OTHER, 3).encode())
    assert database.execute(f"SELECT count(*) FROM events WHERE run_id = '{OTHER}'".encode()).fetchone() == (4,)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_rules_are_judged_by_what_is_committed_and_not_by_what_a_transaction_saw_once(filled: str, level: str) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        with pytest.raises(psycopg.IntegrityError, match="rules are judged at READ COMMITTED alone"):
            connection.execute(event(OTHER, 3).encode())


def test_an_event_that_waited_for_a_freeze_is_refused(own_database: str) -> None:
    """As raw SQL may send it; the lock is the row of the run."""
    with psycopg.connect(own_database) as first, psycopg.connect(own_database) as second:
        first.execute(run_row(OTHER).encode())
        first.execute(event(OTHER, 0, kind="run_opened").encode())
        first.execute(event(OTHER, 1, counter=2, kind="run_closed").encode())
        first.commit()
        first.execute(f"INSERT INTO freezes VALUES ('{OTHER}', 2, 'r', 'l', 't')".encode())
        second.execute("SET lock_timeout = '200ms'")
        second.commit()
        with pytest.raises(psycopg.errors.LockNotAvailable, match="lock timeout"):
            second.execute(event(OTHER, 2, counter=3).encode())
        second.rollback()
        first.commit()
        with pytest.raises(psycopg.IntegrityError, match="sealed: a frozen run takes no events"):
            second.execute(event(OTHER, 2, counter=3).encode())


def test_tables_of_ones_own_do_not_stand_in_for_the_stores(database: Connection) -> None:
    """A function looks for tables in the store's schema, whatever this connection's path says."""
    for table in ("runs", "freezes", "events"):
        database.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table})".encode())
    refuse(database, event(RUN, 3).replace("INTO events", "INTO public.events"), "a frozen run takes no events")


def test_a_replicas_session_is_held_to_the_rules_too(database: Connection) -> None:
    database.execute("SET session_replication_role = replica")
    refuse(database, "DELETE FROM events", "events are never deleted")
    refuse(database, event(RUN, 3), "a frozen run takes no events")


def test_the_functions_in_a_store_are_those_of_this_version_and_nobody_elses_to_use(database: Connection) -> None:
    query = "SELECT proname, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    rows = database.execute(query).fetchall()
    made = [statement for statement in postgres_triggers("public") if statement.startswith("CREATE FUNCTION")]
    assert {name for name, _ in rows} == {statement.split("public.")[1].split("(")[0] for statement in made}
    assert all("{=" not in str(rights) and ",=" not in str(rights) for _, rights in rows)
    always = database.execute("SELECT DISTINCT tgenabled::text FROM pg_trigger WHERE NOT tgisinternal").fetchall()
    assert always == [("A",)]


def test_texts_compare_by_their_bytes_in_every_column(database: Connection) -> None:
    query = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' OR data_type IN ('integer', 'boolean')"
        " AND table_schema = 'public'"
    )
    assert database.execute(query.encode()).fetchall() == []


def test_the_store_goes_on_after_all_attacks(filled: str) -> None:
    store = open_store(filled)
    assert store.run(ADDENDUM).size == 1
    assert store.append(OTHER, [note(3), closed()]) == 5
    store.keep_until(RUN, KeepUntil("2999-01-02", "a law", factories.TIME))
    store.close()
