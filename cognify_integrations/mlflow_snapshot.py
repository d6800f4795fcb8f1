"""The whole state of one MLflow run as plain JSON, `cognify.mlflow-run/v1` (`docs/formats.md`).

Two snapshots of one state are equal, whatever kind of store they were taken from: an SQL database, a folder or a
server. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from cognify_core.canonical import MAX_SAFE_INTEGER, Json
from cognify_core.capture.redaction import strip_credentials
from cognify_core.model.digest import Digest
from cognify_integrations.mlflow_histories import histories, pages
from cognify_integrations.mlflow_points import digest_points, point_line

SNAPSHOT_FORMAT = "cognify.mlflow-run/v1"
SNAPSHOT_NODE = "cfg_mlflow_run"
"""The config node under which a record holds the snapshot of its MLflow run."""
_LISTED = 1_000


def snapshot(store: Any, mlflow_run_id: str, *, registry: Any = None) -> dict[str, Json]:
    """Everything that MLflow knows of a run, but for its artifacts' bytes and its traces.

    Args:
        store: a tracking store (MLflow's `AbstractStore`), plain or audited.
        mlflow_run_id: the run; a deleted one that can be restored is still there.
        registry: a model registry store; without one, `model_versions` is null.

    No value is a float, no integer is beyond 2^53 − 1, and secrets stand as MLflow has them: `Run.config` redacts.

    Raises:
        MlflowException: there is no such run, or the store cannot be read.
    """
    run = store.get_run(mlflow_run_id)
    experiment = run.info.experiment_id
    return {
        "format": SNAPSHOT_FORMAT,
        "info": _info(run.info, store.get_experiment(experiment).name),
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "metrics": _metrics(store, mlflow_run_id, run.data),
        "datasets": sorted((_dataset(each) for each in run.inputs.dataset_inputs), key=_name_and_digest),
        "model_inputs": sorted(each.model_id for each in run.inputs.model_inputs),
        "model_outputs": sorted(
            ({"model_id": each.model_id, "step": _whole(each.step)} for each in run.outputs.model_outputs),
            key=lambda output: (output["model_id"], str(output["step"])),
        ),
        "logged_models": {model.model_id: _model(model) for model in logged_models(store, run)},
        "model_versions": None if registry is None else model_versions(registry, mlflow_run_id),
        "parent": run.data.tags.get(MLFLOW_PARENT_RUN_ID),
        "children": sorted(_children(store, mlflow_run_id, experiment)),
    }


def _info(info: Any, experiment: str) -> dict[str, Json]:
    return {
        "run_id": info.run_id,
        "experiment_id": str(info.experiment_id),
        "experiment": experiment,
        "run_name": info.run_name,
        "user": info.user_id,
        "status": info.status,
        "start_time": _whole(info.start_time),
        "end_time": _whole(info.end_time or None),  # a server says 0 where there is none
        "lifecycle_stage": info.lifecycle_stage,
        "artifact_uri": strip_credentials(info.artifact_uri or ""),
    }


def _metrics(store: Any, mlflow_run_id: str, data: Any) -> dict[str, Json]:
    """By key: how many points, the one that MLflow shows as the last, and a digest over all of them."""
    lasts = {last.key: last for last in data.to_proto().metrics}
    found: dict[str, Json] = {}
    for key, points in histories(store, mlflow_run_id, lasts):
        count, digest = digest_points(points)
        found[key] = {"points": count, "last": point_line(lasts[key]), "hash": str(digest)}
    return found


def _dataset(given: Any) -> dict[str, Json]:
    dataset = given.dataset
    return {
        "name": dataset.name,
        "source_type": dataset.source_type,
        "source": strip_credentials(dataset.source or ""),
        "schema": _digest(dataset.schema),
        "profile": dataset.profile,
        "mlflow_digest": dataset.digest,
        "assurance": "sampled",
        "tags": {tag.key: tag.value for tag in given.tags},
    }


def _name_and_digest(dataset: dict[str, Json]) -> tuple[str, ...]:
    return dataset["name"], dataset["mlflow_digest"], str(sorted(dataset["tags"].items()))


def logged_models(store: Any, run: Any) -> Iterator[Any]:
    """The logged models that the run made, and those that it names as outputs; a deleted one is not there any more."""
    seen: set[str] = set()
    wanted = f"source_run_id = '{run.info.run_id}'"

    def page(token: str | None) -> Any:
        return store.search_logged_models([run.info.experiment_id], wanted, max_results=_LISTED, page_token=token)

    for model in pages(page):
        seen.add(model.model_id)
        yield model
    for output in run.outputs.model_outputs:
        if output.model_id not in seen and (model := _there(store.get_logged_model, output.model_id)) is not None:
            yield model


def _model(model: Any) -> dict[str, Json]:
    by_key: dict[str, list[Any]] = {}
    for point in model.metrics or ():
        by_key.setdefault(point.key, []).append(point)
    digests = {key: digest_points(points) for key, points in by_key.items()}
    return {
        "name": model.name,
        "type": model.model_type or None,
        "status": str(model.status),
        "status_message": model.status_message or None,
        "source_run_id": model.source_run_id,
        "artifact_location": strip_credentials(model.artifact_location or ""),
        "created": _whole(model.creation_timestamp),
        "params": dict(model.params),
        "tags": dict(model.tags),
        "metrics": {key: {"points": count, "hash": str(digest)} for key, (count, digest) in digests.items()},
    }


def model_versions(registry: Any, mlflow_run_id: str) -> list[Json]:
    """What a registry has of a run, by name and version; a deleted version is not there any more.

    Raises:
        MlflowException: the registry cannot be read.
    """
    wanted = f"run_id = '{mlflow_run_id}'"
    found = pages(
        lambda token: registry.search_model_versions(filter_string=wanted, max_results=_LISTED, page_token=token)
    )
    versions = list(found)
    aliases = {name: _aliases(registry, name) for name in {version.name for version in versions}}
    told = [_version(version, aliases[version.name]) for version in versions]
    return sorted(told, key=lambda version: (version["name"], int(version["version"])))


def _aliases(registry: Any, name: str) -> dict[str, str]:
    """The version that each alias of a registered model names: no search tells it of the versions."""
    model = _there(registry.get_registered_model, name)
    return {} if model is None else {alias: str(version) for alias, version in model.aliases.items()}


def _version(version: Any, aliases: dict[str, str]) -> dict[str, Json]:
    return {
        "name": version.name,
        "version": str(version.version),
        "source": strip_credentials(version.source or ""),
        "model_id": version.model_id or None,
        "status": version.status,
        "stage": version.current_stage,
        "description": version.description or None,
        "user": version.user_id or None,
        "created": _whole(version.creation_timestamp),
        "tags": dict(version.tags),
        "aliases": sorted(alias for alias, named in aliases.items() if named == str(version.version)),
    }


def _children(store: Any, mlflow_run_id: str, experiment: str) -> Iterator[str]:
    """The runs of the same experiment that name this one as their parent."""
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{mlflow_run_id}'"
    found = pages(
        lambda token: store.search_runs([experiment], wanted, ViewType.ALL, max_results=_LISTED, page_token=token)
    )
    return (child.info.run_id for child in found)


def _there(ask: Callable[[str], Any], name: str) -> Any:
    """What `ask` gives for a name; none where there is nothing of that name."""
    try:
        return ask(name)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise


def _digest(text: str | None) -> str | None:
    return None if not text else str(Digest.of(text.encode("utf-8", "surrogatepass")))


def _whole(number: int | None) -> int | str | None:
    """An integer; as decimal digits where JSON readers would not agree on it."""
    return number if number is None or abs(number) <= MAX_SAFE_INTEGER else str(number)
