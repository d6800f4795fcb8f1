"""PostgreSQL: connections, transactions, durability, and the schema brought up to date.

Durable means: `synchronous_commit` is on in every connection of ours, whatever the server's default is, so COMMIT
returns after the log is on disk (postgresql.org/docs/current/wal-async-commit.html).

Transactions that write are at READ COMMITTED, where each statement sees what is committed when it begins. They hold
first what they decide by, and decide then: all of them a lock that the store has one of, except those that say
`beside` and hold the row of a run, a ledger or a job. At a level with one snapshot for the whole transaction they would
decide by what was so before they held it. Transactions that read see one moment (REPEATABLE READ), and hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from cognify_core.errors import ConfigurationError, StoreError, StoreVersionError
from cognify_core.store.causes_postgres import in_our_words
from cognify_core.store.database import WRITES
from cognify_core.store.forking import ForkGate
from cognify_core.store.rulebook import require_revision, upgrade
from cognify_core.store.tables import REVISIONS

VERSION_TABLE = "cognify_version"
"""By this table a store is told from other programs' tables; MLflow too has an `alembic_version`, and `runs`."""

_ALONE = 0x436F676E
"""The advisory lock of whoever is alone in writing ("Cogn")."""
_WRITTEN = "it is written postgresql://USER@HOST/DATABASE"
_MIGRATION_SECONDS = 600
_VACUUM = "VACUUM (SKIP_LOCKED) openings, access_openings"
_POOL, _MORE = 5, 15
_CONNECTING = {
    "connect_timeout": 10,
    "application_name": "cognify",
    # A server that is gone without a word is noticed within a minute: no time-out that it keeps would end such a wait.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_STATE = text(f"""
    WITH relations AS (
        SELECT relname FROM pg_class
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS (
            SELECT 1 FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
        )
    )
    SELECT current_schema() AS schema, current_setting('server_encoding') AS encoding,
    current_setting('fsync') AS fsync, (SELECT count(*) FROM relations) AS relations,
    EXISTS (SELECT 1 FROM relations WHERE relname = '{VERSION_TABLE}') AS ours
""")  # noqa: S608 - our own names
"""What belongs to an extension is nobody's table."""
_REVISION = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our own names
_WRITABLE = text("SELECT has_table_privilege('events', 'INSERT') AND pg_current_xact_id() IS NOT NULL")
_OWNED = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('runs')")


class _State(NamedTuple):
    """What stands where the store is, or is to be."""

    revision: str | None
    fsync: bool


class Postgres:
    """One schema of one PostgreSQL database. Threads and forked children may share it, and so may other processes.

    Whoever finds what it needs locked waits for `wait_seconds`. Nothing that is shown of it holds a password.
    """

    def __init__(self, url: str, wait_seconds: float = 60.0) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigurationError: `url` is none of PostgreSQL.
        """
        where = _parsed(url)
        self.place = _shown(where)
        self._synced = True
        self._engine = _engine(where, wait_seconds)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writing = self._engine.execution_options(postgresql_readonly=False, **{WRITES: True})
        self._gate = ForkGate(self.place, self.close)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about this store."""
        if self._synced:
            return ()
        return (f"the server of {self.place} runs with fsync off: what it calls stored is lost when its machine stops",)

    @property
    def lost(self) -> None:
        """Nothing: a database that is dropped answers no more."""
        return None

    def prepare(self) -> None:
        """Create what is not there, and bring the schema up to date; of several processes, one does it.

        Raises:
            StoreVersionError: a newer Cognify has written it.
            StoreError: it cannot be reached, or holds another program's tables.
        """
        with self._used():
            with self._reading.connect() as connection:
                state = self._state(connection)
            self._synced = state.fsync
            if state.revision != REVISIONS[-1]:
                with self._writing.begin() as connection:
                    self._migrate(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees the store as of one moment, and neither waits for writers nor keeps them waiting."""
        with self._used(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, beside: bool = False) -> Iterator[Connection]:
        """A transaction that is on disk when this returns; undone where the block raises.

        It is alone among those that do not say `beside`; those wait for the rows alone that they read `FOR UPDATE`.
        """
        with self._used(), self._writing.begin() as connection:
            if not beside:
                _be_alone(connection)
            yield connection

    def check_writable(self) -> None:
        """Take a transaction's number, which a server that only reads has none to give.

        Raises:
            StoreVersionError: it is of another schema by now than this Cognify works on.
            StoreError: nothing can be written now.
        """
        with self.writing(beside=True) as connection:
            require_revision(self.place, connection.execute(_REVISION).scalar())
            if not connection.execute(_WRITABLE).scalar():
                raise StoreError(f"{self.place}: this user may not insert events; docs/postgresql.md has the grants")

    def purge(self) -> None:
        """Have the clear values that were deleted leave the table. The log and backups still hold them for a time."""
        with self._used(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(_VACUUM)

    @property
    def is_owned(self) -> bool:
        """Whether whoever we connect as owns the store, and so could drop it anyway."""
        with self.reading() as connection:
            return bool(connection.execute(_OWNED).scalar())

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"<Postgres {self.place}>"

    @contextmanager
    def _used(self) -> Iterator[None]:
        try:
            with self._gate.used():
                yield
        except (SQLAlchemyError, psycopg.Error) as error:
            raise in_our_words(self.place, error) from error

    def _state(self, connection: Connection) -> _State:
        """What stands there; nothing is changed.

        Raises:
            StoreVersionError: a newer Cognify has written it.
            StoreError: it is another program's, or cannot hold a store.
        """
        found = connection.execute(_STATE).one()
        if found.schema is None:
            raise StoreError(f"{self.place} has no schema to work in: its `search_path` names none that is there")
        if found.encoding != "UTF8":
            raise StoreError(f"{self.place} keeps text as {found.encoding}; a store needs a database of encoding UTF8")
        if found.relations and not found.ours:
            raise StoreError(
                f"{self.place} holds tables in its schema {found.schema}, but no Cognify store; nothing was changed. "
                "Give the store a database of its own, or a schema, as in ?options=-csearch_path%3Dcognify"
            )
        revision = connection.execute(_REVISION).scalar() if found.ours else None
        if revision is not None and revision not in REVISIONS:
            raise StoreVersionError(
                f"{self.place} was written by a newer Cognify (its schema is {revision}, this one knows up to "
                f"{REVISIONS[-1]}); upgrade with `pip install --upgrade cognify-audit`, or set COGNIFY_STORE to "
                "another database; nothing was changed"
            )
        return _State(revision, found.fsync == "on")

    def _migrate(self, connection: Connection) -> None:
        for name, seconds in (("lock_timeout", _MIGRATION_SECONDS), ("statement_timeout", 0)):
            connection.exec_driver_sql(f"SET LOCAL {name} = '{seconds}s'")
        _be_alone(connection)
        if self._state(connection).revision != REVISIONS[-1]:  # else another process was first
            upgrade(connection, VERSION_TABLE)


def _be_alone(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ALONE})")


def _parsed(url: str) -> URL:
    """The parts of a URL, to be spoken to by psycopg 3. One that is none is not shown: it may hold a password."""
    try:
        where = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"the URL of the store is none; {_WRITTEN}") from None
    if where.get_backend_name() != "postgresql":
        raise ConfigurationError(f"a store is not kept in {where.get_backend_name()}; {_WRITTEN}")
    return where.set(drivername="postgresql+psycopg")


def _shown(url: URL) -> str:
    hosts = url.query.get("host", ())
    host = url.host or ",".join((hosts,) if isinstance(hosts, str) else hosts) or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{url.database or url.username or ''}"


def _engine(url: URL, wait_seconds: float) -> Engine:
    """An engine whose connections are durable and wait no longer than that, and are tried before they are used."""
    chosen: dict[str, Any] = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    engine = create_engine(
        url,
        client_encoding="utf8",
        connect_args=chosen,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        max_overflow=_MORE,
        pool_pre_ping=True,
        pool_size=_POOL,
        pool_timeout=wait_seconds,
        use_native_hstore=False,
    )
    set_once = "; ".join(
        f"SET {name} = {value}"
        for name, value in (
            ("synchronous_commit", "on"),
            ("lock_timeout", f"'{wait_seconds * 1000:.0f}ms'"),
            ("statement_timeout", f"'{wait_seconds * 5000:.0f}ms'"),
            ("idle_in_transaction_session_timeout", f"'{wait_seconds * 2000:.0f}ms'"),
        )
    )

    @event.listens_for(engine, "connect")
    def _set(connection: psycopg.Connection, _record: object) -> None:
        connection.autocommit = True
        connection.execute(set_once)
        connection.autocommit = False

    return engine
