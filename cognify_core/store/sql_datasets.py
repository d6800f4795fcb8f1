"""The part of a SQL store that knows datasets by name and content (see `mentions`, where the promises are)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select, tuple_

from cognify_core.model.digest import Digest
from cognify_core.store.database import Database
from cognify_core.store.index_tables import mentions
from cognify_core.store.mentions import Content, NamedDataset, Teller
from cognify_core.store.rows import to_bytes
from cognify_core.store.tables import events

_LAST = func.max(mentions.c.listed).label("last")
_RUNS = func.count(mentions.c.listed.distinct()).label("runs")
_CONTENT = func.coalesce(mentions.c.digest, "")
_NEWEST = mentions.c.listed.desc(), mentions.c.run_id.desc(), mentions.c.seq.desc()


class SqlDatasets:
    """Datasets across runs."""

    _database: Database

    def datasets(self, *, after: str | None = None, limit: int = 50, workspace: str = "default") -> list[NamedDataset]:
        """List datasets."""
        mine = mentions.c.workspace == workspace, mentions.c.name.is_not(None)
        contents = func.count(mentions.c.digest.distinct()).label("contents")
        query = _page((mentions.c.name, _LAST, _RUNS, contents), mentions.c.name, after, limit).where(*mine)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            told = _last_tellers(connection, mine, [(row.name, row.last) for row in found])
        return [NamedDataset(row.name, row.runs, row.contents, told[row.name]) for row in found if row.name in told]

    def contents(
        self, key: str, *, after: str | None = None, limit: int = 10, tellers: int = 50, workspace: str = "default"
    ) -> list[Content]:
        """List what a dataset was."""
        mine = mentions.c.workspace == workspace, mentions.c.name == key
        query = _page((_CONTENT.label("content"), _LAST, _RUNS), _CONTENT, after, limit).where(*mine)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            told = [_tellers(connection, (*mine, row.content == _CONTENT), tellers) for row in found]
        digests = [Digest.parse(row.content) if row.content else None for row in found]
        return [Content(digest, row.runs, each) for digest, row, each in zip(digests, found, told, strict=True) if each]


def _page(columns: Sequence[ColumnElement[Any]], by: ColumnElement[Any], after: str | None, limit: int) -> Select[Any]:
    """Groups, those that stood in a run last first; of those that come after the cursor `<run>.<group>`."""
    query = select(*columns).group_by(by).order_by(_LAST.desc(), by.desc()).limit(limit)
    if after is None:
        return query
    run_id, _, group = after.partition(".")
    return query.having(tuple_(func.max(mentions.c.listed), by) < tuple_(run_id, group))


def _tellers(connection: Connection, mine: Iterable[ColumnElement[bool]], most: int) -> tuple[Teller, ...]:
    rows = connection.execute(_told().where(*mine).order_by(*_NEWEST).limit(most))
    return tuple(Teller(row.listed, to_bytes(row.event)) for row in rows)


def _last_tellers(
    connection: Connection, mine: Iterable[ColumnElement[bool]], last: Sequence[tuple[str, str]]
) -> dict[str, Teller]:
    """Of each of these names, the last event of the run in which it stood last."""
    query = _told().where(*mine, tuple_(mentions.c.name, mentions.c.listed).in_(last))
    rows = connection.execute(query.order_by(mentions.c.run_id, mentions.c.seq))
    return {row.name: Teller(row.listed, to_bytes(row.event)) for row in rows}


def _told() -> Select[Any]:
    there = mentions.join(events, and_(events.c.run_id == mentions.c.run_id, events.c.seq == mentions.c.seq))
    return select(mentions.c.name, mentions.c.listed, events.c.event).select_from(there)
