"""The part of a SQL store that tells what keeps sealed runs, and what holds their packages (see `keeping`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, exists, func, select, tuple_

from cognify_core.model.events import Release
from cognify_core.store.database import Database
from cognify_core.store.keeping import Clocks, KeepUntil, KeptDays, VaultFact
from cognify_core.store.rows import to_bytes
from cognify_core.store.sql_keeping import to_fact
from cognify_core.store.tables import bundles, events, freezes, keepings, receipts, runs, vault_facts

Mine: TypeAlias = tuple[ColumnElement[bool], ...]
"""Which runs are meant."""
_RELEASE = Release.model_fields["kind"].default
_LOCKED = "locked"
"""The state of a lock that is at least what was asked for (`cognify_core.vault.protocol.LockState`)."""

_addenda, _their = runs.alias("addenda"), freezes.alias("their_freezes")
_LAST_SEAL = (
    select(func.max(_their.c.sealed_at))
    .join(_addenda, _addenda.c.run_id == _their.c.run_id)
    .where(_addenda.c.amends == runs.c.run_id)
    .correlate(runs)
    .scalar_subquery()
)
_earlier = keepings.alias("earlier")
_IN_FORCE = (
    select(func.max(_earlier.c.position))
    .where(_earlier.c.run_id == keepings.c.run_id)
    .correlate(keepings)
    .scalar_subquery()
)
_later = vault_facts.alias("later")
_VERSION = ("run_id", "vault", "key", "version")
_READ_AGAIN = (
    exists()
    .where(*(_later.c[name] == vault_facts.c[name] for name in _VERSION), _later.c.position > vault_facts.c.position)
    .correlate(vault_facts)
)
_END = func.coalesce(vault_facts.c.until, "")


class SqlClocks:
    """What starts the clocks of frozen runs; and the locks on their packages, by when they end."""

    _database: Database

    def clocks(self, run_id: str) -> Clocks | None:
        """Read those of a run."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            found = _clocks(connection, (runs.c.run_id == run_id,))
        return found[0] if found else None

    def all_clocks(self, run_ids: Sequence[str] | None = None, *, workspace: str = "default") -> list[Clocks]:
        """Read those of a workspace."""
        named = () if run_ids is None else (runs.c.run_id.in_(run_ids),)
        with self._database.reading() as connection:
            return _clocks(connection, (*_of(workspace), *named))

    def count_kept(self, *, workspace: str = "default") -> KeptDays:
        """Count days."""
        until = keepings.c.until
        counted = func.min(until), func.max(until), func.count() - func.count(until)
        query = select(*counted).select_from(keepings).join(runs, runs.c.run_id == keepings.c.run_id)
        with self._database.reading() as connection:
            found = connection.execute(query.where(*_of(workspace), keepings.c.position == _IN_FORCE)).one()
        return KeptDays(found[0], found[1], int(found[2]))

    def count_made(self, *, workspace: str = "default") -> dict[str, int]:
        """Count documents."""
        query = select(receipts.c.template, func.count(receipts.c.run_id.distinct()))
        query = query.join(runs, runs.c.run_id == receipts.c.run_id).where(*_of(workspace))
        with self._database.reading() as connection:
            rows = connection.execute(query.where(receipts.c.template.is_not(None)).group_by(receipts.c.template))
            return {template: int(count) for template, count in rows}

    def find_locks(
        self,
        ends_before: str | None = None,
        *,
        lesser: bool = False,
        after: int | None = None,
        limit: int = 50,
        workspace: str = "default",
    ) -> list[tuple[int, VaultFact]]:
        """Find locks."""
        query = select(vault_facts).join(runs, runs.c.run_id == vault_facts.c.run_id)
        query = query.where(runs.c.workspace == workspace, vault_facts.c.part == "package", ~_READ_AGAIN)
        if lesser:
            query = query.where(vault_facts.c.state != _LOCKED)
        if ends_before is not None:
            query = query.where(ends_before > _END)
        if after is not None:
            last = select(_END).where(vault_facts.c.position == after).scalar_subquery()
            query = query.where(tuple_(_END, vault_facts.c.position) > tuple_(last, after))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(_END, vault_facts.c.position).limit(limit)).all()
        return [(row.position, to_fact(row)) for row in rows]

    def _require_run(self, connection: Connection, run_id: str) -> None:
        """Raise `RunNotFoundError` where there is no such run."""
        raise NotImplementedError


def _of(workspace: str) -> Mine:
    return runs.c.workspace == workspace, runs.c.amends.is_(None)


def _clocks(connection: Connection, mine: Mine) -> list[Clocks]:
    joined = runs.join(freezes, freezes.c.run_id == runs.c.run_id).outerjoin(bundles, bundles.c.run_id == runs.c.run_id)
    sealed = bundles.c.run_id.is_not(None).label("is_sealed")
    query = select(runs.c.run_id, runs.c.project, freezes.c.sealed_at, _LAST_SEAL.label("last_seal_at"), sealed)
    frozen = connection.execute(query.select_from(joined).where(*mine).order_by(freezes.c.sealed_at, runs.c.run_id))
    rows = frozen.all()
    made, released, kept = _made(connection, mine), _released(connection, mine), _kept(connection, mine)
    return [
        Clocks(
            run_id=row.run_id,
            project=row.project,
            sealed_at=row.sealed_at,
            last_seal_at=max(str(row.sealed_at), str(row.last_seal_at or "")),
            is_sealed=bool(row.is_sealed),
            templates=frozenset(template for template, _ in made[row.run_id] if template is not None),
            packages=sum(count for _, count in made[row.run_id]),
            releases=tuple(released[row.run_id]),
            kept=kept.get(row.run_id),
        )
        for row in rows
    ]


def _made(connection: Connection, mine: Mine) -> defaultdict[str, list[tuple[str | None, int]]]:
    """How many packages of each run were made with each template."""
    count = func.count().label("count_of")
    query = select(receipts.c.run_id, receipts.c.template, count).join(runs, runs.c.run_id == receipts.c.run_id)
    found: defaultdict[str, list[tuple[str | None, int]]] = defaultdict(list)
    for row in connection.execute(query.where(*mine).group_by(receipts.c.run_id, receipts.c.template)):
        found[row.run_id].append((row.template, row.count_of))
    return found


def _released(connection: Connection, mine: Mine) -> defaultdict[str, list[bytes]]:
    joined = runs.join(_addenda, _addenda.c.amends == runs.c.run_id).join(events, events.c.run_id == _addenda.c.run_id)
    query = select(runs.c.run_id, events.c.event).select_from(joined).where(*mine, events.c.kind == _RELEASE)
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for row in connection.execute(query.order_by(_addenda.c.ordinal, events.c.seq)):
        found[row.run_id].append(to_bytes(row.event))
    return found


def _kept(connection: Connection, mine: Mine) -> dict[str, KeepUntil]:
    query = select(keepings).join(runs, runs.c.run_id == keepings.c.run_id)
    rows = connection.execute(query.where(*mine, keepings.c.position == _IN_FORCE))
    return {row.run_id: KeepUntil(row.until, row.why, row.set_at) for row in rows}
