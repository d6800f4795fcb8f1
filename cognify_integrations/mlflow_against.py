"""`cognify verify RUN --against mlflow:URI`: what of an MLflow run is not as it was when it was recorded.

Looks past our own stores, at MLflow's: what was changed behind our back is what is looked for. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from cognify_core.canonical import Json, parse
from cognify_core.capture.config import to_facts
from cognify_core.errors import CannotVerifyError
from cognify_core.export.inputs import SealedRun
from cognify_core.model.events import ConfigSeen, Event, Metrics
from cognify_core.model.numbers import plain_number
from cognify_core.verify.report import Finding, contradicts, holds, unchecked
from cognify_integrations.mlflow_artifacts import hash_artifacts
from cognify_integrations.mlflow_drift import State, differences
from cognify_integrations.mlflow_histories import metric_history
from cognify_integrations.mlflow_points import RecordedPoints
from cognify_integrations.mlflow_reading import Opened, open_plain, shown_uri
from cognify_integrations.mlflow_snapshot import SNAPSHOT_FORMAT, SNAPSHOT_NODE, snapshot

if TYPE_CHECKING:
    from cognify_core.settings import Settings

_NO_SNAPSHOT = (
    "the record holds no state of an MLflow run, so there is nothing to compare with: it is recorded of what was "
    "tracked through a cognify+ URI"
)
_NO_STATE = (KeyError, TypeError, AttributeError, ValueError)
_COUNTED = ("params", "tags", "metrics", "datasets", "logged_models", "artifacts")


def compare(uri: str, runs: Sequence[SealedRun], settings: Settings) -> list[Finding]:
    """Take the state of each MLflow run that was recorded anew, and name every difference.

    Args:
        uri: of MLflow's store, with or without `cognify+`.
        runs: a sealed run and its addenda; the last state recorded of an MLflow run counts.
        settings: how much is fetched to be hashed, and for how long.
    """
    if not (recorded := _recorded(runs)):
        return [unchecked("mlflow_snapshot", _NO_SNAPSHOT, "against")]
    try:
        opened = open_plain(uri)
    except CannotVerifyError as error:
        return [unchecked("mlflow_store", str(error), "against")]
    points = _points(runs)
    with opened.as_set():
        return [finding for was in recorded for finding in _findings(was, opened, points, settings)]


def _findings(was: Recorded, opened: Opened, points: RecordedPoints, settings: Settings) -> Iterator[Finding]:
    state = was.state
    try:
        if not (name := _name(state)):
            raise ValueError(f"its format is {state.get('format')!r}")
        unasked = _why_not_asked(was, opened)
        found = _differences(state, name, opened._replace(registry=None) if unasked else opened, points, settings)
    except _NO_STATE as error:  # whoever signed a package may have put anything into it
        told = f"the state that was recorded does not read as {SNAPSHOT_FORMAT}: {type(error).__name__}: {error}"
        yield unchecked("mlflow_format", told, "against")
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            yield contradicts("mlflow_gone", f"the MLflow run {name} is gone from {shown_uri(opened.uri)}", "against")
        else:
            yield unchecked("mlflow_store", f"the MLflow run {name} cannot be read: {error}", "against")
    except (SQLAlchemyError, RequestException, OSError) as error:
        yield unchecked("mlflow_store", f"the MLflow run {name} cannot be read: {error}", "against")
    else:
        if unasked:
            found.append(unchecked("mlflow_version", f"model versions were not compared: {unasked}", "against"))
        yield from found or [holds("mlflow_same", f"the MLflow run {name} is as it was: {_counted(state)}", "against")]


def _why_not_asked(was: Recorded, opened: Opened) -> str:
    """Why the registry at hand does not say what became of the model versions that were recorded; mostly nothing."""
    if not was.state["model_versions"]:
        return ""
    if opened.registry is None:
        return f"the registry {shown_uri(opened.registry_uri)} cannot be opened: {opened.unopened}"
    is_served = was.facts.get("registry_of") == "server" and opened.uri.startswith("http")
    if was.registry is not None and opened.registry_uri == opened.uri and not is_served:
        return f"they are in another registry, {was.registry}: let MLFLOW_REGISTRY_URI name it"
    return ""


def _differences(was: State, name: str, opened: Opened, points: RecordedPoints, settings: Settings) -> list[Finding]:
    store, registry = opened.tracking, opened.registry
    now = snapshot(store, name, registry=None if was["model_versions"] is None else registry)
    if was.get("artifacts") is not None:
        server = opened.uri if opened.uri.startswith("http") else None
        now["artifacts"] = hash_artifacts(store, name, settings, tracking_uri=server, is_here=opened.is_here)

    def which(key: str) -> str:
        return points.compare(key, metric_history(store, name, key), was["metrics"][key]["points"])

    def holder(model: str, alias: str) -> str | None:
        try:
            return str(registry.get_model_version_by_alias(model, alias).version)
        except MlflowException:  # there is no such alias, or no such model
            return None

    return [
        contradicts(f"mlflow_{each.kind}", each.message, "against")
        if each.known
        else unchecked(f"mlflow_{each.kind}", each.message, "against")
        for each in differences(was, to_facts(now), which, holder)
    ]


class Recorded(NamedTuple):
    """A state of an MLflow run, and what is said beside it."""

    state: dict[str, Json]
    facts: Mapping[str, Json]

    @property
    def registry(self) -> str | None:
        """The registry that has its model versions, where it is not the tracking store's own."""
        named = self.facts.get("registry")
        return named if isinstance(named, str) else None


def _recorded(runs: Sequence[SealedRun]) -> list[Recorded]:
    """The states that the record holds, each MLflow run's last one."""
    found: dict[str, Recorded] = {}
    for run in runs:
        for event in run.parsed:
            body = event.body if isinstance(event, Event) else None
            if isinstance(body, ConfigSeen) and body.id == SNAPSHOT_NODE:
                state = parse(run.manifests[str(body.hash)])["config"]
                found[_name(state)] = Recorded(state, body.facts)
    return list(found.values())


def _name(state: Json) -> str:
    match state:
        case {"format": str(form), "info": {"run_id": str(name)}} if form == SNAPSHOT_FORMAT:
            return name
    return ""


def _points(runs: Sequence[SealedRun]) -> RecordedPoints:
    points = RecordedPoints()
    for run in runs:
        for event in run.parsed:
            if isinstance(event, Event) and isinstance(event.body, Metrics):
                for step, key, value in event.body.points:
                    points.add(key, step, plain_number(value))
    return points


def _counted(was: State) -> str:
    told = (f"{len(was[key])} {key.replace('_', ' ')}" for key in _COUNTED if was.get(key) is not None)
    return ", ".join(told)
