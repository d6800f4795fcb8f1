"""What is recorded of an MLflow run when it has ended: the whole of its state, and its artifacts."""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException

from cognify_core.api.live import LiveRun
from cognify_integrations.mlflow import plain_uri
from cognify_integrations.mlflow_artifacts import record
from cognify_integrations.mlflow_snapshot import SNAPSHOT_NODE, snapshot

_MEND = "note what became of it: cognify note"


def record_state(live: LiveRun, store: Any, mlflow_id: str, *, in_server: bool = False) -> None:
    """Record the artifacts, hashed, and the snapshot that `cognify verify --against mlflow:` compares with."""
    try:
        taken = snapshot(store, mlflow_id, registry=_registry(store.uri))
    except MlflowException as error:
        live.gap(f"MLflow run {mlflow_id}", f"MLflow does not tell its state: {str(error)[:200]}", mend=_MEND)
        return
    taken["artifacts"] = None  # not looked at, which is what it stays where that fails

    def hash_artifacts() -> None:
        taken["artifacts"] = record(live, store, mlflow_id, server=in_server, tracking_uri=plain_uri(store.uri))

    live.guarded("MLflow's artifacts", hash_artifacts)
    live.run.config(taken, node_id=SNAPSHOT_NODE)


def _registry(uri: str) -> Any:
    """The model registry that belongs to a tracking store, as a client of that store finds it."""
    from mlflow.tracking._model_registry.utils import _get_store, _resolve_registry_uri

    return _get_store(_resolve_registry_uri(tracking_uri=uri), uri)
