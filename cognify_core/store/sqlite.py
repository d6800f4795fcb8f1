"""SQLite: connections, transactions, durability, and the schema brought up to date.

Durable means: in WAL mode with `synchronous=FULL`, COMMIT returns after fdatasync of the log (sqlite.org/wal). On a
network file system, where the log's shared memory does not work, it is a rollback journal instead, and a lock file is
held around every transaction.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event

from cognify_core.errors import StoreError, StoreVersionError
from cognify_core.store.causes import FOREIGN, in_our_words
from cognify_core.store.database import WRITES
from cognify_core.store.forking import ForkGate
from cognify_core.store.places import (
    MOUNTS,
    locked,
    make_directory,
    make_file,
    network_file_system,
    sync_directory,
    sync_file,
)
from cognify_core.store.rulebook import require_revision, upgrade
from cognify_core.store.tables import REVISIONS

APPLICATION_ID = 0x436F676E  # "Cogn": by this a store is told from other SQLite files (sqlite.org/pragma)

_REVISION = "SELECT version_num FROM alembic_version"
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # REPLACE fires DELETE triggers here; other people's connections do without
    "PRAGMA secure_delete = ON",  # erased personal values are overwritten, not only unlinked
)


class Sqlite:
    """One SQLite file. Threads and forked children may share it; whoever finds it locked waits for `wait_seconds`."""

    def __init__(self, path: Path, mounts: Path = MOUNTS, wait_seconds: float = 60.0) -> None:
        self.path = path.absolute()
        self.place = str(self.path)
        self.network = network_file_system(self.path, mounts)
        self._journal_mode = "delete" if self.network else "wal"
        self._wait_seconds = wait_seconds
        self._engine = _engine(self.path, "EXTRA" if self.network else "FULL", wait_seconds)
        self._turn = threading.Lock()
        self._gate = ForkGate(self.place, self.close)
        self._prepared: os.stat_result | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about this store."""
        if self.network is None:
            return ()
        return (
            f"{self.place} lies on a network file system ({self.network}): writing is slower, and safe only where that "
            "system's locks work; a local folder in COGNIFY_HOME avoids both",
        )

    @property
    def is_owned(self) -> bool:
        """Whether this user owns the file."""
        return os.geteuid() in (0, self.path.stat().st_uid)

    @property
    def lost(self) -> str | None:
        """What happened to the file, if another or none is in its place since it was prepared."""
        with suppress(OSError):
            if self._prepared is None or os.path.samestat(self._prepared, self.path.stat()):
                return None
        return f"{self.place} was removed or replaced while it was in use: what was recorded lies in packages alone"

    def prepare(self) -> None:
        """Create what is not there, and bring the schema up to date; of several processes, one does it.

        Raises:
            StoreVersionError: a newer Cognify has written it.
            StoreError: it cannot be opened, or is no store.
        """
        with self._used():
            make_directory(self.path.parent)
            make_file(self.path)
            with self._shared():
                ready = self._is_ready()
            if not ready:
                with locked(self._lock_file if self.network else self.path.parent, self._wait_seconds):
                    self._migrate()
            # A process may have died between writing to the log and its sync. What it wrote can be read already, and
            # so must not be lost any more: an append that is passed over promises that it is on disk.
            sync_file(self.path.with_name(f"{self.path.name}-wal"))
            self._prepared = self.path.stat()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees the store as of one moment. Keep it short: it holds back the log's checkpoint."""
        with self._used(), self._shared(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, beside: bool = False) -> Iterator[Connection]:  # noqa: ARG002 - one writes at a time anyway
        """A transaction that is alone in writing, and on disk when this returns; undone where the block raises."""
        with (
            self._used(),
            self._turn,
            self._shared(),
            self._engine.connect() as connection,
            connection.execution_options(**{WRITES: True}).begin(),
        ):
            yield connection

    def check_writable(self) -> None:
        """Write the file's first page as it is.

        Raises:
            StoreVersionError: it is of another schema by now than this Cognify works on.
            StoreError: nothing can be written now.
        """
        with self.writing() as connection:
            require_revision(self.place, connection.exec_driver_sql(_REVISION).scalar())
            connection.exec_driver_sql("PRAGMA user_version = 0")

    def purge(self) -> None:
        """Fold the log into the file and empty it, so that what was erased can be read from neither."""
        with self._used(), self._shared(), self._plain() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy(self, to: Path) -> None:
        """Copy the file as of one moment, into a new one; others go on reading and writing.

        Raises:
            StoreError: it cannot be read, or the copy not written.
        """
        with self._used(), self._shared(), self._plain() as source, closing(sqlite3.connect(to)) as copied:
            source.backup(copied)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()

    @property
    def _lock_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def _shared(self) -> AbstractContextManager[None]:
        """The lock that stands in for SQLite's own where those cannot be relied on."""
        return locked(self._lock_file, self._wait_seconds) if self.network else nullcontext()

    @contextmanager
    def _used(self) -> Iterator[None]:
        try:
            with self._gate.used():
                yield
        except FOREIGN as error:
            raise in_our_words(self.path, error) from error

    @contextmanager
    def _plain(self) -> Iterator[sqlite3.Connection]:
        """A connection for statements that stand outside transactions."""
        with closing(sqlite3.connect(self.path, timeout=self._wait_seconds, isolation_level=None)) as connection:
            yield connection

    def _is_ready(self) -> bool:
        """Whether there is nothing to be done before use.

        Raises:
            StoreVersionError: a newer Cognify has written it.
            StoreError: it is another program's database.
        """
        with self._plain() as connection:
            (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not tables:
                return False
            if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
                raise StoreError(f"{self.place} is an SQLite database, but no Cognify store; nothing was changed")
            (revision,) = connection.execute(_REVISION).fetchone()
        if revision not in REVISIONS:
            raise StoreVersionError(
                f"{self.place} was written by a newer Cognify (its schema is {revision}, this one knows up to "
                f"{REVISIONS[-1]}); upgrade with `pip install --upgrade cognify-audit`, or set COGNIFY_HOME to another "
                "folder; nothing was changed"
            )
        return bool(revision == REVISIONS[-1] and journal_mode == self._journal_mode)

    def _migrate(self) -> None:
        if self._is_ready():
            return  # another process was first
        with self._plain() as connection:
            connection.execute(f"PRAGMA journal_mode = {self._journal_mode}")
        with self._engine.connect() as connection:
            writing = connection.execution_options(**{WRITES: True})
            upgrade(writing, "alembic_version")
            writing.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            writing.commit()
        sync_directory(self.path.parent)


def _engine(path: Path, synchronous: str, wait_seconds: float) -> Engine:
    """An engine whose transactions begin when we say so: the driver's own begin too late, at the first write.

    `synchronous` is FULL for a log; EXTRA for a rollback journal, whose removal is what commits (sqlite.org/pragma).
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": wait_seconds, "isolation_level": None},
        max_overflow=-1,
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (*_PRAGMAS, f"PRAGMA synchronous = {synchronous}"):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
