"""The artifacts of an MLflow run, hashed wherever they lie; its logged models become nodes of the lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cognify_core.canonical import Json
from cognify_core.capture.commitments import display_path
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.redaction import strip_credentials
from cognify_core.capture.weights import weights_from_files
from cognify_core.errors import CaptureError
from cognify_core.model.events import ModelSeen
from cognify_core.model.names import slug
from cognify_integrations.mlflow_fetching import Fetching
from cognify_integrations.mlflow_hashing import NOTHING_THERE, Told, hash_folder, tree_of, unresolved
from cognify_integrations.mlflow_limits import Allowance, Deadline, exit_of_process, never
from cognify_integrations.mlflow_places import OWN_PLACE, Place, artifact_places, model_place
from cognify_integrations.mlflow_snapshot import logged_models

if TYPE_CHECKING:
    from cognify_core.api.live import LiveRun
    from cognify_core.settings import Settings

ON_A_CLIENT = "it lies on the machine of a client, which the server cannot see"
_MEND = {
    ON_A_CLIENT: "let the server keep the artifacts (mlflow server --artifacts-destination …), or record in the client",
}


def record(
    live: LiveRun, store: Any, mlflow_run_id: str, *, server: bool = False, tracking_uri: str | None = None
) -> dict[str, Json]:
    """Hash every artifact of a run and of its logged models; return what the snapshot's `artifacts` says of each.

    Takes as long as reading them takes, so it belongs on a thread of ours. A logged model becomes a `model` node:
    its tensors where its folder holds one set of safetensors, else its files as a tree. Whatever has no digest is a
    gap.

    Args:
        live: the run that records it.
        store: the tracking store.
        mlflow_run_id: the MLflow run.
        server: whether this is a worker of `mlflow server`.
        tracking_uri: the server behind `mlflow-artifacts:` URIs; else the one that MLflow is set to.
    """
    run, places = store.get_run(mlflow_run_id), artifact_places(store, mlflow_run_id, server=server)
    told = _hash_places(places.values(), live.workspace.settings, tracking_uri, exit_of_process)
    steps = {output.model_id: output.step for output in run.outputs.model_outputs}
    for model in logged_models(store, run):
        if (place := places.get(model_place(model.model_id))) is not None:
            _record_model(live, model, place, told, steps.get(model.model_id))
    for name, said in told.items():
        reason = said.get("reason")
        if reason is not None and (name, reason) != (OWN_PLACE, NOTHING_THERE):  # a run need not have artifacts
            live.gap(f"artifact {name}", reason, mend=_MEND.get(reason))
    return told


def hash_artifacts(
    store: Any, mlflow_run_id: str, settings: Settings, *, tracking_uri: str | None = None, is_here: bool = True
) -> dict[str, Json]:
    """The same of a run as it is now, recording nothing.

    Args:
        store: as `record` takes it.
        mlflow_run_id: the MLflow run.
        settings: how much is fetched, and for how long.
        tracking_uri: as `record` takes it.
        is_here: whether the store lies on this machine. Of one that does not, a folder that is not here may be
            elsewhere, unless the folder of its whole experiment is here.
    """
    places = artifact_places(store, mlflow_run_id, server=False)
    told = _hash_places(places.values(), settings, tracking_uri)
    if not is_here and not _is_root_here(store, mlflow_run_id):
        for place in places.values():
            if told.get(place.name) == unresolved(NOTHING_THERE):
                told[place.name] = unresolved(f"no such folder on this machine: {place.folder}")
    return told


def _is_root_here(store: Any, mlflow_run_id: str) -> bool:
    experiment = store.get_experiment(store.get_run(mlflow_run_id).info.experiment_id)
    root = Place(OWN_PLACE, experiment.artifact_location or "").folder
    return root is not None and root.is_dir()


def _hash_places(
    places: Iterable[Place], settings: Settings, tracking_uri: str | None, exit_by: Callable[[], float] = never
) -> dict[str, Json]:
    deadline = Deadline(settings.artifact_seconds, exit_by)
    fetching = Fetching(Allowance(settings.artifact_limit), deadline, tracking_uri=tracking_uri)
    told: dict[str, Json] = {}
    for place in places:
        told |= fetching.hash_place(place) if place.folder is None else _hash_here(place, place.folder)
    return dict(sorted(told.items()))


def _hash_here(place: Place, folder: Path) -> Told:
    try:
        return {place.name_of(name): said for name, said in hash_folder(folder).items()}
    except CaptureError as error:
        missing = str(error) == NOTHING_THERE
        return {place.name: unresolved(ON_A_CLIENT if missing and place.is_far else str(error))}


def _record_model(live: LiveRun, model: Any, place: Place, told: Told, step: int | None) -> None:
    part = {name: said for name, said in told.items() if name.startswith(place.name_of(""))}
    folder, outcome = _weights(place, part)
    if outcome is None or outcome.hash is None:
        folder, outcome = place.folder, _tree(place, part, told)
    live.run.weights(
        ModelSeen,
        f"model_{slug(model.name)}",
        outcome,
        inputs=live.run.inputs,
        fields=lambda _: {"step": step},
        location=strip_credentials(place.uri) if folder is None else display_path(folder),
        facts={"mlflow_model_id": model.model_id},
    )


def _weights(place: Place, part: Told) -> tuple[Path | None, Outcome | None]:
    """The tensors of the one folder within a model's that holds safetensors, and that folder; else nothing."""
    folders = {PurePosixPath(name.removeprefix(place.name_of(""))).parent for name in part if _is_weights(name)}
    if place.folder is None or len(folders) != 1:
        return None, None
    folder = place.folder / folders.pop()
    return folder, weights_from_files(folder)


def _is_weights(name: str) -> bool:
    return name.endswith(".safetensors")


def _tree(place: Place, part: Told, told: Told) -> Outcome:
    """All files of a model as a tree; unresolved where one of them has no digest."""
    if place.name in told:
        return Outcome.unresolved(told[place.name]["reason"])
    files = []
    for name, said in part.items():
        path = name.removeprefix(place.name_of(""))
        if "reason" in said:
            return Outcome.unresolved(said["reason"])
        if "\\" in path:  # either it stands for itself or for a byte that is not text
            return Outcome.unresolved(f"a name that cannot be told: {path}")
        files.append((path.encode(), said["hash"].removeprefix("sha256:")))
    return tree_of(files, sum(said["size"] for said in part.values()))
