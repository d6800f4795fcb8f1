"""The part of a SQL store that finds runs by pages (see `protocol`, where the promises are)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select, tuple_

from cognify_core.errors import RunNotFoundError
from cognify_core.model.record import Status
from cognify_core.store.database import Database
from cognify_core.store.finding import Wanted
from cognify_core.store.protocol import RunRow
from cognify_core.store.rows import CLOSED, select_runs, to_run_row
from cognify_core.store.tables import bundles, events, runs

ROWS_AT_ONCE = 500
_ORDER = runs.c.opened_at.desc(), runs.c.run_id.desc()


class SqlFinding:
    """Runs by pages: each page begins where the one before ended, however many runs have begun since."""

    _database: Database

    def find_runs(
        self, wanted: Wanted, *, after: str | None = None, limit: int = 50, workspace: str = "default"
    ) -> list[RunRow]:
        """Find runs."""
        query = _wanted(wanted, workspace).order_by(*_ORDER)
        found: list[RunRow] = []
        at = None if after is None else self._begun(after, workspace)
        at_once = limit if wanted.status in (None, Status.RUNNING, Status.AUDIT_SEALED) else ROWS_AT_ONCE
        while len(found) < limit:
            page = query if at is None else query.where(tuple_(runs.c.opened_at, runs.c.run_id) < tuple_(*at))
            with self._database.reading() as connection:
                rows = [to_run_row(row) for row in connection.execute(page.limit(at_once))]
            found += [row for row in rows if wanted.status in (None, row.status)]
            if len(rows) < at_once:
                break
            at = rows[-1].opened_at, rows[-1].run_id
        return found[:limit]

    def _begun(self, run_id: str, workspace: str) -> tuple[str, str]:
        query = select(runs.c.opened_at).where(runs.c.run_id == run_id, runs.c.workspace == workspace)
        with self._database.reading() as connection:
            opened_at = connection.execute(query).scalar()
        if opened_at is None:
            raise RunNotFoundError(f"there is no run {run_id[:60]!r} after which a page could begin")
        return opened_at, run_id


def _wanted(wanted: Wanted, workspace: str) -> Select[Any]:
    query = select_runs().where(runs.c.workspace == workspace, runs.c.amends.is_(None))
    if wanted.project is not None:
        query = query.where(runs.c.project == wanted.project)
    if wanted.since is not None:
        query = query.where(runs.c.opened_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(runs.c.opened_at < wanted.until)
    if wanted.text is not None:
        named = func.lower(func.coalesce(runs.c.name, ""))
        query = query.where(
            or_(*(place.contains(wanted.text.lower(), autoescape=True) for place in (runs.c.run_id, named)))
        )
    if wanted.status is Status.AUDIT_SEALED:
        return query.where(bundles.c.run_id.is_not(None))
    if wanted.status is Status.RUNNING:
        return query.where(events.c.kind != CLOSED, bundles.c.run_id.is_(None))
    return query if wanted.status is None else query.where(events.c.kind == CLOSED, bundles.c.run_id.is_(None))
