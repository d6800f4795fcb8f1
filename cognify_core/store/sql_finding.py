"""The part of a SQL store that finds runs by pages (see `protocol`, where the promises are)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, tuple_

from cognify_core.errors import RunNotFoundError
from cognify_core.model.record import Status
from cognify_core.store.database import Database
from cognify_core.store.finding import RECORDED_BY, USER, Counts, Glance, Wanted
from cognify_core.store.index_tables import gaps, mentions, outcomes
from cognify_core.store.protocol import RunRow
from cognify_core.store.rows import select_runs, to_bytes, to_run_row
from cognify_core.store.tables import RELEASE, bundles, events, openings, runs

_ORDER = runs.c.opened_at.desc(), runs.c.run_id.desc()
_SEALED = exists().where(bundles.c.run_id == runs.c.run_id).correlate(runs)
_ENDED = exists().where(outcomes.c.run_id == runs.c.run_id).correlate(runs)
_GAPS = exists().where(gaps.c.listed == runs.c.run_id).correlate(runs)


class SqlFinding:
    """Runs by pages: each page begins where the one before ended, however many runs have begun since."""

    _database: Database

    def find_runs(
        self, wanted: Wanted, *, after: str | None = None, limit: int = 50, workspace: str = "default"
    ) -> list[RunRow]:
        """Find runs."""
        query = _wanted(wanted, workspace)
        if after is not None:
            query = query.where(tuple_(runs.c.opened_at, runs.c.run_id) < tuple_(self._begun(after, workspace), after))
        with self._database.reading() as connection:
            return [to_run_row(row) for row in connection.execute(query.order_by(*_ORDER).limit(limit))]

    def count_runs(self, *, since: str | None = None, until: str | None = None, workspace: str = "default") -> Counts:
        """Count runs."""
        running, begun = and_(~_ENDED, ~_SEALED), _begun_within(since, until)
        query = select(func.count(), *map(_how_many, (running, _SEALED, _GAPS))).where(*_of(workspace), *begun)
        with self._database.reading() as connection:
            every, going_on, sealed, gapped = map(int, connection.execute(query.select_from(runs)).one())
        return Counts(every, going_on, every - going_on - sealed, sealed, gapped)

    def glance(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, Glance]:
        """Look at runs."""
        mine = select(runs.c.run_id).where(runs.c.run_id.in_(run_ids), *_of(workspace))
        told = select(gaps.c.listed, events.c.event).where(gaps.c.listed.in_(run_ids))
        told = told.join(events, and_(events.c.run_id == gaps.c.run_id, events.c.seq == gaps.c.seq))
        who = select(openings.c.run_id, openings.c.label, openings.c.value).where(openings.c.run_id.in_(run_ids))
        with self._database.reading() as connection:
            found = dict.fromkeys(connection.execute(mine).scalars(), Glance())
            missing = connection.execute(told.order_by(gaps.c.listed, gaps.c.run_id, gaps.c.seq)).all()
            people = connection.execute(who.where(openings.c.label.in_((USER, RECORDED_BY)))).all()
        named = {row.run_id: row.value for row in sorted(people, key=lambda row: row.label == USER)}
        events_of: dict[str, list[bytes]] = {}
        for row in missing:
            events_of.setdefault(row.listed, []).append(to_bytes(row.event))
        return {run_id: Glance(tuple(events_of.get(run_id, ())), named.get(run_id)) for run_id in found}

    def projects(self, *, workspace: str = "default") -> list[str]:
        """List projects."""
        query = select(runs.c.project).where(*_of(workspace)).distinct().order_by(runs.c.project)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def releases(self, project: str, *, workspace: str = "default") -> list[tuple[str, bytes]]:
        """Find releases."""
        mine = runs.c.workspace == workspace, runs.c.project == project, runs.c.amends.is_not(None)
        told = events.join(runs, runs.c.run_id == events.c.run_id)
        query = select(runs.c.amends, events.c.event).select_from(told).where(*mine, events.c.kind == RELEASE)
        query = query.order_by(runs.c.opened_at, runs.c.run_id, events.c.seq)
        with self._database.reading() as connection:
            return [(run_id, to_bytes(event)) for run_id, event in connection.execute(query)]

    def _begun(self, run_id: str, workspace: str) -> str:
        query = select(runs.c.opened_at).where(runs.c.run_id == run_id, runs.c.workspace == workspace)
        with self._database.reading() as connection:
            opened_at: str | None = connection.execute(query).scalar()
        if opened_at is None:
            raise RunNotFoundError(f"there is no run {run_id[:60]!r} after which a page could begin")
        return opened_at


def _of(workspace: str) -> tuple[ColumnElement[bool], ...]:
    return runs.c.workspace == workspace, runs.c.amends.is_(None)


def _begun_within(since: str | None, until: str | None) -> list[ColumnElement[bool]]:
    after = [] if since is None else [runs.c.opened_at >= since]
    return after if until is None else [*after, runs.c.opened_at < until]


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _wanted(wanted: Wanted, workspace: str) -> Select[Any]:
    query = select_runs().where(*_of(workspace))
    if wanted.project is not None:
        query = query.where(runs.c.project == wanted.project)
    query = query.where(*_begun_within(wanted.since, wanted.until))
    if wanted.text is not None:
        query = query.where(or_(*(_holds(place, wanted.text) for place in (runs.c.run_id, runs.c.name))))
    if wanted.sealed is not None:
        query = query.where(_SEALED if wanted.sealed else ~_SEALED)
    if wanted.gaps is not None:
        query = query.where(_GAPS if wanted.gaps else ~_GAPS)
    if wanted.holds is not None:
        held = mentions.c.workspace == workspace, mentions.c.digest == str(wanted.holds)
        query = query.where(runs.c.run_id.in_(select(mentions.c.listed).where(*held)))
    if wanted.person is not None:
        named = openings.c.label.in_((USER, RECORDED_BY)), _holds(openings.c.value, wanted.person)
        query = query.where(exists().where(openings.c.run_id == runs.c.run_id, *named).correlate(runs))
    return query if wanted.status is None else query.where(_is(wanted.status))


def _holds(place: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(func.coalesce(place, "")).contains(text.lower(), autoescape=True)


def _is(status: Status) -> ColumnElement[bool]:
    if status is Status.AUDIT_SEALED:
        return _SEALED
    if status is Status.RUNNING:
        return and_(~_ENDED, ~_SEALED)
    so = exists().where(outcomes.c.run_id == runs.c.run_id, outcomes.c.status == status.value).correlate(runs)
    return and_(so, ~_SEALED)
