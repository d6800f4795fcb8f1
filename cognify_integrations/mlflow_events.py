"""What was said to MLflow, as events of a record: metrics as metrics, everything else as phases named `mlflow.…`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cognify_core.capture.config import to_facts
from cognify_core.capture.redaction import strip_credentials
from cognify_core.model.events import Phase

if TYPE_CHECKING:
    from cognify_integrations.mlflow_known import Known

_TRACKER = "mlflow"
_DECLARED = {
    "user": "mlflow.user",
    "source": "mlflow.source.name",
    "source_type": "mlflow.source.type",
    "commit": "mlflow.source.git.commit",
    "parent": "mlflow.parentRunId",
}


def said(known: Known, what: str, **facts: Any) -> None:
    """Record anything that was said of an MLflow run, in values that nobody changes any more.

    MLflow has it, so it can wait for what is said next; and whoever has said it need not wait until it has its form.
    """
    facts["mlflow_run"] = known.mlflow_id
    known.live.run.say_soon(lambda: Phase(phase=f"mlflow.{what}", facts=to_facts(facts)))


def created(known: Known, run: Any) -> None:
    """Record a run's beginning, with user and source as MLflow has them: nothing of ours has looked at these."""
    tags = dict(run.data.tags)
    declared = {name: tags.pop(tag, None) for name, tag in _DECLARED.items()}
    declared["user"] = declared["user"] or run.info.user_id
    said(
        known,
        "run_created",
        name=run.info.run_name,
        experiment_id=str(run.info.experiment_id),
        start_time=run.info.start_time,
        artifact_uri=strip_credentials(run.info.artifact_uri or ""),
        declared={name: value for name, value in declared.items() if value},
        tags=tags,
    )


def metrics(known: Known, given: Iterable[Any]) -> None:
    """Record points of metrics, as what MLflow was told: a callback of ours may have been told other values."""
    for metric in given or ():
        known.live.run.log(metric.step, {metric.key: metric.value}, _TRACKER)


def params(known: Known, given: Iterable[Any]) -> None:
    """Record parameters."""
    if found := {param.key: param.value for param in given or ()}:
        said(known, "params", params=found)


def tags(known: Known, given: Iterable[Any]) -> None:
    """Record tags."""
    if found := {tag.key: tag.value for tag in given or ()}:
        said(known, "tags", tags=found)


def run_info(known: Known, status: str | None, end_time: int | None, run_name: str | None) -> None:
    """Record a change of status, end or name."""
    facts = {"status": status, "end_time": end_time, "name": run_name}
    said(known, "run_info", **{name: value for name, value in facts.items() if value is not None})


def model_created(known: Known, model: Any) -> None:
    """Record a logged model."""
    said(
        known,
        "model_created",
        model_id=model.model_id,
        name=model.name,
        model_type=model.model_type,
        artifact_location=strip_credentials(model.artifact_location or ""),
        params=dict(model.params),
        tags=dict(model.tags),
    )
