"""The part of a SQL store in which records end: freezes, and what is signed of them (see `protocol`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from cognify_core.errors import RecordError
from cognify_core.model.record import Freeze
from cognify_core.store import tables
from cognify_core.store.appending import find_head
from cognify_core.store.database import Database
from cognify_core.store.ledger import append_leaf
from cognify_core.store.protocol import Entry, Receipt
from cognify_core.store.rows import (
    from_receipt,
    next_position,
    rows_of,
    select_receipts,
    to_bytes,
    to_freeze,
    to_receipt,
    workspace_of,
)


class SqlSealing:
    """Freezes, envelopes, bundles, receipts."""

    _database: Database

    def freeze(self, run_id: str, freeze: Freeze) -> Freeze:
        """Freeze a run."""
        with self._database.writing(beside=True) as connection:
            self._require_run(connection, run_id)
            if (fixed := connection.execute(rows_of(tables.freezes, run_id)).first()) is not None:
                return to_freeze(fixed)
            head = find_head(connection, run_id)
            if not head.closed:
                raise RecordError(f"{run_id} cannot be frozen: its record is not closed")
            if head.size != freeze.size:
                raise RecordError(f"{run_id} cannot be frozen at {freeze.size} events: it has {head.size}")
            values = asdict(freeze) | {"run_id": run_id, "lineage": str(freeze.lineage)}
            connection.execute(tables.freezes.insert(), values)
        return freeze

    def put_envelope(self, run_id: str, envelope: bytes) -> bytes:
        """Keep a signed statement."""
        with self._database.writing(beside=True) as connection:
            self._require_frozen(connection, run_id)
            kept = connection.execute(_envelope(run_id)).scalar()
            if kept is None:
                connection.execute(tables.envelopes.insert(), {"run_id": run_id, "envelope": envelope})
        return envelope if kept is None else to_bytes(kept)

    def envelope(self, run_id: str) -> bytes | None:
        """Read a signed statement."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            kept = connection.execute(_envelope(run_id)).scalar()
        return None if kept is None else to_bytes(kept)

    def put_bundle(self, run_id: str, bundle: bytes, entry: Entry | None = None) -> bytes:
        """Keep a seal's bundle."""
        with self._database.writing(beside=True) as connection:
            self._require_frozen(connection, run_id)
            if (kept := connection.execute(_bundle(run_id)).scalar()) is not None:
                return to_bytes(kept)
            if entry is not None:
                bundle = entry.finish(append_leaf(connection, entry.leaf, workspace_of(connection, run_id)))
            connection.execute(tables.bundles.insert(), {"run_id": run_id, "bundle": bundle})
        return bundle

    def bundle(self, run_id: str) -> bytes | None:
        """Read a seal's bundle."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            kept = connection.execute(_bundle(run_id)).scalar()
        return None if kept is None else to_bytes(kept)

    def bundles(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, bytes]:
        """Read bundles."""
        query = select(tables.bundles).join(tables.runs, tables.runs.c.run_id == tables.bundles.c.run_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(*_among(run_ids, workspace)))
            return {row.run_id: to_bytes(row.bundle) for row in rows}

    def put_receipt(self, receipt: Receipt, entry: Entry | None = None) -> Receipt:
        """Keep a package's receipt."""
        query = select_receipts().where(tables.receipts.c.package_hash == str(receipt.package_hash))
        with self._database.writing(beside=True) as connection:
            self._require_frozen(connection, receipt.run_id)
            if (kept := connection.execute(query).first()) is not None:
                return to_receipt(kept)
            if entry is not None:
                place = append_leaf(connection, entry.leaf, workspace_of(connection, receipt.run_id))
                receipt = replace(receipt, bundle=entry.finish(place))
            connection.execute(
                tables.receipts.insert(), from_receipt(receipt, next_position(connection, tables.receipts))
            )
        return receipt

    def receipts(self, run_id: str) -> list[Receipt]:
        """List receipts."""
        with self._database.reading() as connection:
            self._require_run(connection, run_id)
            rows = connection.execute(select_receipts().where(tables.receipts.c.run_id == run_id))
            return [to_receipt(row) for row in rows]

    def receipts_of(self, run_ids: Sequence[str], *, workspace: str = "default") -> dict[str, list[Receipt]]:
        """List the receipts of many."""
        query = select_receipts().join(tables.runs, tables.runs.c.run_id == tables.receipts.c.run_id)
        found: dict[str, list[Receipt]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query.where(*_among(run_ids, workspace))):
                found.setdefault(row.run_id, []).append(to_receipt(row))
        return found

    def _require_run(self, connection: Connection, run_id: str) -> None:
        """Raise `RunNotFoundError` where there is no such run."""
        raise NotImplementedError

    def _require_frozen(self, connection: Connection, run_id: str) -> None:
        self._require_run(connection, run_id)
        if not find_head(connection, run_id).frozen:
            raise RecordError(f"{run_id} is not frozen: a bundle or a package needs a record that has ended")


def _among(run_ids: Sequence[str], workspace: str) -> tuple[ColumnElement[bool], ...]:
    return tables.runs.c.run_id.in_(run_ids), tables.runs.c.workspace == workspace


def _envelope(run_id: str) -> Select[Any]:
    return select(tables.envelopes.c.envelope).where(tables.envelopes.c.run_id == run_id)


def _bundle(run_id: str) -> Select[Any]:
    return select(tables.bundles.c.bundle).where(tables.bundles.c.run_id == run_id)
