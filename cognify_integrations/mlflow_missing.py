"""Points of metrics that MLflow has and the record of a server's run has not: the worker that took them has died.

Parameters and tags need no such look: their last values stand in the state that is recorded at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cognify_core.model.events import Metrics, parse_event
from cognify_core.model.numbers import plain_number
from cognify_integrations import mlflow_events as events
from cognify_integrations.mlflow_histories import histories
from cognify_integrations.mlflow_points import RecordedPoints

if TYPE_CHECKING:
    from cognify_integrations.mlflow_known import Known

_AT_ONCE = 5_000
"""Points between two waits for the store: more than it takes would be thinned out."""


def record_missing(known: Known, store: Any) -> None:
    """Record what MLflow has and the record has not, and how many points of which metric that are.

    Raises:
        MlflowException: MLflow does not tell its metrics.
    """
    recorded = _recorded(known)
    found: dict[str, int] = {}
    for key, points in histories(store, known.mlflow_id, store.get_run(known.mlflow_id).data.metrics):
        for point in recorded.missing(key, points):
            events.metrics(known, [point])
            found[key] = found.get(key, 0) + 1
            if not sum(found.values()) % _AT_ONCE:
                known.live.run.flush()
    if found:
        events.said(known, "found_at_the_end", metrics=found)


def _recorded(known: Known) -> RecordedPoints:
    known.live.run.flush()
    points = RecordedPoints()
    for step, key, value in _points(known):
        points.add(key, step, value)
    return points


def _points(known: Known) -> Iterator[tuple[int, str, float]]:
    for data in known.live.workspace.store.events(known.live.id):
        if isinstance(body := parse_event(data).body, Metrics):
            yield from ((step, key, plain_number(value)) for step, key, value in body.points)
