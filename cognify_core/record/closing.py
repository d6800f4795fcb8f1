"""The end of a record: how many events of each kind, whether it is complete, and if not, why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from cognify_core.errors import RecordLengthError
from cognify_core.model.events import ClosedStatus, Draft, Failure, RunClosed
from cognify_core.store.protocol import Store

_ATTEMPTS = 100
MAX_REASONS = 100


def close_record(
    store: Store,
    run_id: str,
    status: ClosedStatus,
    *,
    time: str,
    writer: str,
    reasons: Sequence[str] = (),
    at: int | None = None,
) -> None:
    """Append `run_closed`, with `reasons` and those that the record itself holds for not being complete.

    Where `at` is given, only a record of that length is closed.

    Raises:
        RunSealedError: the record is closed already.
        RecordLengthError: it has another length than `at`, or others keep appending to it.
        StoreError: the store cannot take it.
    """
    for _ in range(_ATTEMPTS):
        events = list(store.events(run_id))
        if at not in (None, len(events)):
            raise RecordLengthError(f"{run_id} has {len(events)} events, not {at}: another writer has appended")
        draft = Draft(time, closing(events, status, reasons), writer, counter=0)
        try:
            store.append(run_id, [draft], at=len(events))
        except RecordLengthError:
            continue
        return
    raise RecordLengthError(f"{run_id} could not be closed: other processes keep appending to it")


def closing(events: Iterable[bytes], status: ClosedStatus, reasons: Sequence[str] = ()) -> RunClosed:
    """The closing event that fits `events`.

    A record is complete when nothing of ours failed, no metric point was thinned, no artifact stayed unresolved, and
    everything that an edge names is there.
    """
    counts: dict[str, int] = {}
    refs: set[str] = set()
    named: set[str] = set()
    found = list(reasons)
    for data in events:
        event = json.loads(data)
        kind = event["kind"]
        counts[kind] = counts.get(kind, 0) + 1
        if "assurance" in event:
            refs.add(event["ref"])
        named.update(event.get("inputs", ()), [event[end] for end in ("source", "target") if end in event])
        if kind == Failure.model_fields["kind"].default:
            found.append(f"{event['where']}: {event['error']}")
        elif event.get("assurance") == "unresolved":
            found.append(f"{event['id']}: unresolved ({event['reason']})")
    if lost := [ref for ref in named - refs if not ref.startswith("@")]:
        found.append(f"{len(lost)} digests were still being taken and are not recorded")
    distinct = list(dict.fromkeys(found))
    if len(distinct) > MAX_REASONS:
        distinct[MAX_REASONS:] = [f"and {len(distinct) - MAX_REASONS} more"]
    return RunClosed(status=status, complete=not distinct, reasons=tuple(distinct), counts=counts)
