"""A run as people read it: folded from its record, with what was said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cognify_core.canonical import Json
from cognify_core.errors import FormatError
from cognify_core.model.events import (
    Artifact,
    Attestation,
    Event,
    Gap,
    Metrics,
    Note,
    RankJoined,
    RunClosed,
    parse_event,
)
from cognify_core.model.lineage import fold
from cognify_core.model.numbers import plain_number
from cognify_core.model.record import Status
from cognify_core.seal.bundle import Bundle
from cognify_core.store.protocol import Receipt, RunRow

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything that `cognify show` tells of a run."""

    row: RunRow
    lineage: dict[str, Json] | None
    """The five keys of the lineage JSON; `sealed_at` is empty while the run is not sealed."""
    reasons: tuple[str, ...]
    """Why the record is not complete; none where it is, or is still open."""
    gaps: tuple[Gap, ...]
    notes: tuple[Note, ...]
    attestations: tuple[Attestation, ...]
    metrics: dict[str, dict[str, float]]
    """For each metric its first, last, least and greatest value, and how many there are.

    Where another tracker was told something else, its own stands beside it, as in `loss (mlflow)`.
    """
    packages: tuple[Receipt, ...]
    addenda: tuple[RunRow, ...]
    world_size: int = 1
    """How many processes trained together."""
    timestamped: frozenset[str] = frozenset()
    """Of the run and its addenda, those whose seals carry timestamps; `verify` says whether they hold."""

    def _repr_html_(self) -> str:
        """The run in a notebook."""
        from cognify_core.api.html import run_html

        return run_html(self)


def view(workspace: Workspace, wanted: str) -> RunView:
    """The run of an id, of an id's unique beginning, or the `last` one.

    Raises:
        RunNotFoundError: there is none, or more than one.
        FormatError: the store holds bytes that are no record.
    """
    row = workspace.find(wanted)
    store = workspace.store
    events = [parse_event(data) for data in store.events(row.run_id)]
    lineage = fold(events, still_open=row.status is Status.RUNNING)
    addenda = store.addenda(row.run_id)
    said = [*events, *(parse_event(data) for addendum in addenda for data in store.events(addendum.run_id))]
    return RunView(
        row,
        lineage.document(row.run_id, row.status, row.freeze.sealed_at if row.freeze else ""),
        next((event.body.reasons for event in events if isinstance(event.body, RunClosed)), ()),
        tuple(_gaps(said)),
        tuple(event.body for event in said if isinstance(event.body, Note)),
        tuple(event.body for event in said if isinstance(event.body, Attestation)),
        _metrics(events),
        tuple(store.receipts(row.run_id)),
        tuple(addenda),
        max((event.body.world_size for event in events if isinstance(event.body, RankJoined)), default=1),
        frozenset(each.run_id for each in (row, *addenda) if _is_timestamped(store.bundle(each.run_id))),
    )


def _is_timestamped(bundle: bytes | None) -> bool:
    """Whether a seal carries a timestamp; one that does not read carries none, and `verify` says what it is."""
    try:
        return bundle is not None and Bundle.parse(bundle).timestamps is not None
    except FormatError:
        return False


def _gaps(events: list[Event]) -> list[Gap]:
    said = [event.body for event in events if isinstance(event.body, Gap)]
    subjects = {gap.subject for gap in said}
    return said + [
        Gap(subject=event.body.id, reason=f"unresolved ({event.body.reason})")
        for event in events
        if isinstance(event.body, Artifact) and event.body.reason and event.body.id not in subjects
    ]


def _metrics(events: list[Event]) -> dict[str, dict[str, float]]:
    """Each metric once: what another tracker was told stands beside it, under its name, only where that differs."""
    points: dict[tuple[str, str | None], list[tuple[int, float]]] = {}
    for event in events:
        if isinstance(event.body, Metrics):
            for step, name, value in event.body.points:
                points.setdefault((name, event.body.tracker), []).append((step, plain_number(value)))
    shown = {}
    for (name, tracker), seen in points.items():
        ours = points.get((name, None))
        if tracker is None or ours is None:
            shown[name] = seen
        elif _as_told(seen) != _as_told(ours):
            shown[f"{name} ({tracker})"] = seen
    return {name: _summary([value for _, value in seen]) for name, seen in shown.items()}


def _as_told(points: list[tuple[int, float]]) -> list[tuple[int, str]]:
    """Points to be compared: trackers may be told them in another order, and keep whole numbers as floats."""
    return sorted((step, repr(float(value))) for step, value in points)


def _summary(seen: list[float]) -> dict[str, float]:
    return {"first": seen[0], "last": seen[-1], "least": min(seen), "greatest": max(seen), "points": len(seen)}
