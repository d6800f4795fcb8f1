"""All points of the metrics of a run, metric by metric.

What `AbstractStore` promises is one metric at a time, which of a run with a hundred thousand of them takes minutes. A
database of MLflow's is asked for many that have few points at once; each question is a short one, since SQLite lets
nobody write while it is being read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from mlflow.entities import Metric
from sqlalchemy import func, select

PAGE = 20_000
"""Points that are asked for at a time; MLflow's server gives no more than 25,000."""
_FEW = 1_000
"""Points of a metric that is asked for together with others."""
_KEYS = 500
"""Metrics that are asked for at once: databases take only so many values in one question."""
_EXACT = ("sqlite", "postgresql")
"""Databases to which `Loss` and `loss` are two names."""


def histories(store: Any, mlflow_run_id: str, keys: Collection[str]) -> Iterator[tuple[str, Iterable[Any]]]:
    """Each of a run's metrics with all its points, in whatever order.

    Args:
        store: MLflow's tracking store, plain or audited.
        mlflow_run_id: the run.
        keys: of the metrics.

    Raises:
        MlflowException: the store cannot be read.
    """
    if (engine := getattr(store, "engine", None)) is None or engine.dialect.name not in _EXACT:
        yield from ((key, metric_history(store, mlflow_run_id, key)) for key in keys)
        return
    counts = _counts(store, mlflow_run_id)
    for batch in _batches({key: counts.get(key, 0) for key in keys}):
        found = _points(store, mlflow_run_id, batch)
        yield from ((key, found.get(key, [])) for key in batch)
    yield from ((key, metric_history(store, mlflow_run_id, key)) for key in keys if counts.get(key, 0) > _FEW)


def metric_history(store: Any, mlflow_run_id: str, key: str) -> Iterator[Any]:
    """Every point of a metric, a page at a time where the store gives pages."""
    return pages(lambda token: store.get_metric_history(mlflow_run_id, key, max_results=PAGE, page_token=token))


def pages(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    """Everything that `ask` lists, which gives a page for the token of the one before."""
    token: str | None = None
    while True:
        page = ask(token)
        yield from page
        if not (token := getattr(page, "token", None)):
            return


def _batches(counts: Mapping[str, int]) -> Iterator[list[str]]:
    """The metrics with few points, as many together as make no more than a page."""
    batch: list[str] = []
    points = 0
    for key, count in counts.items():
        if count > _FEW:
            continue
        if batch and (len(batch) == _KEYS or points + count > PAGE):
            yield batch
            batch, points = [], 0
        batch.append(key)
        points += count
    if batch:
        yield batch


def _counts(store: Any, mlflow_run_id: str) -> dict[str, int]:
    table = _table()
    asked = select(table.key, func.count()).where(table.run_uuid == mlflow_run_id).group_by(table.key)
    with store.ManagedSessionMaker() as session:
        return dict(session.execute(asked).all())


def _points(store: Any, mlflow_run_id: str, keys: list[str]) -> dict[str, list[Any]]:
    table = _table()
    asked = select(table.key, table.value, table.timestamp, table.step, table.is_nan)
    asked = asked.where(table.run_uuid == mlflow_run_id, table.key.in_(keys))
    with store.ManagedSessionMaker() as session:
        rows = session.execute(asked).all()
    found: dict[str, list[Any]] = {}
    for key, value, timestamp, step, is_nan in rows:
        found.setdefault(key, []).append(Metric(key, float("nan") if is_nan else value, timestamp, step))
    return found


def _table() -> Any:
    from mlflow.store.tracking.dbmodels.models import SqlMetric  # only where there is a database

    return SqlMetric
