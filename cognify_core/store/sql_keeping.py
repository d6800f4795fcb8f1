"""The part of a SQL store that is about keeping (see `keeping`, where the promises are)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, or_, select

from cognify_core.errors import PolicyChangedError, RunNotFoundError, RunStateError
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.store import tables
from cognify_core.store.database import Database
from cognify_core.store.keeping import KeepUntil, PolicyKind, PolicyVersion, Purge, VaultFact
from cognify_core.store.ledger import append_leaf
from cognify_core.store.protocol import OF_WHAT_IS_GONE, Leaf, Tombstone
from cognify_core.store.rows import next_position, rows_of, to_bytes, workspace_of

_AT_ONCE = 100
"""How many runs are held in one transaction."""


class SqlKeeping:
    """Facts about vaults, policies, days and purges."""

    _database: Database

    def put_fact(self, fact: VaultFact) -> None:
        """Keep a fact."""
        values: dict[str, Any] = {"package_hash": str(fact.package_hash), "digest": str(fact.digest)}
        values |= {"held": int(fact.held), "asked_held": int(fact.asked_held)}
        with self._database.writing() as connection:
            position = next_position(connection, tables.vault_facts)
            connection.execute(tables.vault_facts.insert(), asdict(fact) | values | {"position": position})

    def facts(self, run_id: str | None = None, *, workspace: str | None = None) -> list[VaultFact]:
        """List facts."""
        query = select(tables.vault_facts) if run_id is None else rows_of(tables.vault_facts, run_id)
        if workspace is not None:
            query = query.where(_of_runs_of(workspace))
        with self._database.reading() as connection:
            return [to_fact(row) for row in connection.execute(query.order_by(tables.vault_facts.c.position))]

    def put_policy(
        self, kind: PolicyKind, policy: bytes, saved_at: str, *, after: int | None = None, workspace: str = "default"
    ) -> PolicyVersion:
        """Keep a policy."""
        with self._database.writing() as connection:
            known = _policies(connection, kind, workspace)
            if after not in (None, len(known)):
                raise PolicyChangedError(f"somebody else has changed the {kind} of {workspace} meanwhile: look again")
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
            kept, _ = _keep(connection, run_id, entry)
        return kept

    def keep_all_until(self, entries: Mapping[str, KeepUntil]) -> int:
        """Say until when of many."""
        changed, run_ids = 0, sorted(entries)  # of two who do this, each holds rows in the same order
        for first in range(0, len(run_ids), _AT_ONCE):
            with self._database.writing(beside=True) as connection:
                for run_id in run_ids[first : first + _AT_ONCE]:
                    with suppress(RunNotFoundError):
                        self._require_frozen(connection, run_id)
                        changed += _keep(connection, run_id, entries[run_id])[1]
        return changed

    def kept_until(self, run_id: str) -> KeepUntil | None:
        """Ask until when."""
        with self._database.reading() as connection:
            known = _kept(connection, run_id)
        return known[-1] if known else None

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

    def _require_frozen(self, connection: Connection, run_id: str) -> None:
        """Raise `RunNotFoundError` or `RecordError` where there is no such frozen run."""
        raise NotImplementedError


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


def _of_runs_of(workspace: str) -> ColumnElement[bool]:
    runs, leaves, about = tables.runs, tables.leaves, tables.vault_facts.c.run_id
    there = exists().where(runs.c.run_id == about, runs.c.workspace == workspace)
    told = exists().where(
        leaves.c.workspace == workspace, leaves.c.kind.in_(OF_WHAT_IS_GONE), leaves.c.subject == about
    )
    return or_(there.correlate(tables.vault_facts), told.correlate(tables.vault_facts))


def _keep(connection: Connection, run_id: str, entry: KeepUntil) -> tuple[KeepUntil, bool]:
    """What is in force then, and whether that is another day than before."""
    known = _kept(connection, run_id)
    days = [each.until for each in known if each.until is not None]
    if known and (known[-1].until == entry.until or (entry.until is not None and entry.until < max(days, default=""))):
        return known[-1], False
    connection.execute(tables.keepings.insert(), asdict(entry) | {"run_id": run_id, "position": len(known)})
    return entry, True


def _policies(connection: Connection, kind: str, workspace: str) -> list[PolicyVersion]:
    table = tables.policies
    mine = select(table).where(table.c.workspace == workspace, table.c.kind == kind).order_by(table.c.version)
    return [PolicyVersion(row.version, to_bytes(row.policy), row.saved_at) for row in connection.execute(mine)]


def _kept(connection: Connection, run_id: str) -> list[KeepUntil]:
    rows = connection.execute(rows_of(tables.keepings, run_id).order_by(tables.keepings.c.position))
    return [KeepUntil(row.until, row.why, row.set_at) for row in rows]


def values_of(row: Row[Any], *without: str) -> dict[str, Any]:
    """The columns of a row, but for some."""
    return {name: value for name, value in row._mapping.items() if name not in without}  # noqa: SLF001 - public, named so


def to_fact(row: Row[Any]) -> VaultFact:
    """The fact of a row."""
    digests = {"package_hash": Digest.parse(row.package_hash), "digest": Digest.parse(row.digest)}
    flags = {"held": bool(row.held), "asked_held": bool(row.asked_held)}
    return VaultFact(**(values_of(row, "position") | digests | flags))


def _to_purge(row: Row[Any]) -> Purge:
    return Purge(**values_of(row, "run_id", "position", "amended"))
