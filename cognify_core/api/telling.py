"""A run as documents tell it, in whatever state it is: sealed, closed, or going on.

Nothing is checked here. What is told is what the store holds; `verify` says whether that is what was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cognify_core.errors import FormatError
from cognify_core.export.dossier import Dossier
from cognify_core.export.inputs import SealedRun
from cognify_core.model.events import Body, Event, RunClosed
from cognify_core.model.record import Status, counts_by_kind
from cognify_core.seal.closed import ClosedRecord
from cognify_core.seal.signing import PublicKey
from cognify_core.store.protocol import RunRow, Store
from cognify_core.verify.store_check import key_named_in

GOES_ON = "the run goes on"
UNKNOWN_KEY = "It is sealed with a key that is not known here: pin it with `cognify keys trust FILE`."


@dataclass(frozen=True)
class OpenRun(SealedRun):
    """A run that goes on, as its record would be if it were interrupted now."""

    @cached_property
    def record(self) -> ClosedRecord:
        """The record, and an end that nobody has recorded.

        Raises:
            FormatError: the events are no record.
        """
        events = [event for event in self.parsed if isinstance(event, Event)]
        if not events or len(events) < len(self.parsed):
            raise _unreadable(self)
        counts = counts_by_kind(event.body.kind for event in events)
        end = RunClosed(status="INTERRUPTED", complete=False, reasons=(GOES_ON,), counts=counts)
        last = Event(self.run_id, len(events), events[-1].time, end)
        return ClosedRecord.of((*self.events, last.encode()), (*events, last))


def tell(store: Store, run_id: str, keys: Sequence[PublicKey]) -> Dossier:
    """The dossier of a run and of its addenda that are closed, as the store has them.

    Raises:
        RunNotFoundError: there is no such run.
        FormatError, StoreError: what the store holds of it is no record.
    """
    row = store.run(run_id)
    addenda = [each for each in store.addenda(run_id) if each.status is not Status.RUNNING]
    run = _with_seal(store, row, keys)
    banner = UNKNOWN_KEY if row.status is Status.AUDIT_SEALED and not run.bundle else None
    return Dossier.of(run, [_with_seal(store, each, keys) for each in addenda], banner=banner)


def with_addendum(dossier: Dossier, bodies: Sequence[Body]) -> Dossier:
    """The dossier as it would be if an addendum said this as well. Nothing is recorded."""
    if not bodies:
        return dossier
    opened = dossier.opened.body
    before = (opened, *bodies)
    end = RunClosed(status="COMPLETED", complete=True, counts=counts_by_kind(body.kind for body in before))
    events = [Event(dossier.run_id, seq, dossier.closed_at, body) for seq, body in enumerate((*before, end))]
    said = SealedRun(dossier.run_id, tuple(event.encode() for event in events), b"", b"", {})
    return Dossier.of(dossier.run, (*dossier.addenda, said), openings=dossier.openings, banner=dossier.banner)


def as_recorded(
    store: Store, run_id: str, kind: type[SealedRun] = SealedRun, *, bundle: bytes = b"", public_key: bytes = b""
) -> SealedRun:
    """A run as its record has it; without a seal, where none is given.

    Raises:
        FormatError: an event is none.
        StoreError: a manifest that it names is not there.
    """
    manifests: dict[str, bytes] = {}
    run = kind(run_id, tuple(store.events(run_id)), bundle, public_key, manifests)
    if any(isinstance(event, FormatError) for event in run.parsed):
        raise _unreadable(run)
    named = [digest for event in run.parsed if isinstance(event, Event) for digest in event.body.manifests()]
    there = store.manifests(named)
    manifests.update((str(digest), there.get(digest) or store.manifest(digest)) for digest in named)
    return run


def _with_seal(store: Store, row: RunRow, keys: Sequence[PublicKey]) -> SealedRun:
    """The run, and its seal where that was made with one of these keys."""
    if row.status is Status.RUNNING:
        return as_recorded(store, row.run_id, OpenRun)
    bundle = store.bundle(row.run_id)
    if bundle is None or not (key := key_named_in(bundle, keys)):
        return as_recorded(store, row.run_id)
    return as_recorded(store, row.run_id, bundle=bundle, public_key=key)


def _unreadable(run: SealedRun) -> FormatError:
    bad = (event for event in run.parsed if isinstance(event, FormatError))
    return next(bad, FormatError(f"the record of {run.run_id} is empty"))
