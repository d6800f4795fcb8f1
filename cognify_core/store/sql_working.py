"""The part of a SQL store that is about work (see `working`, where the promises are)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, exists, func, or_, select

from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.keeping import KeepUntil, VaultFact
from cognify_core.store.rows import to_bytes
from cognify_core.store.sql_keeping import to_fact, values_of
from cognify_core.store.working import Hook, Job, Waiting

_JOBS = tables.jobs.c
_WAITS = and_(_JOBS.done_at.is_(None), _JOBS.failed_at.is_(None))


class SqlWorking:
    """Jobs and webhooks."""

    _database: Database

    def put_job(self, job: Job) -> Job:
        """Keep a job."""
        with self._database.writing() as connection:
            return _put(connection, job)

    def claim_job(
        self,
        now: str,
        lease_until: str,
        *,
        kinds: Collection[str] = (),
        workspace: str | None = None,
    ) -> Job | None:
        """Take a job that is due and that nobody has."""
        free = or_(_JOBS.lease_until.is_(None), _JOBS.lease_until <= now)
        other = tables.jobs.alias()
        busy = exists().where(other.c.lane == _JOBS.lane, other.c.lease_until > now)
        due = _named(select(tables.jobs), workspace=workspace).where(_WAITS, _JOBS.due_at <= now, free, ~busy)
        if kinds:
            due = due.where(_JOBS.kind.in_(kinds))
        ordered = due.order_by(_JOBS.due_at, _JOBS.created_at, _JOBS.job_id)
        with self._database.writing(beside=True) as connection:
            row = connection.execute(ordered.limit(1).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            taken = {"attempts": row.attempts + 1, "lease_until": lease_until}
            connection.execute(tables.jobs.update().where(_JOBS.job_id == row.job_id).values(**taken))
            claimed = connection.execute(select(tables.jobs).where(_JOBS.job_id == row.job_id)).one()
        return _to_job(claimed)

    def renew_job(self, job_id: str, lease_until: str, *, attempt: int) -> bool:
        """Hold a job longer."""
        return self._update(job_id, attempt, lease_until=lease_until) == 1

    def finish_job(self, job_id: str, done_at: str, *, attempt: int | None = None) -> None:
        """Say that a job is done."""
        self._update(job_id, attempt, done_at=done_at, lease_until=None)

    def postpone_job(self, job_id: str, error: str, due_at: str, *, attempt: int | None = None) -> None:
        """Say that a job failed."""
        self._update(job_id, attempt, due_at=due_at, lease_until=None, last_error=error)

    def fail_job(self, job_id: str, error: str, failed_at: str, *, attempt: int) -> None:
        """Give a job up."""
        self._update(job_id, attempt, failed_at=failed_at, lease_until=None, last_error=error)

    def repeat_job(self, job_id: str, body: bytes, due_at: str, *, attempt: int) -> None:
        """Have a job done again later."""
        again = {"body": body, "due_at": due_at, "lease_until": None, "last_error": None, "attempts": 0}
        self._update(job_id, attempt, **again)

    def jobs(
        self,
        *,
        done: bool = False,
        kind: str | None = None,
        lane: str | None = None,
        workspace: str | None = None,
    ) -> list[Job]:
        """List jobs."""
        query = _named(select(tables.jobs), kind=kind, lane=lane, workspace=workspace)
        query = query.order_by(_JOBS.created_at, _JOBS.job_id)
        with self._database.reading() as connection:
            rows = connection.execute(query if done else query.where(_WAITS))
            return [_to_job(row) for row in rows]

    def waiting(self) -> list[Waiting]:
        """Count jobs."""
        failed = func.sum(case((_JOBS.failed_at.is_not(None), 1), else_=0))
        query = (
            select(_JOBS.kind, func.sum(case((_WAITS, 1), else_=0)), func.min(case((_WAITS, _JOBS.due_at))), failed)
            .group_by(_JOBS.kind)
            .order_by(_JOBS.kind)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query)
            return [Waiting(kind, int(waits), oldest, int(gone)) for kind, waits, oldest, gone in rows]

    def forget_jobs(self, kind: str, before: str) -> int:
        """Delete jobs that are over."""
        over = or_(_JOBS.done_at < before, _JOBS.failed_at < before)
        with self._database.writing(beside=True) as connection:
            return connection.execute(tables.jobs.delete().where(_JOBS.kind == kind, over)).rowcount

    def put_hook(self, hook: Hook) -> None:
        """Keep a webhook."""
        values = asdict(hook) | {"events": " ".join(hook.events), "enabled": int(hook.enabled)}
        with self._database.writing() as connection:
            connection.execute(tables.webhooks.insert(), values)

    def hooks(self, *, workspace: str | None = None) -> list[Hook]:
        """List webhooks."""
        query = select(tables.webhooks).order_by(tables.webhooks.c.created_at, tables.webhooks.c.hook_id)
        if workspace is not None:
            query = query.where(tables.webhooks.c.workspace == workspace)
        with self._database.reading() as connection:
            return [_to_hook(row) for row in connection.execute(query)]

    def hook(self, hook_id: str) -> Hook | None:
        """Look a webhook up."""
        with self._database.reading() as connection:
            row = connection.execute(_hook(hook_id)).first()
        return None if row is None else _to_hook(row)

    def change_hook(
        self,
        hook_id: str,
        *,
        label: str | None = None,
        events: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Change a webhook."""
        said = {
            "label": label,
            "events": None if events is None else " ".join(events),
            "enabled": None if enabled is None else int(enabled),
        }
        table, values = tables.webhooks, {name: value for name, value in said.items() if value is not None}
        if values:
            with self._database.writing() as connection:
                connection.execute(table.update().where(table.c.hook_id == hook_id).values(**values))

    def drop_hook(self, hook_id: str) -> None:
        """Delete a webhook."""
        with self._database.writing() as connection:
            connection.execute(tables.webhooks.delete().where(tables.webhooks.c.hook_id == hook_id))
            connection.execute(tables.jobs.delete().where(_JOBS.lane == hook_id))

    def tell_hook(self, hook_id: str, jobs: Sequence[Job], *, leaves: int, facts: int) -> None:
        """Keep what a webhook is to be told."""
        table = tables.webhooks
        with self._database.writing() as connection:
            row = connection.execute(_hook(hook_id).with_for_update()).first()
            if row is None:
                return
            for job in jobs:
                _put(connection, job)
            told = {"leaves": max(leaves, row.leaves), "facts": max(facts, row.facts)}
            connection.execute(table.update().where(table.c.hook_id == hook_id).values(**told))

    def facts_after(self, count: int, most: int) -> list[tuple[int, VaultFact]]:
        """List what has come after some facts."""
        table = tables.vault_facts
        query = select(table).where(table.c.position >= count).order_by(table.c.position).limit(most)
        with self._database.reading() as connection:
            return [(row.position + 1, to_fact(row)) for row in connection.execute(query)]

    def count_facts(self) -> int:
        """Count facts."""
        with self._database.reading() as connection:
            last = connection.execute(select(func.max(tables.vault_facts.c.position))).scalar()
        return 0 if last is None else int(last) + 1

    def ending(self, since: str, until: str, *, workspace: str = "default") -> list[tuple[str, KeepUntil]]:
        """List runs by the day that is in force for them."""
        table, runs = tables.keepings, tables.runs
        last = select(table.c.run_id, func.max(table.c.position).label("position")).group_by(table.c.run_id).subquery()
        mine = (
            select(table)
            .join(last, and_(table.c.run_id == last.c.run_id, table.c.position == last.c.position))
            .join(runs, runs.c.run_id == table.c.run_id)
        )
        found = mine.where(runs.c.workspace == workspace, table.c.until >= since, table.c.until <= until)
        with self._database.reading() as connection:
            rows = connection.execute(found.order_by(table.c.until, table.c.run_id))
            return [(row.run_id, KeepUntil(row.until, row.why, row.set_at)) for row in rows]

    def _update(self, job_id: str, attempt: int | None, **values: Any) -> int:
        mine = tables.jobs.update().where(_JOBS.job_id == job_id)
        if attempt is not None:
            mine = mine.where(_JOBS.attempts == attempt, _WAITS)
        with self._database.writing(beside=True) as connection:
            return connection.execute(mine.values(**values)).rowcount


def _put(connection: Connection, job: Job) -> Job:
    row = connection.execute(select(tables.jobs).where(_JOBS.job_id == job.job_id)).first()
    if row is not None:
        return _to_job(row)
    connection.execute(tables.jobs.insert(), asdict(job))
    return job


def _named(query: Select[Any], **columns: str | None) -> Select[Any]:
    for name, value in columns.items():
        if value is not None:
            query = query.where(_JOBS[name] == value)
    return query


def _hook(hook_id: str) -> Select[Any]:
    return select(tables.webhooks).where(tables.webhooks.c.hook_id == hook_id)


def _to_job(row: Row[Any]) -> Job:
    return Job(**values_of(row, "lease_until") | {"body": to_bytes(row.body)})


def _to_hook(row: Row[Any]) -> Hook:
    return Hook(**values_of(row) | {"events": tuple(row.events.split()), "enabled": bool(row.enabled)})
