"""MLflow: `MLFLOW_TRACKING_URI=cognify+sqlite:///mlflow.db`, and what is said to MLflow is recorded.

MLflow loads this module by its entry points whenever it is imported, so nothing heavy is imported here. The stores are
MLflow's own, of a class that is also `Audited`: `isinstance` and every method stay as they are.
"""

from __future__ import annotations

import atexit
import sys
from typing import Any

PREFIX = "cognify+"
RUN_PREFIX = "cognify-run+"
"""Stands for it under `cognify run`, where the script has not asked for us: then no write is refused."""


def plain_uri(uri: str) -> str:
    """The URI of MLflow's own store; one without our prefix is one already."""
    return uri.removeprefix(RUN_PREFIX).removeprefix(PREFIX)


def tracking_store(store_uri: str, artifact_uri: str | None = None, **_: Any) -> Any:
    """MLflow's tracking store of the inner URI, audited.

    Raises:
        MlflowException: MLflow has no store for the inner scheme, or it cannot be opened.
    """
    from cognify_integrations.mlflow_stores import audited_tracking

    return audited_tracking(store_uri, artifact_uri)


def registry_store(store_uri: str, tracking_uri: str | None = None, **_: Any) -> Any:
    """MLflow's model registry of the inner URI, audited.

    Raises:
        MlflowException: MLflow has no registry for the inner scheme, or it cannot be opened.
    """
    from cognify_integrations.mlflow_stores import audited_registry

    return audited_registry(store_uri, tracking_uri)


def _at_exit() -> None:
    """End what is open: after MLflow's own exit, which ends its active run, for this was registered before that."""
    if (runs := sys.modules.get("cognify_integrations.mlflow_runs")) is not None:
        runs.leave()


atexit.register(_at_exit)
