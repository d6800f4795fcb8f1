"""The access log's tables: entries in their order, the nodes over them, and clear values beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, String, and_, bindparam, func, literal, select, union

from cognify_core.canonical import parse
from cognify_core.errors import FormatError, RunNotFoundError, StoreError
from cognify_core.merkle import leaf_hash
from cognify_core.merkle_nodes import joined
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.events import Access, parse_body
from cognify_core.store import tables
from cognify_core.store.access_log import KeptAccess, Look, SignHead
from cognify_core.store.database import Database
from cognify_core.store.entry_times import said_at
from cognify_core.store.protocol import Opening
from cognify_core.store.rows import rows_of, to_bytes
from cognify_core.store.sql_tree import grow, hold, log_name, read_peaks

_TABLE, _CLEAR = tables.accesses, tables.access_openings
_OURS = _TABLE.c.workspace == bindparam("workspace")
_LAST = select(_TABLE.c.position).where(_OURS).order_by(_TABLE.c.position.desc()).limit(1)
_KNOWN = union(
    select(tables.runs.c.run_id).where(tables.runs.c.run_id.in_(bindparam("run_ids", expanding=True))),
    select(tables.tombstones.c.run_id).where(tables.tombstones.c.run_id.in_(bindparam("run_ids", expanding=True))),
)
"""Those of some runs that are there, or were."""
_NEAR = 8
"""Of rows that are no further apart, the clear values are read as a span, else by their places."""
_INSERT, _INSERT_CLEAR = _TABLE.insert(), _CLEAR.insert()


class SqlAccessLog:
    """The part of a `SqlStore` that is about who looked (see `access_log`, where the promises are)."""

    _database: Database

    def put_accesses(
        self, looks: Sequence[Look], sign: SignHead | None = None, *, workspace: str = "default"
    ) -> list[int]:
        """Append entries."""
        if not looks:
            return []
        log = log_name(workspace, "accesses")
        with self._database.writing(beside=True) as connection:
            self._require_known(connection, {look.run_id for look in looks if look.run_id is not None})
            hold(connection, log)
            first = self._size(connection, workspace)
            entries = [
                AccessEntry(workspace, place, look.run_id, look.access, look.within).encode()
                for place, look in enumerate(looks, first)
            ]
            before = read_peaks(connection, first, log)
            after = grow(connection, log, first, before, [leaf_hash(entry) for entry in entries])
            rows: list[dict[str, Any]] = [
                {"workspace": workspace, "position": place, "run_id": look.run_id, "entry": entry, "head": None}
                for place, (look, entry) in enumerate(zip(looks, entries, strict=True), first)
            ]
            if sign is not None:
                rows[-1]["head"] = sign(first + len(looks), joined(after))
            connection.execute(_INSERT, rows)
            if clear := _openings(workspace, looks, first):
                connection.execute(_INSERT_CLEAR, clear)
        return list(range(first, first + len(looks)))

    def accesses(self, run_id: str) -> list[Access]:
        """List accesses."""
        query = rows_of(_TABLE, run_id).with_only_columns(_TABLE.c.entry).order_by(_TABLE.c.position)
        with self._database.reading() as connection:
            self._require_known(connection, {run_id})
            return [_to_access(to_bytes(entry)) for entry in connection.execute(query).scalars()]

    def access_size(self, *, workspace: str = "default") -> int:
        """Count entries."""
        with self._database.reading() as connection:
            return self._size(connection, workspace)

    def access_rows(self, start: int, count: int, *, workspace: str = "default") -> list[KeptAccess]:
        """Read rows."""
        between = _TABLE.c.position.between(start, start + count - 1)
        with self._database.reading() as connection:
            return _kept(connection, _rows(workspace).where(between).order_by(_TABLE.c.position), workspace)

    def find_accesses(
        self,
        *,
        run_id: str | None = None,
        person: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: int | None = None,
        limit: int = 100,
        workspace: str = "default",
    ) -> list[KeptAccess]:
        """Find rows."""
        asked = list(_within(since, until))
        if run_id is not None:
            asked.append(_TABLE.c.run_id == run_id)
        if before is not None:
            asked.append(_TABLE.c.position < before)
        if person is not None:
            asked = [_TABLE.c.position.in_(_places_of(person, asked, workspace, limit))]
        query = _rows(workspace).where(*asked)
        with self._database.reading() as connection:
            return _kept(connection, query.order_by(_TABLE.c.position.desc()).limit(limit), workspace)

    def erase_accesses(self, *, run_id: str | None = None, value: str | None = None, workspace: str = "default") -> int:
        """Erase clear values."""
        query = _CLEAR.delete().where(*_clear(run_id, value, workspace))
        with self._database.writing(beside=True) as connection:
            erased: int = connection.execute(query).rowcount
        self._database.purge()
        return erased

    def count_clear(self, *, run_id: str | None = None, value: str | None = None, workspace: str = "default") -> int:
        """Count clear values."""
        query = select(func.count()).select_from(_CLEAR).where(*_clear(run_id, value, workspace))
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def _size(self, connection: Connection, workspace: str) -> int:
        last: object = connection.execute(_LAST, {"workspace": workspace}).scalar()
        if last is None:
            return 0
        if not isinstance(last, int):
            place = self._database.place
            raise StoreError(f"the store {place} is damaged: an access has the place {str(last)[:40]!r}")
        return last + 1

    def _require_known(self, connection: Connection, run_ids: set[str]) -> None:
        if not run_ids:
            return
        known = set(connection.execute(_KNOWN, {"run_ids": sorted(run_ids)}).scalars())
        if missing := sorted(run_ids - known):
            raise self._not_found(connection, missing[0])

    def _not_found(self, connection: Connection, run_id: str) -> RunNotFoundError:
        """The error that there is no such run."""
        raise NotImplementedError


def access_openings(connection: Connection, run_id: str) -> list[Opening]:
    """The clear values of a run's entries, in their order, each once."""
    beside = _TABLE.join(_CLEAR, and_(_CLEAR.c.workspace == _TABLE.c.workspace, _CLEAR.c.position == _TABLE.c.position))
    query = select(_CLEAR).select_from(beside).where(_TABLE.c.run_id == run_id)
    rows = connection.execute(query.order_by(_CLEAR.c.position, _CLEAR.c.label))
    return list(dict.fromkeys(map(_to_opening, rows)))


def erase_access_openings(connection: Connection, run_id: str) -> int:
    """Erase the clear values of a run's entries; how many there were."""
    erased: int = connection.execute(_CLEAR.delete().where(_of_run(run_id))).rowcount
    return erased


def _of_run(run_id: str) -> ColumnElement[bool]:
    mine = _TABLE.c.workspace == _CLEAR.c.workspace, _TABLE.c.position == _CLEAR.c.position, _TABLE.c.run_id == run_id
    return select(_TABLE.c.position).where(*mine).correlate(_CLEAR).exists()


def _clear(run_id: str | None, value: str | None, workspace: str) -> list[ColumnElement[bool]]:
    mine = [_CLEAR.c.workspace == workspace]
    mine += [] if run_id is None else [_of_run(run_id)]
    return mine if value is None else [*mine, _CLEAR.c.value == value]


def _within(since: str | None, until: str | None) -> Iterator[ColumnElement[bool]]:
    at = said_at(_TABLE.c.entry)
    if since is not None and until is not None:
        yield at.between(_plain(since), _plain(until))  # reads an entry once, where two comparisons read it twice
    elif since is not None:
        yield at >= since
    if until is not None:
        yield at < until


def _plain(text: str) -> ColumnElement[str]:
    """PostgreSQL takes no collation within BETWEEN; that of the other side counts."""
    return literal(text, String())


def _places_of(person: str, asked: Sequence[ColumnElement[bool]], workspace: str, limit: int) -> Select[tuple[int]]:
    """The last places of which a clear value names that person, among those that are `asked` for.

    The clear values are gone through, and not the entries: that ends with the last place that is wanted.
    """
    mine = _TABLE.c.workspace == _CLEAR.c.workspace, _TABLE.c.position == _CLEAR.c.position
    there = select(_TABLE.c.position).where(*mine, *asked).correlate(_CLEAR).exists()
    named = func.lower(_CLEAR.c.value).contains(person.lower(), autoescape=True)
    places = select(_CLEAR.c.position).where(_CLEAR.c.workspace == workspace, named, there)
    return places.group_by(_CLEAR.c.position).order_by(_CLEAR.c.position.desc()).limit(limit)


def _openings(workspace: str, looks: Sequence[Look], first: int) -> list[dict[str, Any]]:
    return [
        asdict(opening) | {"workspace": workspace, "position": place}
        for place, look in enumerate(looks, first)
        for opening in look.openings
    ]


def _rows(workspace: str) -> Select[Any]:
    return select(_TABLE).where(_TABLE.c.workspace == workspace)


def _kept(connection: Connection, query: Select[Any], workspace: str) -> list[KeptAccess]:
    rows = connection.execute(query).all()
    clear: dict[int, list[Opening]] = {}
    if places := [row.position for row in rows]:
        near = max(places) - min(places) < _NEAR * len(places)
        beside = _CLEAR.c.position.between(min(places), max(places)) if near else _CLEAR.c.position.in_(places)
        found = select(_CLEAR).where(_CLEAR.c.workspace == workspace, beside)
        found = found.order_by(_CLEAR.c.position, _CLEAR.c.label)
        for row in connection.execute(found):
            clear.setdefault(row.position, []).append(_to_opening(row))
    return [
        KeptAccess(
            row.position,
            row.run_id,
            to_bytes(row.entry),
            None if row.head is None else to_bytes(row.head),
            tuple(clear.get(row.position, ())),
        )
        for row in rows
    ]


def _to_opening(row: Row[Any]) -> Opening:
    return Opening(row.commitment, row.label, row.random, row.value)


def _to_access(entry: bytes) -> Access:
    """What an entry says; a place or a name that is not its own is for `fsck` to name."""
    fields = parse(entry)
    body = parse_body(fields.get("access")) if isinstance(fields, dict) else None
    if not isinstance(body, Access):
        raise FormatError("the store is damaged: an entry of its access log holds no access")
    return body
