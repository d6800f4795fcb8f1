"""Artifacts that a server keeps (`mlflow-artifacts:`), where the tracking URI is `cognify+http://…`.

MLflow makes their address out of the tracking URI, and would refuse ours.
"""

from __future__ import annotations

from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
from mlflow.tracking._tracking_service.utils import get_tracking_uri

from cognify_integrations.mlflow import plain_uri


class ProxiedArtifacts(MlflowArtifactsRepository):  # type: ignore[misc] # mlflow is untyped
    """MLflow's own, which is told the plain URI."""

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        registry_uri = None if registry_uri is None else plain_uri(registry_uri)
        super().__init__(artifact_uri, plain_uri(tracking_uri or get_tracking_uri()), registry_uri)
