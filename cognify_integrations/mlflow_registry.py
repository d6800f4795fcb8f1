"""What an audited model registry does beside MLflow's own: a version of a run's model is recorded with the run.

A registry speaks of models, not of runs, so it goes on after a run has been sealed: what it says then goes into an
addendum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlflow.store.model_registry.abstract_store import AbstractStore

from cognify_core.capture.redaction import strip_credentials
from cognify_integrations.mlflow_runs import these_runs


class AuditedRegistry(AbstractStore):  # type: ignore[misc] # mlflow is untyped
    """Goes before a class of MLflow's; `super()` is that."""

    rebuilt: tuple[Callable[..., Any], tuple[Any, ...]]
    """How another process builds this store."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.rebuilt

    def create_model_version(self, *args: Any, **kwargs: Any) -> Any:
        """Create a version of a registered model."""
        version = super().create_model_version(*args, **kwargs)
        if version.run_id:
            these_runs().tell(
                version.run_id,
                "model_version",
                name=version.name,
                version=str(version.version),
                source=strip_credentials(version.source or ""),
                model_id=getattr(version, "model_id", None),
            )
        return version
