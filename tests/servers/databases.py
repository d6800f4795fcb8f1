"""Fixtures of PostgreSQL: one server for each process of tests, and a store in it that each test finds empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers.postgres import Server, postgres_server

if TYPE_CHECKING:
    import psycopg

_TRIGGERS = (
    "SELECT format('ALTER TABLE %s {} TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal"
)
_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND relname <> 'cognify_version'"
)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that all tests of this process share."""
    pytest.importorskip("psycopg")
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(server: Server) -> str:
    """A database with a store without runs. To make one takes a third of a second."""
    from cognify_core.store.sql import open_store

    name = server.create()
    open_store(server.url(name)).close()
    return name


@pytest.fixture
def database_url(server: Server, shared_database: str) -> Iterator[str]:
    """The URL of a store that holds nothing. A test that changes more than rows takes `own_database`."""
    yield server.url(shared_database)
    empty(server.url(shared_database))


def empty(url: str) -> None:
    """Have a store hold nothing again, whoever is still connected to it."""
    with without_rules(url) as connection:
        connection.execute(_OTHERS)
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f"DELETE FROM {table}".encode())


@pytest.fixture
def own_database(server: Server, shared_database: str) -> Iterator[str]:
    """The URL of a store of the test's own, in a database of its own."""
    name = server.create(template=shared_database)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store of the test's own is, or is to be: in a file, and in a database."""
    return tmp_path / "cognify.db" if request.param == "sqlite" else str(request.getfixturevalue("database_url"))


@contextmanager
def without_rules(url: str) -> Iterator[psycopg.Connection]:
    """A connection as the owner has it who switches all triggers off, and on again at the end."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for (statement,) in connection.execute(_TRIGGERS.replace("{}", "DISABLE").encode()).fetchall():
            connection.execute(statement)
        connection.execute("SET session_replication_role = replica")  # no foreign keys either
        yield connection
        for (statement,) in connection.execute(_TRIGGERS.replace("{}", "ENABLE ALWAYS").encode()).fetchall():
            connection.execute(statement)
