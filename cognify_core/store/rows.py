"""Rows of the store's tables, as the values that the protocol speaks of; and the queries that find them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, func, select

from cognify_core.errors import FormatError, StoreError
from cognify_core.model.digest import Digest
from cognify_core.model.events import RunClosed
from cognify_core.model.record import Freeze, Status
from cognify_core.store.protocol import Owner, Receipt, RunRow
from cognify_core.store.tables import bundles, events, freezes, receipts, runs

CLOSED = RunClosed.model_fields["kind"].default

_numbers = events.alias()
_LAST_SEQ = select(func.max(_numbers.c.seq)).where(_numbers.c.run_id == runs.c.run_id).correlate(runs).scalar_subquery()


def select_runs() -> Select[Any]:
    """Every run with its last event, its freeze, and whether it has a bundle; for `to_run_row`."""
    joined = (
        runs.join(events, and_(events.c.run_id == runs.c.run_id, events.c.seq == _LAST_SEQ))
        .outerjoin(freezes, freezes.c.run_id == runs.c.run_id)
        .outerjoin(bundles, bundles.c.run_id == runs.c.run_id)
    )
    return select(
        runs,
        (events.c.seq + 1).label("length"),
        events.c.kind.label("last_kind"),
        events.c.event.label("last_event"),
        freezes.c.size,
        freezes.c.root,
        freezes.c.lineage,
        freezes.c.sealed_at,
        bundles.c.run_id.is_not(None).label("has_bundle"),
    ).select_from(joined)


def to_run_row(row: Row[Any]) -> RunRow:
    """What the store knows of a run, of a row of `select_runs`."""
    status, complete = _closing(row.last_event) if row.last_kind == CLOSED else (Status.RUNNING, None)
    return RunRow(
        run_id=row.run_id,
        nonce=row.nonce,
        workspace=row.workspace,
        project=row.project,
        name=row.name,
        opened_at=row.opened_at,
        status=Status.AUDIT_SEALED if row.has_bundle else status,
        complete=complete,
        size=row.length,
        amends=row.amends,
        ordinal=row.ordinal,
        freeze=None if row.size is None else to_freeze(row),
    )


def _closing(event: bytes) -> tuple[Status, bool]:
    """How a run ended, and whether it is complete.

    An event that can no longer be read is one that somebody wrote over: this view says the worst and stays usable,
    and `verify` says what happened.
    """
    try:
        body = json.loads(event)
        return Status(body["status"]), body["complete"] is True
    except (ValueError, TypeError, KeyError):
        return Status.INTERRUPTED, False


def to_freeze(row: Row[Any]) -> Freeze:
    """What was fixed when a run was frozen, of a row of that table.

    A lineage that is no digest is one that somebody wrote over: it is the digest of that text, which no lineage has. So
    the other runs stay usable, and `verify` names this one.
    """
    try:
        lineage = Digest.parse(str(row.lineage))
    except FormatError:
        lineage = Digest.of(str(row.lineage).encode())
    return Freeze(row.size, row.root, lineage, row.sealed_at)


def to_owner(row: Row[Any]) -> Owner:
    """A process that writes a run, of a row of that table."""
    return Owner(row.host, row.boot_id, row.pid, row.started, row.rank)


def to_bytes(value: object) -> bytes:
    """What a column of bytes holds. SQLite keeps text and numbers there too, where somebody puts them."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def from_receipt(receipt: Receipt, position: int) -> dict[str, Any]:
    """The columns of a receipt."""
    return {
        "package_hash": str(receipt.package_hash),
        "run_id": receipt.run_id,
        "position": position,
        "format": receipt.format,
        "template": receipt.template,
        "renderer": receipt.renderer,
        "addenda": json.dumps([str(digest) for digest in receipt.addenda]),
        "path": receipt.path,
        "bundle": receipt.bundle,
    }


def to_receipt(row: Row[Any]) -> Receipt:
    """A receipt, of a row of its table.

    Raises:
        FormatError: a digest in it is none.
        StoreError: its list of addenda is none.
    """
    try:
        addenda = [str(digest) for digest in json.loads(row.addenda)]
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"the store is damaged: the addenda of the receipt {row.package_hash!s:.80} do not read"
        ) from error
    return Receipt(
        package_hash=Digest.parse(str(row.package_hash)),
        run_id=row.run_id,
        format=row.format,
        template=row.template,
        renderer=row.renderer,
        addenda=tuple(map(Digest.parse, addenda)),
        path=row.path,
        bundle=to_bytes(row.bundle),
    )


def select_receipts() -> Select[Any]:
    """Every receipt, oldest first."""
    return select(receipts).order_by(receipts.c.position)


def rows_of(table: Table, run_id: str, *, column: str = "run_id") -> Select[Any]:
    """The rows of `table` that belong to a run."""
    return select(table).where(table.c[column] == run_id)


def next_position(connection: Connection, table: Table) -> int:
    """The number of the next row of `table`."""
    position: int = connection.execute(select(func.coalesce(func.max(table.c.position) + 1, 0))).scalar_one()
    return position


def workspace_of(connection: Connection, run_id: str) -> str:
    """The workspace of a run that is there."""
    workspace: str = connection.execute(rows_of(runs, run_id)).one().workspace
    return workspace
