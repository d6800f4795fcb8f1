"""Closing the gap between a closed record and a signed one: fold, freeze, state, sign, keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cognify_core import merkle
from cognify_core.errors import RunStateError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Event, RunClosed, RunOpened, parse_event
from cognify_core.model.lineage import fold
from cognify_core.model.names import stamp_time, whole_seconds
from cognify_core.model.record import Freeze, RecordManifest, Status
from cognify_core.record.recorder import Clock
from cognify_core.seal.bundle import open_bundle, sign_statement
from cognify_core.seal.keys import Signer
from cognify_core.seal.statement import seal_statement
from cognify_core.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed run, as its seal says."""

    run_id: str
    sealed_at: str
    statement: Digest
    """SHA-256 of the seal's payload, by which addenda and receipts name it."""
    size: int
    root: str
    complete: bool
    reasons: tuple[str, ...]


def seal_record(store: Store, signer: Signer, run_id: str, clock: Clock) -> Sealed:
    """Seal a closed run; of a sealed run, return the seal that it has.

    Raises:
        RunStateError: the run still goes on.
        FormatError: the store holds bytes that are no record; nothing is signed.
    """
    row = store.run(run_id)
    if row.status is Status.RUNNING:
        raise RunStateError(f"{run_id} is RUNNING: it can be sealed when its process has ended it")
    record = list(store.events(run_id))
    events = [parse_event(data) for data in record]
    opened, closed = _ends(run_id, events)
    freeze = store.freeze(run_id, _freeze(run_id, record, events, whole_seconds(stamp_time(clock()))))
    bundle = store.bundle(run_id)
    if bundle is None:
        payload = seal_statement(
            run_id=run_id, opened=opened, closed=closed, freeze=freeze, nodes=fold(events).nodes
        )
        bundle = store.put_bundle(run_id, sign_statement(payload, signer))
    return Sealed(
        run_id,
        freeze.sealed_at,
        Digest.of(open_bundle(bundle).payload),
        freeze.size,
        freeze.root,
        closed.complete,
        closed.reasons,
    )


def _ends(run_id: str, events: Sequence[Event]) -> tuple[RunOpened, RunClosed]:
    opened, closed = events[0].body, events[-1].body
    if not isinstance(opened, RunOpened) or not isinstance(closed, RunClosed):
        raise RunStateError(f"{run_id} has no beginning or no end: its record cannot be sealed")
    return opened, closed


def _freeze(run_id: str, record: Sequence[bytes], events: Sequence[Event], sealed_at: str) -> Freeze:
    root = merkle.root_hash(map(merkle.leaf_hash, record))
    lineage = fold(events).digest(run_id, Status.AUDIT_SEALED, sealed_at)
    return Freeze(len(record), RecordManifest(run_id, len(record), root.hex()).root, lineage, sealed_at)
