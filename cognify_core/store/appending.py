"""How drafts become events: numbered and encoded inside the transaction that appends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from cognify_core.errors import RecordError, RecordLengthError, RunSealedError, StoreError
from cognify_core.model.events import Draft, RunClosed, RunOpened
from cognify_core.store.indexing import index_events
from cognify_core.store.prepared import Prepared
from cognify_core.store.tables import events, freezes
from cognify_core.turns import in_turns

_MINE = events.c.run_id == bindparam("run_id")
_LAST = Prepared(select(events.c.seq, events.c.kind).where(_MINE).order_by(events.c.seq.desc()).limit(1))
_FREEZE = Prepared(select(freezes.c.size).where(freezes.c.run_id == bindparam("run_id")))
_HELD = Prepared(
    select(events.c.counter, events.c.seq, events.c.event).where(
        _MINE,
        events.c.writer == bindparam("writer"),
        events.c.counter.between(bindparam("first"), bindparam("last")),
    )
)
_EVENTS = Prepared(events.insert())


@dataclass(frozen=True, slots=True)
class Head:
    """Where a record stands."""

    size: int
    closed: bool
    """`run_closed` is its last event."""
    frozen: bool


def find_head(connection: Connection, run_id: str) -> Head:
    """Where the record of `run_id` stands; of size 0 where there is none.

    Raises:
        StoreError: an event's number is none: raw SQL may put anything into a column.
    """
    row = _LAST.first(connection, run_id=run_id)
    if row is None:
        return Head(0, closed=False, frozen=False)
    seq, kind = row
    if not isinstance(seq, int):
        raise StoreError(f"the store is damaged: an event of {run_id} has the number {str(seq)[:40]!r}")
    closed = kind == RunClosed.model_fields["kind"].default
    frozen = closed and _FREEZE.first(connection, run_id=run_id) is not None
    return Head(seq + 1, closed, frozen)


def append_drafts(connection: Connection, run_id: str, drafts: Sequence[Draft], at: int | None) -> int:
    """Append those of `drafts` that the record does not hold; return its length.

    Raises:
        RunSealedError: the record has ended, or would end before the last draft.
        RecordLengthError: `at` is given and is not the record's length.
        RecordError: a draft opens a record, or a writer has given one counter to two drafts.
        FormatError: a draft's body has no bytes.
    """
    head = find_head(connection, run_id)
    held = _held(connection, run_id, drafts)
    fresh = [draft for draft in _distinct(drafts) if not _is_held(draft, run_id, held)]
    if not fresh:
        return head.size
    _refuse_after_end(run_id, head, fresh)
    if at not in (None, head.size):
        raise RecordLengthError(f"{run_id} has {head.size} events, not {at}: another writer has appended")
    if clash := next((draft for draft in fresh if (draft.writer, draft.counter) in held), None):
        raise _two_drafts(clash)
    if any(isinstance(draft.body, RunOpened) for draft in fresh):
        raise RecordError(f"{run_id} has begun already: run_opened is its first event, and no other is")
    rows = [event_row(run_id, seq, draft) for seq, draft in in_turns(list(enumerate(fresh, head.size)), 1)]
    _EVENTS.put(connection, rows)
    index_events(connection, run_id, ((seq, draft.body) for seq, draft in enumerate(fresh, head.size)))
    return head.size + len(fresh)


def event_row(run_id: str, seq: int, draft: Draft) -> dict[str, Any]:
    """The columns of the event that `draft` becomes at `seq`."""
    return {
        "run_id": run_id,
        "seq": seq,
        "writer": draft.writer,
        "counter": draft.counter,
        "kind": draft.body.kind,
        "event": draft.at(run_id, seq).encode(),
    }


def _refuse_after_end(run_id: str, head: Head, fresh: Sequence[Draft]) -> None:
    if head.frozen:
        raise RunSealedError(
            f"{run_id} is frozen and takes no more events; what is said after it goes into an addendum"
        )
    if head.closed:
        raise RunSealedError(
            f"{run_id} is closed and takes no more events; what is said after it goes into an addendum"
        )
    if any(isinstance(draft.body, RunClosed) for draft in fresh[:-1]):
        raise RunSealedError(f"{run_id} would be closed before the last of these events; run_closed comes last")


def _held(connection: Connection, run_id: str, drafts: Iterable[Draft]) -> dict[tuple[str, int], tuple[int, bytes]]:
    """Sequence number and bytes of the events that the record holds of these drafts' writers and counters."""
    counters: dict[str, set[int]] = {}
    for draft in drafts:
        counters.setdefault(draft.writer, set()).add(draft.counter)
    held = {}
    for writer, wanted in counters.items():
        rows = _HELD.rows(connection, run_id=run_id, writer=writer, first=min(wanted), last=max(wanted))
        held.update({(writer, counter): (seq, event) for counter, seq, event in rows if counter in wanted})
    return held


def _is_held(draft: Draft, run_id: str, held: dict[tuple[str, int], tuple[int, bytes]]) -> bool:
    if (place := held.get((draft.writer, draft.counter))) is None:
        return False
    seq, event = place
    return draft.at(run_id, seq).encode() == event


def _distinct(drafts: Iterable[Draft]) -> list[Draft]:
    """Each draft once, in order of first appearance."""
    distinct: dict[tuple[str, int], Draft] = {}
    for draft in drafts:
        if distinct.setdefault((draft.writer, draft.counter), draft) != draft:
            raise _two_drafts(draft)
    return list(distinct.values())


def _two_drafts(draft: Draft) -> RecordError:
    return RecordError(
        f"the writer {draft.writer!r} has given the counter {draft.counter} to two different events; a writer that "
        "starts anew takes a name of its own"
    )
