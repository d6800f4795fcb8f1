"""Finding a store in PostgreSQL, or making one; and saying why not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from cognify_core.errors import ConfigurationError, StoreError, StoreVersionError
from cognify_core.store.columns import metadata
from cognify_core.store.postgres import VERSION_TABLE, Postgres
from cognify_core.store.sql import SqlStore, open_store
from tests.servers.postgres import PASSWORD, Server
from tests.servers.starting import free_ports
from tests.store.programs import REPOSITORY
from tests.store.values import RUN, begin, notes

OPEN = "import sys; from cognify_core.store.sql import open_store; store = open_store(sys.argv[1]); "


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    """The URL of a database that holds nothing."""
    name = server.create()
    yield server.url(name)
    server.drop(name)


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """What the last of the statements finds."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            found = connection.execute(statement.encode())
        return found.fetchall() if found.description else []


def test_a_store_keeps_what_it_holds_from_one_opening_to_the_next(database_url: str) -> None:
    first = open_store(database_url)
    begin(first)
    first.append(RUN, notes(1, 2))
    first.close()
    second = open_store(database_url.replace("postgresql:", "postgres:"))
    assert second.run(RUN).size == 3
    second.close()


def test_a_store_says_where_it_is_and_not_with_what_password(store: SqlStore, server: Server) -> None:
    assert store.place.startswith(f"postgresql://127.0.0.1:{server.port}/database_")
    assert PASSWORD not in store.place + repr(store._database) + "".join(store.notes)


def test_a_server_that_does_not_wait_for_its_disk_is_told_of(store: SqlStore) -> None:
    (told,) = store.notes
    assert "runs with fsync off" in told  # the tests' own does, for speed


def test_a_commit_waits_for_the_disk_whatever_the_server_or_the_url_says(own_database: str) -> None:
    execute(
        own_database,
        "ALTER DATABASE current SET synchronous_commit = off".replace("current", own_database.rsplit("/")[-1]),
    )
    database = Postgres(f"{own_database}?options=-csynchronous_commit%3Doff")
    with database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    database.close()


def test_an_existing_store_opens_without_alembic(database_url: str) -> None:
    program = f"{OPEN} store.close(); sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program, database_url], check=False, cwd=REPOSITORY).returncode == 0


def test_a_store_on_sqlite_needs_no_psycopg() -> None:
    program = "import sys, cognify_core.store.sql; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=REPOSITORY).returncode == 0


def test_where_psycopg_is_missing_the_extra_is_named() -> None:
    program = f"sys = __import__('sys'); sys.modules['psycopg'] = None; {OPEN}"
    command = [sys.executable, "-c", program, f"postgresql://ada:{PASSWORD}@h/d"]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True)
    assert "ConfigurationError: a store in PostgreSQL needs psycopg: pip install 'cognify-audit[server]'" in done.stderr
    assert PASSWORD not in done.stderr


def test_the_migrations_make_the_tables_that_the_store_speaks_of(database_url: str) -> None:
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_migration_that_fails_leaves_nothing(empty: str) -> None:
    execute(empty, "CREATE TYPE leaves AS ENUM ('x')")
    with pytest.raises(StoreError, match=r"database_\d+ (failed|refused).*leaves"):
        open_store(empty)
    assert execute(empty, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_a_store_of_a_newer_schema_is_not_touched(own_database: str) -> None:
    execute(own_database, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match=r"newer Cognify \(its schema is 9999.*set COGNIFY_STORE to another"):
        open_store(own_database)
    assert execute(own_database, f"SELECT version_num FROM {VERSION_TABLE}") == [("9999",)]


def test_a_store_that_a_newer_cognify_has_changed_meanwhile_does_not_pass(own_database: str) -> None:
    store = open_store(own_database)
    store.check_writable()
    execute(own_database, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match=r"of schema 9999 by now.*start it again, with the Cognify"):
        store.check_writable()
    store.close()


def test_a_database_that_is_not_there_any_more_does_not_pass(server: Server, shared_database: str) -> None:
    name = server.create(template=shared_database)
    store = open_store(server.url(name))
    server.drop(name)
    with pytest.raises(StoreError, match=name):
        store.check_writable()
    store.close()


def test_another_programs_database_is_not_touched(empty: str) -> None:
    execute(empty, "CREATE TABLE alembic_version (version_num text)", "CREATE TABLE runs (run_uuid text)")
    with pytest.raises(StoreError, match="tables in its schema public, but no Cognify store; nothing was changed"):
        open_store(empty)
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    assert sorted(execute(empty, tables)) == [("alembic_version",), ("runs",)]


def test_a_store_can_have_a_schema_beside_another_programs(empty: str) -> None:
    execute(empty, "CREATE TABLE runs (run_uuid text)", 'CREATE SCHEMA "Our audit"')
    store = open_store(f"{empty}?options=-csearch_path%3D%22Our%5C%20audit%22")
    begin(store)
    store.append(RUN, notes(1))
    assert store.run(RUN).size == 2
    store.close()
    assert execute(empty, "SELECT count(*) FROM runs", 'SELECT count(*) FROM "Our audit".events') == [(2,)]


def test_a_schema_that_is_not_there_is_named_as_missing(empty: str) -> None:
    with pytest.raises(StoreError, match="has no schema to work in"):
        open_store(f"{empty}?options=-csearch_path%3Dnowhere")


def test_a_database_of_another_encoding_is_refused(server: Server) -> None:
    server.administrate("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreError, match="keeps text as LATIN1; a store needs a database of encoding UTF8"):
        open_store(server.url("latin"))


def test_a_server_that_is_down_is_named() -> None:
    (port,) = free_ports(1)
    told = rf"postgresql://127.0.0.1:{port}/audit failed: no connection can be made"
    with pytest.raises(StoreError, match=told) as caught:
        open_store(f"postgresql://ada:{PASSWORD}@127.0.0.1:{port}/audit")
    assert_no_password(caught.value)


def test_a_wrong_password_and_a_database_that_is_not_there_are_named(server: Server) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        open_store(server.url("postgres", password="tell-nobody-else"))
    assert_no_password(caught.value)
    with pytest.raises(StoreError, match='database "nowhere" does not exist') as caught:
        open_store(server.url("nowhere"))
    assert_no_password(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{PASSWORD}@host:{PASSWORD}/database",
        f"postgresql://ada:{PASSWORD}@[host/database",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:9/d?no_such_option={PASSWORD}",
        f"postgresql://127.0.0.1:9/d?user=ada&password={PASSWORD}",
    ],
)
def test_a_url_that_is_none_is_not_shown(url: str) -> None:
    with pytest.raises((ConfigurationError, StoreError)) as caught:
        open_store(url)
    assert_no_password(caught.value)


def assert_no_password(error: BaseException | None) -> None:
    """Neither the error shows it, nor what led to it."""
    while error is not None:
        assert PASSWORD not in str(error) + repr(error)
        error = error.__cause__
