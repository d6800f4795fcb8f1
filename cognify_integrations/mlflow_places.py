"""Where the artifacts of an MLflow run lie: its own, and those of the models that it logged."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from cognify_integrations.mlflow_snapshot import logged_models

OWN_PLACE = "."
_PROXIED = ("mlflow-artifacts:", "http:", "https:")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of artifacts, here or elsewhere."""

    name: str
    """How a snapshot calls it: `.` for the run's own, `models:/<model id>` for a logged model's."""
    uri: str
    is_far: bool = False
    """Whether a path of this file system may mean one of another machine."""

    def name_of(self, path: str) -> str:
        """How a snapshot calls an artifact in it."""
        return path if self.name == OWN_PLACE else f"{self.name}/{path}"

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this file system."""
        try:
            if self.uri and is_local_uri(self.uri, is_tracking_or_registry_uri=False):
                return Path(local_file_uri_to_path(self.uri)).absolute()
        except MlflowException:  # `file:` on another machine
            pass
        return None


def artifact_places(store: Any, mlflow_run_id: str, *, server: bool) -> dict[str, Place]:
    """The run's own place, then those of its logged models, by name.

    Args:
        store: the tracking store.
        mlflow_run_id: the run.
        server: whether this is a worker of `mlflow server`, which reaches what it serves without asking itself, and
            whose file system need not be that of the clients.
    """
    run = store.get_run(mlflow_run_id)
    places = [_place(OWN_PLACE, run.info.artifact_uri, server)]
    places += [
        _place(model_place(model.model_id), model.artifact_location, server) for model in logged_models(store, run)
    ]
    return {place.name: place for place in places}


def model_place(model_id: str) -> str:
    """The name of a logged model's place, as MLflow's own URIs have it."""
    return f"models:/{model_id}"


def _place(name: str, uri: str | None, server: bool) -> Place:
    if server and uri and uri.startswith(_PROXIED):
        return Place(name, _served(uri))
    return Place(name, uri or "", is_far=server)


def _served(uri: str) -> str:
    """Where this server keeps what it serves under `uri`; the same URI where it serves none."""
    from mlflow.server import ARTIFACTS_DESTINATION_ENV_VAR, handlers

    if (root := os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR)) is None:
        return uri
    path = handlers._get_proxied_run_artifact_destination_path(uri)  # noqa: SLF001 - how the server itself finds it
    return posixpath.join(root, handlers._get_workspace_scoped_repo_path_if_enabled(path))  # noqa: SLF001
