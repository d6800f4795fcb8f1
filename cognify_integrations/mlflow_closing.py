"""What is recorded of an MLflow run when it has ended: the whole of its state, and its artifacts."""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException

from cognify_core.api.live import LiveRun
from cognify_core.canonical import Json
from cognify_core.errors import CannotVerifyError
from cognify_integrations.mlflow import plain_uri
from cognify_integrations.mlflow_artifacts import record
from cognify_integrations.mlflow_reading import look_for, shown_uri
from cognify_integrations.mlflow_snapshot import SNAPSHOT_NODE, model_versions, snapshot

_MEND = "note what became of it: cognify note"
_MEND_REGISTRY = "mlflow.set_registry_uri(…), or MLFLOW_REGISTRY_URI, names a registry that is there"


def record_state(live: LiveRun, store: Any, mlflow_id: str, *, in_server: bool = False) -> None:
    """Record the artifacts, hashed, and the snapshot that `cognify verify --against mlflow:` compares with."""
    try:
        taken = snapshot(store, mlflow_id)
    except MlflowException as error:
        live.gap(f"MLflow run {mlflow_id}", f"MLflow does not tell its state: {str(error)[:200]}", mend=_MEND)
        return
    registry = registry_uri(store.uri)
    live.guarded(
        "MLflow's model registry", lambda: taken.update(model_versions=_versions(live, store, registry, taken))
    )
    taken["artifacts"] = None  # not looked at, which is what it stays where that fails

    def hash_artifacts() -> None:
        taken["artifacts"] = record(live, store, mlflow_id, server=in_server, tracking_uri=plain_uri(store.uri))

    live.guarded("MLflow's artifacts", hash_artifacts)
    live.run.config(taken, node_id=SNAPSHOT_NODE, facts=_facts(store.uri, registry, in_server=in_server))


def registry_uri(tracking_uri: str) -> str:
    """The model registry that a client of a tracking store speaks to: one that was set, else that store's own.

    In a server, which sets it when it starts, the one that it serves.
    """
    from mlflow.tracking._model_registry.utils import _resolve_registry_uri

    return str(_resolve_registry_uri(tracking_uri=tracking_uri))


def _versions(live: LiveRun, store: Any, registry: str, taken: dict[str, Json]) -> list[Json] | None:
    """What the registry has of the run; none where it cannot be asked. It is never made, nor waited for."""
    from mlflow.tracking._model_registry.utils import _get_store

    try:
        if plain_uri(registry) != plain_uri(store.uri):
            look_for(plain_uri(registry))
        return model_versions(_get_store(registry, store.uri), taken["info"]["run_id"])
    except (CannotVerifyError, MlflowException) as error:
        live.gap("model versions", f"the registry does not tell them: {str(error)[:200]}", mend=_MEND_REGISTRY)
        return None


def _facts(tracking: str, registry: str, *, in_server: bool) -> dict[str, Json]:
    """Where the model versions are, if not where the run is; a server's clients find them there all the same."""
    if plain_uri(registry) == plain_uri(tracking):
        return {}
    return {"registry": shown_uri(plain_uri(registry)), "registry_of": "server" if in_server else "client"}
