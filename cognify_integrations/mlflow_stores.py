"""MLflow's own stores, given a class that is also ours."""

from __future__ import annotations

import os
import sys
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.server.constants import BACKEND_STORE_URI_ENV_VAR
from mlflow.store.tracking.rest_store import RestStore

from cognify_integrations.mlflow import plain_uri, registry_store, tracking_store
from cognify_integrations.mlflow_audited import Audited, AuditedGc
from cognify_integrations.mlflow_registry import AuditedRegistry
from cognify_integrations.mlflow_runs import these_runs

_CLASSES: dict[tuple[type[Any], ...], type[Any]] = {}


def audited_tracking(store_uri: str, artifact_uri: str | None) -> Any:
    """Build MLflow's tracking store and make it audited."""
    uri = _inner(store_uri)
    store = _tracking_builder(uri)(store_uri=uri, artifact_uri=artifact_uri)
    mixins = (AuditedGc, Audited) if hasattr(store, "_hard_delete_run") else (Audited,)
    store.__class__ = audited_class(mixins, type(store))
    store.rebuilt = tracking_store, (store_uri, artifact_uri)
    store.asks_server = isinstance(store, RestStore)
    queue = store._async_logging_queue  # noqa: SLF001 - it has kept the method of the class as it was
    queue._logging_func = store.log_batch  # noqa: SLF001
    if is_server():
        these_runs().serve(store)
    return store


def audited_registry(store_uri: str, tracking_uri: str | None) -> Any:
    """Build MLflow's model registry and make it audited."""
    uri = _inner(store_uri)
    inner_tracking = None if tracking_uri is None else plain_uri(tracking_uri)
    store = _registry_builder(uri)(uri, inner_tracking)
    store.__class__ = audited_class((AuditedRegistry,), type(store))
    store.rebuilt = registry_store, (store_uri, tracking_uri)
    return store


def audited_class(mixins: tuple[type[Any], ...], kind: type[Any]) -> type[Any]:
    """A class of MLflow's with our mixins before it, one for each; its own knows nothing of it."""
    made = type(f"Audited{kind.__name__}", (*mixins, kind), {})
    return _CLASSES.setdefault((*mixins, kind), made)


def is_server() -> bool:
    """Whether this process is one of `mlflow server`."""
    return BACKEND_STORE_URI_ENV_VAR in os.environ


def _inner(store_uri: str) -> str:
    uri = plain_uri(store_uri)
    if uri == store_uri or not uri:
        raise MlflowException(
            f"not a URI of Cognify's: {store_uri!r}; it is cognify+ before the URI of MLflow's own store, as in "
            "cognify+sqlite:///mlflow.db",
            error_code=INVALID_PARAMETER_VALUE,
        )
    return uri


def _tracking_builder(uri: str) -> Any:
    """The builder that MLflow has for `uri`: in a server its own, which knows of read replicas."""
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    handlers = sys.modules.get("mlflow.server.handlers")
    if is_server() and handlers is not None and not uri.startswith("http"):
        return handlers._tracking_store_registry.get_store_builder(uri)  # noqa: SLF001 - there is no other way to it
    return _tracking_store_registry.get_store_builder(uri)


def _registry_builder(uri: str) -> Any:
    from mlflow.tracking._model_registry.utils import _get_store_registry

    handlers = sys.modules.get("mlflow.server.handlers")
    if is_server() and handlers is not None and not uri.startswith("http"):
        builder = handlers._model_registry_store_registry.get_store_builder(uri)  # noqa: SLF001
        return lambda store_uri, _: builder(store_uri=store_uri)
    builder = _get_store_registry().get_store_builder(uri)
    return lambda store_uri, tracking_uri: builder(store_uri=store_uri, **_tracking_argument(builder, tracking_uri))


def _tracking_argument(builder: Any, tracking_uri: str | None) -> dict[str, str | None]:
    """Only some registries ask where the tracking store is."""
    code = getattr(builder, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    return {"tracking_uri": tracking_uri} if "tracking_uri" in names else {}
