"""The part of a SQL store that is about keeping (see `keeping`, where the promises are)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from cognify_core.errors import RunStateError
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.keeping import Job, KeepUntil, PolicyKind, PolicyVersion, Purge, VaultFact
from cognify_core.store.ledger import append_leaf
from cognify_core.store.protocol import Leaf, Tombstone
from cognify_core.store.rows import next_position, rows_of, to_bytes, workspace_of


class SqlKeeping:
    """Facts about vaults, policies, days, jobs and purges."""

    _database: Database

    def put_fact(self, fact: VaultFact) -> None:
        """Keep a fact."""
        values: dict[str, Any] = {"package_hash": str(fact.package_hash), "digest": str(fact.digest)}
        values |= {"held": int(fact.held), "asked_held": int(fact.asked_held)}
        with self._database.writing() as connection:
            position = next_position(connection, tables.vault_facts)
            connection.execute(tables.vault_facts.insert(), asdict(fact) | values | {"position": position})

    def facts(self, run_id: str | None = None) -> list[VaultFact]:
        """List facts."""
        query = select(tables.vault_facts) if run_id is None else rows_of(tables.vault_facts, run_id)
        with self._database.reading() as connection:
            return [_to_fact(row) for row in connection.execute(query.order_by(tables.vault_facts.c.position))]

    def put_policy(
        self, kind: PolicyKind, policy: bytes, saved_at: str, *, workspace: str = "default"
    ) -> PolicyVersion:
        """Keep a policy."""
        with self._database.writing() as connection:
            known = _policies(connection, kind, workspace)
            if known and known[-1].policy == policy:
                return known[-1]
            version = PolicyVersion(len(known) + 1, policy, saved_at)
            connection.execute(tables.policies.insert(), asdict(version) | {"workspace": workspace, "kind": kind})
        return version

    def policies(self, kind: PolicyKind, *, workspace: str = "default") -> list[PolicyVersion]:
        """List the versions of a policy."""
        with self._database.reading() as connection:
            return _policies(connection, kind, workspace)

    def keep_until(self, run_id: str, entry: KeepUntil) -> KeepUntil:
        """Say until when."""
        with self._database.writing(beside=True) as connection:
            self._require_frozen(connection, run_id)
            known = _kept(connection, run_id)
            days = [each.until for each in known if each.until is not None]
            if known and (
                known[-1].until == entry.until or (entry.until is not None and entry.until < max(days, default=""))
            ):
                return known[-1]
            connection.execute(tables.keepings.insert(), asdict(entry) | {"run_id": run_id, "position": len(known)})
        return entry

    def kept_until(self, run_id: str) -> KeepUntil | None:
        """Ask until when."""
        with self._database.reading() as connection:
            known = _kept(connection, run_id)
        return known[-1] if known else None

    def put_job(self, job: Job) -> Job:
        """Keep a job."""
        with self._database.writing() as connection:
            row = connection.execute(select(tables.jobs).where(tables.jobs.c.job_id == job.job_id)).first()
            if row is not None:
                return _to_job(row)
            connection.execute(tables.jobs.insert(), asdict(job))
        return job

    def claim_job(self, now: str, lease_until: str, *, workspace: str | None = None) -> Job | None:
        """Take a job that is due and that nobody has."""
        table = tables.jobs
        free = or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
        due = _of_workspace(select(table), workspace).where(table.c.done_at.is_(None), table.c.due_at <= now, free)
        first = due.order_by(table.c.due_at, table.c.job_id).limit(1).with_for_update(skip_locked=True)
        with self._database.writing(beside=True) as connection:
            row = connection.execute(first).first()
            if row is None:
                return None
            mine = table.update().where(table.c.job_id == row.job_id)
            connection.execute(mine.values(lease_until=lease_until, attempts=row.attempts + 1))
            return _to_job(connection.execute(select(table).where(table.c.job_id == row.job_id)).one())

    def finish_job(self, job_id: str, done_at: str) -> None:
        """Say that a job is done."""
        self._update_job(job_id, done_at=done_at, lease_until=None, last_error=None)

    def postpone_job(self, job_id: str, error: str, due_at: str) -> None:
        """Say that a job failed."""
        self._update_job(job_id, due_at=due_at, lease_until=None, last_error=error)

    def jobs(self, *, done: bool = False, workspace: str | None = None) -> list[Job]:
        """List jobs."""
        query = _of_workspace(select(tables.jobs), workspace)
        query = query.order_by(tables.jobs.c.created_at, tables.jobs.c.job_id)
        with self._database.reading() as connection:
            rows = connection.execute(query if done else query.where(tables.jobs.c.done_at.is_(None)))
            return [_to_job(row) for row in rows]

    def purge(self, run_id: str, purge: Purge, log: Callable[[Tombstone], Leaf] | None = None) -> list[str]:
        """Delete a sealed run and its addenda."""
        with self._database.writing() as connection:
            self._require_frozen(connection, run_id)
            _refuse_kept(connection, run_id, purge)
            addenda = select(tables.runs.c.run_id).where(tables.runs.c.amends == run_id)
            held = connection.execute(addenda.order_by(tables.runs.c.ordinal.desc()).with_for_update())
            gone = [*held.scalars(), run_id]
            for each in gone:
                values = {"run_id": each, "amended": None if each == run_id else run_id}
                position = next_position(connection, tables.purges)
                connection.execute(tables.purges.insert(), asdict(purge) | values | {"position": position})
                stone = _tombstone(connection, each, purge)
                if log is not None:
                    append_leaf(connection, log(stone), workspace_of(connection, each))
                position = next_position(connection, tables.tombstones)
                connection.execute(tables.tombstones.insert(), asdict(stone) | {"position": position})
        self._database.purge()
        return gone

    def purges(self) -> list[tuple[str, Purge]]:
        """List purges."""
        table = tables.purges
        with self._database.reading() as connection:
            rows = connection.execute(select(table).where(table.c.amended.is_(None)).order_by(table.c.position))
            return [(row.run_id, _to_purge(row)) for row in rows]

    def _update_job(self, job_id: str, **values: str | None) -> None:
        with self._database.writing(beside=True) as connection:
            connection.execute(tables.jobs.update().where(tables.jobs.c.job_id == job_id).values(**values))

    def _require_frozen(self, connection: Connection, run_id: str) -> None:
        """Raise `RunNotFoundError` or `RecordError` where there is no such frozen run."""
        raise NotImplementedError


def _of_workspace(jobs: Select[Any], workspace: str | None) -> Select[Any]:
    if workspace is None:
        return jobs
    runs = tables.runs
    return jobs.where(tables.jobs.c.run_id.in_(select(runs.c.run_id).where(runs.c.workspace == workspace)))


def _refuse_kept(connection: Connection, run_id: str, purge: Purge) -> None:
    known = _kept(connection, run_id)
    if not known:
        raise RunStateError(f"nothing says until when {run_id} must be kept, so it is kept")
    if (until := known[-1].until) is None or until >= purge.purged_at[:10]:
        raise RunStateError(f"{run_id} is kept {f'until {until}' if until else 'by an open hold'}: {known[-1].why}")


def _tombstone(connection: Connection, run_id: str, purge: Purge) -> Tombstone:
    ordered = rows_of(tables.events, run_id).order_by(tables.events.c.seq)
    leaves = [leaf_hash(to_bytes(row.event)) for row in connection.execute(ordered)]
    return Tombstone(run_id, purge.reason, purge.purged_at, len(leaves), root_hash(leaves).hex())


def _policies(connection: Connection, kind: str, workspace: str) -> list[PolicyVersion]:
    table = tables.policies
    mine = select(table).where(table.c.workspace == workspace, table.c.kind == kind).order_by(table.c.version)
    return [PolicyVersion(row.version, to_bytes(row.policy), row.saved_at) for row in connection.execute(mine)]


def _kept(connection: Connection, run_id: str) -> list[KeepUntil]:
    rows = connection.execute(rows_of(tables.keepings, run_id).order_by(tables.keepings.c.position))
    return [KeepUntil(row.until, row.why, row.set_at) for row in rows]


def _values(row: Row[Any], *without: str) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in without}  # noqa: SLF001 - public, named so


def _to_fact(row: Row[Any]) -> VaultFact:
    digests = {"package_hash": Digest.parse(row.package_hash), "digest": Digest.parse(row.digest)}
    flags = {"held": bool(row.held), "asked_held": bool(row.asked_held)}
    return VaultFact(**(_values(row, "position") | digests | flags))


def _to_job(row: Row[Any]) -> Job:
    return Job(**_values(row, "lease_until"))


def _to_purge(row: Row[Any]) -> Purge:
    return Purge(**_values(row, "run_id", "position", "amended"))
