"""MLflow's stores are audited, whatever URI the script names; what it asks MLflow for its URI it is told as always."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from cognify_core.api.reported import report
from cognify_integrations.mlflow import PREFIX, RUN_PREFIX

_METHOD = "_get_store_with_resolved_uri"
"""What both registries ask for a store once they know its URI; what it gives is kept by the URI that it is asked."""


def add(module: ModuleType) -> None:
    """Let a registry of MLflow's stores, whose module has just been imported, find ours before its own."""
    if module.__name__.endswith("_tracking_service.registry"):
        report("framework", "MLflow")
        registry = module.TrackingStoreRegistry
    else:
        registry = module.ModelRegistryStoreRegistry
    setattr(registry, _METHOD, _audited(getattr(registry, _METHOD)))


def _audited(get: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(get)
    def get_store(registry: Any, resolved_store_uri: str, *args: Any, **kwargs: Any) -> Any:
        return get(registry, _ours(registry, str(resolved_store_uri)), *args, **kwargs)

    return get_store


def _ours(registry: Any, uri: str) -> str:
    """The URI with the prefix that we have here; as it is where it has one, or we know nothing of its scheme."""
    from mlflow.utils.uri import get_uri_scheme

    from cognify_integrations.mlflow_stores import is_server

    given = uri.removeprefix(RUN_PREFIX)
    plain = Path(given).absolute().as_uri() if given and not get_uri_scheme(given) and "://" not in given else given
    scheme = get_uri_scheme(plain)
    builder = registry._registry.get(f"{PREFIX}{scheme}")  # noqa: SLF001 - it has no other list of its schemes
    if builder is None or is_server():
        return given
    registry.register(f"{RUN_PREFIX}{scheme}", builder)
    return f"{RUN_PREFIX}{plain}"
