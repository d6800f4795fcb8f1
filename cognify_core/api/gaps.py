"""Gaps as lists count them."""

from __future__ import annotations

from collections.abc import Iterable

from cognify_core.errors import FormatError
from cognify_core.export.gaps import gap_bodies
from cognify_core.model.events import Event, parse_event


def count_gaps(events: Iterable[bytes]) -> int:
    """How many gaps these events of a run and its addenda name. One that does not read is a gap as well."""
    records: dict[str, list[Event]] = {}
    damaged = 0
    for data in events:
        try:
            event = parse_event(data)
        except FormatError:
            damaged += 1
        else:
            records.setdefault(event.run_id, []).append(event)
    return damaged + sum(len(gap_bodies(record)) for record in records.values())
