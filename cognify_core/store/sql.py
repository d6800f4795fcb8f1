"""`SqlStore`: the store that a SQL database keeps, through SQLAlchemy Core.

What differs between databases (connections, locks, durability, errors, triggers) lies in modules of its own, which
give a `Database`: `sqlite` and `postgres`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from cognify_core.errors import (
    AddendumTakenError,
    ConfigurationError,
    MeetingTakenError,
    RecordError,
    RunIdTakenError,
    RunNotFoundError,
    RunSealedError,
    StoreError,
)
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.model.events import Draft, RunOpened
from cognify_core.model.names import is_run_id
from cognify_core.store import tables
from cognify_core.store.appending import append_drafts, event_row, find_head
from cognify_core.store.beside import SqlBeside
from cognify_core.store.database import WRITES, Database
from cognify_core.store.ledger import SqlLedger, append_leaf
from cognify_core.store.places import MOUNTS
from cognify_core.store.prepared import Found, Prepared
from cognify_core.store.protocol import Leaf, Owner, RunRow, Tombstone
from cognify_core.store.rows import (
    next_position,
    rows_of,
    select_runs,
    to_bytes,
    to_owner,
    to_run_row,
    workspace_of,
)
from cognify_core.store.sql_access_log import SqlAccessLog
from cognify_core.store.sql_clocks import SqlClocks
from cognify_core.store.sql_finding import SqlFinding
from cognify_core.store.sql_keeping import SqlKeeping
from cognify_core.store.sql_mentions import SqlMentions
from cognify_core.store.sql_sealing import SqlSealing
from cognify_core.store.sql_tenancy import SqlTenancy
from cognify_core.store.sql_visitors import SqlVisitors
from cognify_core.store.sql_working import SqlWorking
from cognify_core.store.sqlite import Sqlite
from cognify_core.store.written import Written

POSTGRES, SQLITE = ("postgresql://", "postgresql+psycopg://", "postgres://"), "sqlite:///"
"""How the URLs of stores begin."""
EVENTS_AT_ONCE = 500
"""How many events are read in one transaction."""
_RUN = select(tables.runs.c.run_id).where(tables.runs.c.run_id == bindparam("run_id"))
_THERE, _HELD = Prepared(_RUN), Prepared(_RUN.with_for_update())
_SPAN = tables.events.c.seq.between(bindparam("first"), bindparam("last"))
_PART = select(tables.events.c.event).where(tables.events.c.run_id == bindparam("run_id"), _SPAN)
_EVENTS = Prepared(_PART.order_by(tables.events.c.seq))
_WRITTEN = Prepared(
    _PART.with_only_columns(tables.events.c.writer, tables.events.c.counter, tables.events.c.event).order_by(
        tables.events.c.seq
    )
)


def open_store(place: Path | str, *, mounts: Path = MOUNTS) -> SqlStore:
    """Open the store at `place`, creating it and bringing its schema up to date where needed.

    `place` is the path of an SQLite file, or a URL: `postgresql://USER@HOST/DATABASE`, or `sqlite:///PATH`.
    `mounts` tells which file systems are network ones, in the format of `/proc/self/mountinfo`.

    Raises:
        StoreVersionError: a newer Cognify has written it.
        StoreError: it cannot be opened or written to, or is no store.
        ConfigurationError: the URL is none of a store, or what it needs is not installed.
    """
    database = database_at(place, mounts=mounts)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def database_at(place: Path | str, *, mounts: Path = MOUNTS) -> Database:
    """The database at `place`, as `open_store` takes it. Nothing is asked of it yet.

    Raises:
        ConfigurationError: the URL is none of a store, or what it needs is not installed.
    """
    if isinstance(place, str) and place.startswith(POSTGRES):
        try:
            from cognify_core.store.postgres import Postgres
        except ModuleNotFoundError as error:
            needs = f"a store in PostgreSQL needs {error.name}: pip install 'cognify-audit[server]'"
            raise ConfigurationError(needs) from error
        return Postgres(place)
    return Sqlite(Path(place.removeprefix(SQLITE) if isinstance(place, str) else place), mounts)


class SqlStore(
    SqlSealing,
    SqlBeside,
    SqlAccessLog,
    SqlClocks,
    SqlFinding,
    SqlKeeping,
    SqlLedger,
    SqlMentions,
    SqlTenancy,
    SqlVisitors,
    SqlWorking,
):
    """A `Store` (see `protocol`, where the promises are) in a SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def place(self) -> str:
        """Where the store is, for messages; without passwords."""
        return self._database.place

    @property
    def is_owned(self) -> bool:
        """Whether this user owns the store, and so could delete it anyway."""
        return self._database.is_owned

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about where the store lies; mostly nothing."""
        return self._database.notes

    @property
    def lost(self) -> str | None:
        """Why what is written to the store is found by nobody after this process; none where it is found."""
        return self._database.lost

    def create(
        self,
        run_id: str,
        opened: Draft,
        owner: Owner | None = None,
        *,
        meeting: str | None = None,
        leaf: Leaf | None = None,
    ) -> None:
        """Begin a record."""
        if not is_run_id(run_id):
            raise RecordError(f"not a run id: {run_id[:80]!r}; it is written run_20250912_143022_a7f3c")
        if not isinstance(opened.body, RunOpened):
            raise RecordError(f"{run_id} would begin with {opened.body.kind!r}; a record begins with run_opened")
        body, amends = opened.body, opened.body.amends
        row = {
            "run_id": run_id,
            "nonce": body.nonce,
            "workspace": body.workspace,
            "project": body.project,
            "name": body.name,
            "opened_at": opened.time,
            "amends": amends and amends.run_id,
            "ordinal": amends and amends.ordinal,
        }
        with self._database.writing() as connection:
            _refuse_met(connection, meeting)
            self._refuse_taken(connection, run_id)
            self._refuse_amendment(connection, body)
            connection.execute(tables.runs.insert(), row)
            connection.execute(tables.events.insert(), event_row(run_id, 0, opened))
            if owner is not None:
                _replace_owner(connection, run_id, owner)
            if meeting is not None:
                connection.execute(tables.meetings.insert(), {"meeting": meeting, "run_id": run_id})
            if leaf is not None:
                append_leaf(connection, leaf, body.workspace)

    def met(self, meeting: str) -> str | None:
        """Look a meeting up."""
        with self._database.reading() as connection:
            return _met(connection, meeting)

    def meet(self, meeting: str, run_id: str) -> str:
        """Give a run another meeting."""
        with self._database.writing() as connection:
            if (known := _met(connection, meeting)) is None:
                self._require_run(connection, run_id)
                connection.execute(tables.meetings.insert(), {"meeting": meeting, "run_id": run_id})
        return run_id if known is None else known

    def append(self, run_id: str, drafts: Sequence[Draft], *, at: int | None = None) -> int:
        """Append to a record."""
        with self._database.writing(beside=True) as connection:
            self._require_run(connection, run_id)
            return append_drafts(connection, run_id, drafts, at)

    def events(self, run_id: str, start: int = 0) -> Iterator[bytes]:
        """Read a record, in short transactions: events never change, so they need not be read in one."""
        rows = self._rows(run_id, start, self._length(run_id), _EVENTS)
        return (to_bytes(event) for (event,) in rows)

    def written(self, run_id: str, start: int = 0) -> Iterator[Written]:
        """Read a record with the names of its drafts."""
        rows = self._rows(run_id, start, self._length(run_id), _WRITTEN)
        return (Written(writer, counter, to_bytes(event)) for writer, counter, event in rows)

    def run(self, run_id: str) -> RunRow:
        """Look one run up."""
        with self._database.reading() as connection:
            row = connection.execute(_RUN, {"wanted": run_id}).first()
            if row is None:
                raise self._not_found(connection, run_id)
            return to_run_row(row)

    def runs(self, *, workspace: str = "default", addenda: bool = False) -> list[RunRow]:
        """List runs."""
        query = select_runs().where(tables.runs.c.workspace == workspace)
        query = query.order_by(tables.runs.c.opened_at.desc(), tables.runs.c.run_id.desc())
        return self._list_runs(query if addenda else query.where(tables.runs.c.amends.is_(None)))

    def addenda(self, run_id: str) -> list[RunRow]:
        """List addenda."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            return [to_run_row(row) for row in connection.execute(_ADDENDA, {"wanted": run_id})]

    def put_manifest(self, data: bytes, *, workspace: str = "default") -> Digest:
        """Keep a manifest."""
        digest, given = Digest.of(data), tables.workspace_manifests
        mine = {"workspace": workspace, "digest": str(digest)}
        with self._database.writing() as connection:
            if connection.execute(_manifest(digest)).first() is None:
                connection.execute(tables.manifests.insert(), {"digest": str(digest), "manifest": data})
            if connection.execute(select(given.c.digest).filter_by(**mine)).first() is None:
                connection.execute(given.insert(), mine)
        return digest

    def manifest(self, digest: Digest) -> bytes:
        """Read a manifest, and check it."""
        with self._database.reading() as connection:
            data = connection.execute(_manifest(digest)).scalar()
        if data is None:
            raise StoreError(f"the store {self._database.place} holds no manifest {digest}")
        if Digest.of(manifest := to_bytes(data)) != digest:
            raise StoreError(f"the store {self._database.place} is damaged: its manifest {digest} has other bytes")
        return manifest

    def manifests(self, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        """Read many manifests."""
        found: dict[Digest, bytes] = {}
        for first in range(0, len(digests), EVENTS_AT_ONCE):
            wanted = {str(digest): digest for digest in digests[first : first + EVENTS_AT_ONCE]}
            query = select(tables.manifests.c.digest, tables.manifests.c.manifest)
            with self._database.reading() as connection:
                rows = connection.execute(query.where(tables.manifests.c.digest.in_(wanted))).all()
            found |= {wanted[name]: to_bytes(data) for name, data in rows}
        return {digest: data for digest, data in found.items() if Digest.of(data) == digest}

    def set_owner(self, run_id: str, owner: Owner) -> None:
        """Say who writes."""
        with self._database.writing(beside=True) as connection:
            self._require_run(connection, run_id)
            _replace_owner(connection, run_id, owner)

    def owners(self, run_id: str) -> list[Owner]:
        """Ask who writes."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            rows = connection.execute(rows_of(tables.owners, run_id).order_by(tables.owners.c.rank))
            return [to_owner(row) for row in rows]

    def discard(
        self, run_id: str, reason: str, discarded_at: str, log: Callable[[Tombstone], Leaf] | None = None
    ) -> Tombstone:
        """Delete an unsealed run."""
        with self._database.writing() as connection:
            self._require_run(connection, run_id)
            head = find_head(connection, run_id)
            if head.frozen:
                raise RunSealedError(
                    f"{run_id} is frozen, and stays: only a run that was never sealed can be discarded"
                )
            leaves = connection.execute(
                select(tables.events.c.event).where(tables.events.c.run_id == run_id).order_by(tables.events.c.seq)
            )
            root = root_hash(leaf_hash(event) for event in leaves.scalars()).hex()
            tombstone = Tombstone(run_id, reason, discarded_at, head.size, root)
            if log is not None:
                append_leaf(connection, log(tombstone), workspace_of(connection, run_id))
            position = next_position(connection, tables.tombstones)
            connection.execute(tables.tombstones.insert(), asdict(tombstone) | {"position": position})
        self._database.purge()
        return tombstone

    def tombstones(self) -> list[Tombstone]:
        """List what is left of discarded runs."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tables.tombstones).order_by(tables.tombstones.c.position))
            return [Tombstone(row.run_id, row.reason, row.discarded_at, row.size, row.root) for row in rows]

    def check_writable(self) -> None:
        """Ask the database."""
        self._database.check_writable()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _list_runs(self, query: Select[Any]) -> list[RunRow]:
        with self._database.reading() as connection:
            return [to_run_row(row) for row in connection.execute(query)]

    def _length(self, run_id: str) -> int:
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            return find_head(connection, run_id).size

    def _rows(self, run_id: str, start: int, size: int, query: Prepared) -> Iterator[Found]:
        for first in range(max(start, 0), size, EVENTS_AT_ONCE):
            last = min(first + EVENTS_AT_ONCE, size) - 1
            with self._database.reading() as connection:
                chunk = query.rows(connection, run_id=run_id, first=first, last=last)
            if len(chunk) != last - first + 1:
                raise StoreError(
                    f"{run_id} was discarded while it was read, or the store {self._database.place} is damaged"
                )
            yield from chunk

    def _require_run(self, connection: Connection, run_id: str) -> None:
        """The run is there; who writes holds its row, so that one transaction at a time writes the run."""
        writes = connection.get_execution_options().get(WRITES)
        if (_HELD if writes else _THERE).first(connection, run_id=run_id) is None:
            raise self._not_found(connection, run_id)

    def _not_found(self, connection: Connection, run_id: str) -> RunNotFoundError:
        if (row := connection.execute(rows_of(tables.tombstones, run_id)).first()) is not None:
            return RunNotFoundError(f"{run_id} was discarded at {row.discarded_at}: {row.reason}")
        return RunNotFoundError(
            f"there is no run {run_id} in {self._database.place}; `cognify ls` lists those there are"
        )

    def _refuse_taken(self, connection: Connection, run_id: str) -> None:
        if connection.execute(rows_of(tables.runs, run_id)).first() is not None:
            raise RunIdTakenError(f"there is a run {run_id} already")
        if connection.execute(rows_of(tables.tombstones, run_id)).first() is not None:
            raise RunIdTakenError(f"{run_id} is the id of a run that was discarded, and is not given again")

    def _refuse_amendment(self, connection: Connection, opened: RunOpened) -> None:
        """Refuse an addendum that does not fit what it amends."""
        if (amends := opened.amends) is None:
            return
        self._require_run(connection, amends.run_id)
        amended = to_run_row(connection.execute(_RUN, {"wanted": amends.run_id}).one())
        if amended.freeze is None:
            raise RecordError(f"{amends.run_id} is not frozen: it takes events, and no addendum")
        if amended.nonce != amends.nonce:
            raise RecordError(f"{amends.run_id} has another nonce than the addendum says: it is another run")
        same = rows_of(tables.runs, amends.run_id, column="amends").where(tables.runs.c.ordinal == amends.ordinal)
        if connection.execute(same).first() is not None:
            raise AddendumTakenError(f"{amends.run_id} has an addendum {amends.ordinal} already")


def _replace_owner(connection: Connection, run_id: str, owner: Owner) -> None:
    same = tables.owners.c.run_id == run_id, tables.owners.c.rank == owner.rank
    connection.execute(tables.owners.delete().where(*same))
    connection.execute(tables.owners.insert(), asdict(owner) | {"run_id": run_id})


_RUN = select_runs().where(tables.runs.c.run_id == bindparam("wanted"))
_ADDENDA = select_runs().where(tables.runs.c.amends == bindparam("wanted")).order_by(tables.runs.c.ordinal)
"""Made once: every page asks them again and again, and to make one takes longer than to ask it."""
_MET = select(tables.meetings.c.run_id).where(tables.meetings.c.meeting == bindparam("meeting"))
"""Made once: workers of a server ask it before each call."""


def _met(connection: Connection, meeting: str) -> str | None:
    found: str | None = connection.execute(_MET, {"meeting": meeting}).scalar()
    return found


def _refuse_met(connection: Connection, meeting: str | None) -> None:
    if meeting is not None and (run_id := _met(connection, meeting)) is not None:
        raise MeetingTakenError(f"{run_id} has been begun under the meeting {meeting!r} already", run_id)


def _manifest(digest: Digest) -> Select[Any]:
    return select(tables.manifests.c.manifest).where(tables.manifests.c.digest == str(digest))
