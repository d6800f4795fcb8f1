"""The gaps of a record: what it says that it could not see."""

from __future__ import annotations

from collections.abc import Iterable

from cognify_core.canonical import Json
from cognify_core.model.events import Artifact, Event, Gap


def gaps(events: Iterable[Event]) -> list[dict[str, Json]]:
    """The gaps of a record as packages list them."""
    return [gap.model_dump(mode="json", exclude_none=True, exclude={"kind"}) for gap in gap_bodies(events)]


def gap_bodies(events: Iterable[Event]) -> tuple[Gap, ...]:
    """Every gap that a record names, in its order, and every artifact that it could not resolve, with who owns it.

    An artifact for which the record names a gap of its own, by ref or by id, is not listed twice.
    """
    recorded = list(events)
    said = [event.body for event in recorded if isinstance(event.body, Gap)]
    subjects = {gap.subject for gap in said}
    silent = [
        Gap(subject=event.body.id, reason=event.body.reason)
        for event in recorded
        if isinstance(event.body, Artifact) and event.body.reason and not subjects & {event.body.id, event.body.ref}
    ]
    return (*said, *silent)
