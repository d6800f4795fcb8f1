"""Datasets that MLflow is told of: it has a name, a source and a digest of a sample; we hash the source in full."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cognify_core.capture.commitments import display_path
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.pool import Pool
from cognify_core.capture.redaction import strip_credentials
from cognify_core.model.events import DatasetSeen
from cognify_core.model.names import slug
from cognify_integrations import mlflow_events as events
from cognify_integrations.mlflow_fetching import Fetching
from cognify_integrations.mlflow_hashing import hash_some
from cognify_integrations.mlflow_limits import Allowance, Deadline, exit_of_process
from cognify_integrations.mlflow_sources import Far, Here, Source, Unseen, shown_source, source_of

if TYPE_CHECKING:
    from cognify_core.api.live import LiveRun
    from cognify_core.record.run import Run
    from cognify_integrations.mlflow_known import Known

_AT_ONCE = 4
_MEND = 'cognify.dataset("<the files>", name="{name}") before the run'
_MEND_SERVER = "let the training itself use cognify+http://…: only it can read what it names"

_lock = Lock()
_pools: dict[int, Pool] = {}
"""By the process: a forked child has none of the threads of its parent."""
_allowances: WeakKeyDictionary[Run, Allowance] = WeakKeyDictionary()


def record_inputs(known: Known, datasets: Iterable[Any] | None, models: Iterable[Any] | None) -> None:
    """Record the datasets and the models that a run comes from. What lies elsewhere is fetched in the background."""
    for given in datasets or ():
        context = next((tag.value for tag in given.tags or () if tag.key == "mlflow.data.context"), "")
        known.live.run.add_inputs(_record_dataset(known, given.dataset, context))
    if models:
        events.said(known, "inputs", models=[each.model_id for each in models])


def _record_dataset(known: Known, dataset: Any, context: str) -> str:
    name, role, live = dataset.name or "dataset", _role_of(context), known.live
    facts = {
        "mlflow_run": known.mlflow_id,
        "mlflow_context": context or None,
        "mlflow_digest": dataset.digest,
        "mlflow_digest_assurance": "sampled",
        "mlflow_source_type": dataset.source_type,
        "mlflow_source": shown_source(dataset.source),
    }
    source = source_of(dataset.source_type, dataset.source, in_server=known.in_server)
    if isinstance(source, Here) and not source.only:
        return live.run.file(source.path.absolute(), name=name, role=role, facts=facts | source.facts)
    node, mend = f"ds_{slug(name)}_v1", _MEND_SERVER if known.in_server else _MEND.format(name=name)

    def settle(done: Callable[[Outcome], None], outcome: Outcome) -> None:
        if outcome.reason is not None:
            live.guarded("a gap", live.gap, node, outcome.reason, mend=mend)
        done(outcome)

    return live.run.artifact(
        DatasetSeen,
        node,
        lambda done: _hash(live, source, lambda outcome: settle(done, outcome)),
        fields=lambda _: {"name": name, "role": role, "schema_version_defaulted": True},
        location=_location(source),
        facts=facts,
    )


def _role_of(context: str) -> str:
    if context.startswith(("eval", "valid", "test")):
        return "eval"
    return "train" if not context or context.startswith("train") else context


def _location(source: Source) -> str | None:
    if isinstance(source, Far):
        return strip_credentials(source.uri)
    return display_path(source.path) if isinstance(source, Here) else None


def _hash(live: LiveRun, source: Source, done: Callable[[Outcome], None]) -> None:
    """Hash a source in the background; where there is nothing to hash, it is done now."""
    if isinstance(source, Unseen):
        done(Outcome.unresolved(source.reason))
        return

    def failed(error: BaseException) -> None:
        done(Outcome.unresolved(f"{type(error).__name__}: {error}"))

    _pool().submit(_location(source) or "", _job(live, source), done, failed)


def _job(live: LiveRun, source: Here | Far) -> Callable[[], Outcome]:
    if isinstance(source, Here):
        folder, only = source.path, source.only
        return lambda: hash_some(folder, only)
    deadline = Deadline(live.workspace.settings.artifact_seconds, exit_of_process)  # from now, not from its turn
    fetching, uri = Fetching(_allowance(live), deadline), source.uri
    return lambda: fetching.hash_source(uri)


def _allowance(live: LiveRun) -> Allowance:
    """What may be fetched of the datasets of one run, all of them together."""
    with _lock:
        return _allowances.setdefault(live.run, Allowance(live.workspace.settings.artifact_limit))


def _pool() -> Pool:
    with _lock:
        if (pool := _pools.get(os.getpid())) is None:
            pool = _pools[os.getpid()] = Pool(_AT_ONCE)
        return pool
