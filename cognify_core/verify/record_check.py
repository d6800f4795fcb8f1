"""The record alone: is every event an event, in its place, of this run, from opening to closing?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cognify_core.errors import FormatError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.events import Event, RunClosed, RunOpened
from cognify_core.model.record import counts_by_kind
from cognify_core.verify.report import Finding, contradicts

MOST_NAMED = 20
"""Findings of one kind that are spelt out; of the rest, the number is told."""


def check_events(run: SealedRun, where: str = "") -> list[Finding]:
    """What is wrong with a record's events; nothing, if nothing is.

    Args:
        run: the run that the record is said to be of, with its events in order.
        where: what every message begins with, as in `addendum 1: `.
    """
    unreadable = [
        contradicts("event_form", f"{where}event {place}: {event}")
        for place, event in enumerate(run.parsed)
        if isinstance(event, FormatError)
    ]
    if unreadable:
        return capped(unreadable, where)
    events = [event for event in run.parsed if isinstance(event, Event)]
    return [*_places(events, where), *_runs(run.run_id, events, where), *capped_each(_ends(events, where), where)]


def _places(events: Sequence[Event], where: str) -> list[Finding]:
    wrong = [(place, event) for place, event in enumerate(events) if event.seq != place]
    found = [
        contradicts(
            "event_order", f"{where}event {place}: in its place stands one numbered {event.seq} ({event.body.kind})"
        )
        for place, event in wrong
    ]
    return capped(found, where)


def _runs(run_id: str, events: Sequence[Event], where: str) -> list[Finding]:
    named = {event.run_id for event in events}
    if len(named) == 1 and run_id not in named:
        return [contradicts("run_id", f"{where}this is said to be {run_id}, but all its events are of {named.pop()}")]
    found = [
        contradicts("event_run", f"{where}event {place}: belongs to another run, {event.run_id}")
        for place, event in enumerate(events)
        if event.run_id != run_id
    ]
    return capped(found, where)


def _ends(events: Sequence[Event], where: str) -> Iterator[Finding]:
    opened = [place for place, event in enumerate(events) if isinstance(event.body, RunOpened)]
    closed = [place for place, event in enumerate(events) if isinstance(event.body, RunClosed)]
    if opened != [0]:
        yield contradicts("run_opened", f"{where}run_opened must be event 0 and no other; it is {_listed(opened)}")
    if closed != [len(events) - 1] or not events:
        yield contradicts(
            "run_closed",
            f"{where}run_closed must be the last event, {len(events) - 1}, and no other; it is {_listed(closed)}",
        )
    elif isinstance(body := events[-1].body, RunClosed):
        yield from _counts(body.counts, counts_by_kind(event.body.kind for event in events[:-1]), where)


def _counts(told: Mapping[str, int], found: Mapping[str, int], where: str) -> Iterator[Finding]:
    for kind in sorted(told.keys() | found.keys()):
        if told.get(kind) != found.get(kind):
            message = f"run_closed counted {told.get(kind, 0)} {kind} events, and there are {found.get(kind, 0)}"
            yield contradicts("run_counts", f"{where}{message}")


def _listed(places: Sequence[int]) -> str:
    return ", ".join(f"event {place}" for place in places[:MOST_NAMED]) or "missing"


def capped_each(findings: Iterable[Finding], where: str = "") -> list[Finding]:
    """Findings by code, of each code the first ones: a hostile record must not bury the report."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    return [finding for alike in by_code.values() for finding in capped(alike, where)]


def capped(findings: list[Finding], where: str = "") -> list[Finding]:
    """The first of many findings of one kind, and how many more there are."""
    if len(findings) <= MOST_NAMED:
        return findings
    rest = contradicts(findings[0].code, f"{where}and {len(findings) - MOST_NAMED} more like these")
    return [*findings[:MOST_NAMED], rest]
