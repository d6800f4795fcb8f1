"""What an audited tracking store does beside MLflow's own: each write first happens there, then it is recorded.

A write to a run that has ended is refused, unless the script has not asked for us. Whatever goes wrong with the
recording stays with us.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial
from typing import Any, TypeVar

from mlflow.entities import RunStatus, ViewType
from mlflow.store.tracking.abstract_store import AbstractStore

from cognify_integrations import mlflow_events as events
from cognify_integrations.mlflow import RUN_PREFIX
from cognify_integrations.mlflow_inputs import record_inputs
from cognify_integrations.mlflow_known import Ended, Known
from cognify_integrations.mlflow_runs import these_runs

ResultT = TypeVar("ResultT")
_MODEL_VERSIONS = "mlflow.modelVersions"
_depth = threading.local()


class Audited(AbstractStore):  # type: ignore[misc] # mlflow is untyped
    """Goes before a class of MLflow's; `super()` is that."""

    rebuilt: tuple[Callable[..., Any], tuple[Any, ...]]
    """How another process builds this store: the class that it has here is nowhere to be imported from."""
    asks_server = False
    """Whether it asks an MLflow server, which may record runs as well."""

    @property
    def uri(self) -> str:
        """What this store was asked for by, whatever MLflow is set to."""
        uri: str = self.rebuilt[1][0]
        return uri

    @property
    def refuses(self) -> bool:
        """Whether what would change a run that has ended is refused: not where nobody asked for an audited store."""
        return not self.uri.startswith(RUN_PREFIX)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.rebuilt

    def create_run(self, experiment_id: Any, user_id: Any, start_time: Any, tags: Any, run_name: Any) -> Any:
        """Create a run, and begin its record."""
        if tags and isinstance(tags, (str, list)) and not all(hasattr(tag, "key") for tag in tags):
            # MLflow says what is wrong with them
            return super().create_run(experiment_id, user_id, start_time, tags, run_name)
        plan = these_runs().plan(tags, asks_server=self.asks_server)
        try:
            run = super().create_run(experiment_id, user_id, start_time, plan.tags, run_name)
        except BaseException:
            plan.drop()
            raise
        plan.begin(self, run)
        return run

    def update_run_info(self, run_id: str, run_status: Any, end_time: Any, run_name: Any) -> Any:
        """Change a run's status, end or name; a status that ends it ends the record."""
        call = partial(super().update_run_info, run_id, run_status, end_time, run_name)

        def told(known: Known, _: Any) -> None:
            status = None if run_status is None else RunStatus.to_string(run_status)
            events.run_info(known, status, end_time, run_name)

        info = self._write(run_id, call, told)
        if run_status is not None and RunStatus.is_terminated(run_status):
            these_runs().end(self, run_id, RunStatus.to_string(run_status))
        return info

    def log_metric(self, run_id: str, metric: Any) -> Any:
        """Log a metric."""
        call = partial(super().log_metric, run_id, metric)
        return self._write(run_id, call, lambda known, _: events.metrics(known, [metric]))

    def log_param(self, run_id: str, param: Any) -> Any:
        """Log a parameter."""
        call = partial(super().log_param, run_id, param)
        return self._write(run_id, call, lambda known, _: events.params(known, [param]))

    def set_tag(self, run_id: str, tag: Any) -> Any:
        """Set a tag."""
        return self._write(run_id, partial(super().set_tag, run_id, tag), lambda known, _: events.tags(known, [tag]))

    def delete_tag(self, run_id: str, key: str) -> Any:
        """Delete a tag."""
        call = partial(super().delete_tag, run_id, key)
        return self._write(run_id, call, lambda known, _: events.said(known, "tag_deleted", key=key))

    def log_batch(self, run_id: str, metrics: Any, params: Any, tags: Any) -> Any:
        """Log metrics, parameters and tags."""
        call = partial(super().log_batch, run_id, metrics, params, tags)

        def told(known: Known, _: Any) -> None:
            events.params(known, params)
            events.metrics(known, metrics)
            events.tags(known, tags)

        return self._write(run_id, call, told)

    def log_inputs(self, run_id: str, datasets: Any = None, models: Any = None) -> Any:
        """Log datasets and models that a run comes from."""
        call = partial(super().log_inputs, run_id, datasets, models)
        return self._write(run_id, call, lambda known, _: record_inputs(known, datasets, models))

    def log_outputs(self, run_id: str, models: Any) -> Any:
        """Log models that a run made."""
        call = partial(super().log_outputs, run_id, models)

        def told(known: Known, _: Any) -> None:
            made = [{"model_id": each.model_id, "step": each.step} for each in models or ()]
            events.said(known, "outputs", models=made)

        return self._write(run_id, call, told)

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> Any:
        """Log a model as MLflow 2 did, in a tag."""
        call = partial(super().record_logged_model, run_id, mlflow_model)

        def told(known: Known, _: Any) -> None:
            events.said(known, "model_recorded", model=deepcopy(mlflow_model.get_tags_dict()))

        return self._write(run_id, call, told)

    def create_logged_model(
        self,
        experiment_id: Any,
        name: Any = None,
        source_run_id: Any = None,
        tags: Any = None,
        params: Any = None,
        model_type: Any = None,
    ) -> Any:
        """Create a logged model."""
        call = partial(super().create_logged_model, experiment_id, name, source_run_id, tags, params, model_type)
        return self._write(source_run_id, call, events.model_created)

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        """Say that a logged model is ready, or failed."""
        call = partial(super().finalize_logged_model, model_id, status)
        return self._write_model(model_id, call, "model_finalized", lambda: {"status": str(status)})

    def set_logged_model_tags(self, model_id: str, tags: Any) -> Any:
        """Tag a logged model. That it has been registered, MLflow may note at any time."""
        call = partial(super().set_logged_model_tags, model_id, tags)
        if {getattr(tag, "key", None) for tag in tags} == {_MODEL_VERSIONS}:
            return call()
        return self._write_model(model_id, call, "model_tags", lambda: {"tags": {tag.key: tag.value for tag in tags}})

    def delete_logged_model_tag(self, model_id: str, key: str) -> Any:
        """Delete a logged model's tag."""
        call = partial(super().delete_logged_model_tag, model_id, key)
        return self._write_model(model_id, call, "model_tag_deleted", lambda: {"key": key})

    def log_logged_model_params(self, model_id: str, params: Any) -> Any:
        """Log parameters of a logged model."""
        call = partial(super().log_logged_model_params, model_id, params)
        return self._write_model(
            model_id, call, "model_params", lambda: {"params": {each.key: each.value for each in params}}
        )

    def delete_logged_model(self, model_id: str) -> Any:
        """Delete a logged model."""
        return self._write_model(model_id, partial(super().delete_logged_model, model_id), "model_deleted")

    def delete_run(self, run_id: str) -> Any:
        """Delete a run, so that it can be restored."""
        call = partial(super().delete_run, run_id)
        return self._write(run_id, call, lambda known, _: events.said(known, "run_deleted"))

    def restore_run(self, run_id: str) -> Any:
        """Restore a run."""
        call = partial(super().restore_run, run_id)
        return self._write(run_id, call, lambda known, _: events.said(known, "run_restored"))

    def link_traces_to_run(self, trace_ids: Any, run_id: str) -> Any:
        """Link traces to a run."""
        call = partial(super().link_traces_to_run, trace_ids, run_id)
        return self._write(run_id, call, lambda known, _: events.said(known, "traces", linked=list(trace_ids)))

    def unlink_traces_from_run(self, trace_ids: Any, run_id: str) -> Any:
        """Unlink traces from a run."""
        call = partial(super().unlink_traces_from_run, trace_ids, run_id)
        return self._write(run_id, call, lambda known, _: events.said(known, "traces", unlinked=list(trace_ids)))

    def delete_experiment(self, experiment_id: str) -> Any:
        """Delete an experiment with its runs, unless one of them has ended in a record."""
        call = partial(super().delete_experiment, experiment_id)
        return self._delete(self._run_ids_of(experiment_id), call, "experiment_deleted")

    def _run_ids_of(self, experiment_id: str) -> list[str]:
        ids, token = [], None
        while True:
            page = self.search_runs(
                [experiment_id], "tags.`cognify.run_id` LIKE 'run_%'", ViewType.ALL, 1000, None, token
            )
            ids += [run.info.run_id for run in page]
            if not (token := page.token):
                return ids

    def _write_model(
        self, model_id: str, call: Callable[[], ResultT], what: str, facts: Callable[[], dict[str, Any]] = dict
    ) -> ResultT:
        """A write to a logged model is one to the run that made it."""
        run_id = these_runs().maker_of(model_id, lambda: self.get_logged_model(model_id).source_run_id)
        return self._write(run_id, call, lambda known, _: events.said(known, what, model_id=model_id, **facts()))

    def _write(
        self, run_id: str | None, call: Callable[[], ResultT], told: Callable[[Known, ResultT], object]
    ) -> ResultT:
        """Let MLflow do it, unless the run has ended; then record it. What MLflow refuses was never there."""
        if run_id is None or getattr(_depth, "inside", False):
            return call()
        with these_runs().writing(run_id):
            found = these_runs().look(run_id)
            if self.refuses and isinstance(found, Ended):
                raise found.refusal()
            _depth.inside = True
            try:
                result = call()
            finally:
                _depth.inside = False
            if found is not None:
                these_runs().record(found, told, result)
            return result

    def _delete(self, run_ids: Iterable[str], call: Callable[[], ResultT], what: str) -> ResultT:
        """Let MLflow delete something that these runs are in, unless one of them has ended."""
        ended = these_runs().ended(run_ids)
        if self.refuses and ended:
            raise ended[0].refusal()
        result = call()
        for each in ended:
            these_runs().record(each, lambda known: events.said(known, what))
        return result


class AuditedGc(Audited):
    """What `mlflow gc` calls, which only some stores have."""

    def _get_deleted_runs(self, older_than: int = 0) -> Any:
        """List deleted runs: the first that `mlflow gc` asks, and the last before it deletes artifacts."""
        if self.refuses and (ended := these_runs().ended(super()._get_deleted_runs())):
            raise ended[0].refusal()
        return super()._get_deleted_runs(older_than)

    def _hard_delete_run(self, run_id: str) -> Any:
        return self._delete([run_id], partial(super()._hard_delete_run, run_id), "run_erased")
