"""The part of a SQL store that knows content across runs (see `mentions`, where the promises are)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import ColumnElement, Connection, func, select

from cognify_core.model.digest import Digest
from cognify_core.store.database import Database
from cognify_core.store.index_tables import mentions
from cognify_core.store.mentions import DETAILED, Holder, Holders
from cognify_core.store.sql_datasets import SqlDatasets
from cognify_core.store.tables import runs

_AT_ONCE = 500


class SqlMentions(SqlDatasets):
    """Content across runs."""

    _database: Database

    def holders(
        self, digests: Sequence[Digest], *, but: str | None = None, newest: int = 3, workspace: str = "default"
    ) -> dict[Digest, Holders]:
        """Ask who has contents."""
        of_others = mentions.c.workspace == workspace, mentions.c.listed != (but or "")
        with self._database.reading() as connection:
            counts = dict(_counts(connection, list(dict.fromkeys(digests)), of_others))
            last = {digest: _newest(connection, digest, of_others, newest) for digest in islice(counts, DETAILED)}
        return {digest: Holders(count, last.get(digest, ())) for digest, count in counts.items()}


def _counts(
    connection: Connection, digests: Sequence[Digest], of_others: Sequence[ColumnElement[bool]]
) -> Iterator[tuple[Digest, int]]:
    """Of the contents that others have, in how many runs each stands."""
    runs_of = func.count(mentions.c.listed.distinct()).label("runs")
    query = select(mentions.c.digest, runs_of).where(*of_others).group_by(mentions.c.digest)
    for first in range(0, len(digests), _AT_ONCE):
        asked = [str(digest) for digest in digests[first : first + _AT_ONCE]]
        found = {row.digest: row.runs for row in connection.execute(query.where(mentions.c.digest.in_(asked)))}
        yield from ((Digest.parse(digest), found[digest]) for digest in asked if digest in found)


def _newest(
    connection: Connection, digest: Digest, of_others: Sequence[ColumnElement[bool]], most: int
) -> tuple[Holder, ...]:
    """The last runs by their ids, which begin with the day and the second."""
    of_it = select(mentions.c.listed, func.min(mentions.c.role).label("role"))
    of_it = of_it.where(*of_others, mentions.c.digest == str(digest)).group_by(mentions.c.listed)
    last = of_it.order_by(mentions.c.listed.desc()).limit(most).subquery()
    named = select(last.c.listed, runs.c.name, last.c.role).join(runs, runs.c.run_id == last.c.listed)
    rows = connection.execute(named.order_by(last.c.listed.desc()))
    return tuple(Holder(row.listed, row.name, row.role == "produced") for row in rows)
