"""One call, at least, of each public method of MLflow's SQLAlchemy tracking store, in an order in which all succeed.

Times that are given are small numbers, so that those which MLflow takes from the clock can be told from them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    Expectation,
    ExperimentTag,
    Feedback,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    Param,
    RunStatus,
    RunTag,
    TraceInfo,
    TraceLocation,
    TraceState,
    ViewType,
)
from mlflow.entities.assessment import ExpectationValue, FeedbackValue
from mlflow.entities.entity_type import EntityAssociationType
from mlflow.entities.issue import IssueStatus
from mlflow.entities.model_registry import PromptVersion
from mlflow.entities.span import create_mlflow_span
from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType
from mlflow.entities.trace_status import TraceStatus
from mlflow.genai.label_schemas import InputPassFail
from mlflow.models import Model
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from tests.looping import finished

Kept = dict[str, Any]
"""What calls gave that later ones need, by name."""


@dataclass(frozen=True)
class Call:
    """A call of one method, made of what earlier ones gave."""

    method: str
    arguments: Callable[[Kept], tuple[Any, ...]] = lambda _: ()
    named: Callable[[Kept], Mapping[str, Any]] = lambda _: {}
    keep: str | None = None
    """Under which name its result is kept."""

    def make(self, store: Any, kept: Kept) -> Any:
        result = getattr(store, self.method)(*self.arguments(kept), **self.named(kept))
        if asyncio.iscoroutine(result):
            result = finished(result)
        if hasattr(result, "wait"):
            result = result.wait()
        if self.keep:
            kept[self.keep] = result
        return result


def span(kept: Kept, number: int) -> Any:
    """A span of the trace `tr-<32 hex>` that `trace_of` names."""
    trace_id = trace_of(number)
    context = SpanContext(int(trace_id[3:], 16), 16 + number, is_remote=False, trace_flags=TraceFlags(1))
    attributes = {
        "mlflow.traceRequestId": json.dumps(trace_id),
        "mlflow.spanType": json.dumps("CHAIN"),
        "mlflow.spanInputs": json.dumps({"q": 1}),
    }
    readable = ReadableSpan(
        "s", context, attributes=attributes, start_time=10**9, end_time=2 * 10**9, status=Status(StatusCode.OK)
    )
    return create_mlflow_span(readable, trace_id)


def trace_of(number: int) -> str:
    return f"tr-{number:032x}"


def experiment(kept: Kept) -> str:
    return str(kept["experiment"])


def run(kept: Kept) -> str:
    return str(kept["run"].info.run_id)


def model(kept: Kept) -> str:
    return str(kept["model"].model_id)


def one(name: str, *fields: str) -> Callable[[Kept], tuple[Any, ...]]:
    """One argument: a field of what was kept under a name."""

    def arguments(kept: Kept) -> tuple[Any, ...]:
        return tuple(getattr(kept[name], field) for field in fields)

    return arguments


EXPERIMENTS = [
    Call("create_experiment", lambda _: ("e", None, [ExperimentTag("a", "b")]), keep="experiment"),
    Call("create_experiment", lambda _: ("e", None, [])),
    Call("get_experiment", lambda k: (experiment(k),)),
    Call("get_experiment_by_name", lambda _: ("e",)),
    Call("rename_experiment", lambda k: (experiment(k), "renamed")),
    Call("set_experiment_tag", lambda k: (experiment(k), ExperimentTag("c", "d"))),
    Call("delete_experiment_tag", lambda k: (experiment(k), "c")),
    Call("search_experiments", lambda _: (ViewType.ALL,)),
    Call("filter_active_experiment_ids", lambda k: ([experiment(k), "77"],)),
]
RUNS = [
    Call("create_run", lambda k: (experiment(k), "ada", 5, [RunTag("team", "ml")], "first"), keep="run"),
    Call("get_run", lambda k: (run(k),)),
    Call("update_run_info", lambda k: (run(k), RunStatus.RUNNING, None, "renamed")),
    Call("log_metric", lambda k: (run(k), Metric("loss", 0.5, 7, 1))),
    Call("log_metric", lambda k: (run(k), Metric("loss", float("nan"), 8, 2))),
    Call("log_metric", lambda k: (run(k), Metric("loss", float("inf"), 9, 3))),
    Call("log_metric", lambda k: (run(k), Metric("", 1.0, 9, 3))),
    Call("log_metric", lambda k: (run(k), Metric("loss", "much", 9, 3))),
    Call("log_metric_async", lambda k: (run(k), Metric("acc", 0.5, 7, 1))),
    Call("log_param", lambda k: (run(k), Param("lr", "1"))),
    Call("log_param", lambda k: (run(k), Param("lr", "2"))),
    Call("log_param_async", lambda k: (run(k), Param("beta", "2"))),
    Call("set_tag", lambda k: (run(k), RunTag("t", "1"))),
    Call("set_tag_async", lambda k: (run(k), RunTag("u", "1"))),
    Call("delete_tag", lambda k: (run(k), "t")),
    Call("delete_tag", lambda k: (run(k), "t")),
    Call("log_batch", lambda k: (run(k), [Metric("f1", 0.1, 7, 1)], [Param("a", "b")], [RunTag("x", "y")])),
    Call("log_batch", lambda k: (run(k), [], [Param("a", "other")], [])),
    Call("log_batch_async", lambda k: (run(k), [Metric("f1", 0.2, 8, 2)], [], [])),
    Call("get_metric_history", lambda k: (run(k), "loss")),
    Call("get_metric_history", lambda k: (run(k), "loss", 1)),
    Call("get_metric_history_bulk", lambda k: ([run(k)], "loss", 10)),
    Call("get_metric_history_bulk_interval", lambda k: ([run(k)], "loss", 10, 0, 5)),
    Call("get_metric_history_bulk_interval_from_steps", lambda k: (run(k), "loss", [1, 2], 10)),
    Call("get_max_step_for_metric", lambda k: (run(k), "loss")),
    Call("sanitize_metric_value", lambda _: (float("-inf"),)),
    Call("log_inputs", lambda k: (run(k), [DatasetInput(Dataset("n", "9f", "local", "s"), [InputTag("c", "train")])])),
    Call("search_runs", lambda k: ([experiment(k)], "params.lr = '1'", ViewType.ACTIVE_ONLY)),
    Call("delete_run", lambda k: (run(k),)),
    Call("log_param", lambda k: (run(k), Param("late", "1"))),
    Call("restore_run", lambda k: (run(k),)),
]
MODELS = [
    Call("create_logged_model", lambda k: (experiment(k), "m", run(k), [LoggedModelTag("a", "b")]), keep="model"),
    Call("create_logged_model", lambda k: (experiment(k), "base"), keep="base"),
    Call("log_logged_model_params", lambda k: (model(k), [LoggedModelParameter("r", "16")])),
    Call("set_logged_model_tags", lambda k: (model(k), [LoggedModelTag("c", "d")])),
    Call("delete_logged_model_tag", lambda k: (model(k), "c")),
    Call("finalize_logged_model", lambda k: (model(k), LoggedModelStatus.READY)),
    Call("log_inputs", lambda k: (run(k), None, [LoggedModelInput(k["base"].model_id)])),
    Call("log_outputs", lambda k: (run(k), [LoggedModelOutput(model(k), 3)])),
    Call("log_metric", lambda k: (run(k), Metric("of_model", 1.0, 7, 1, model_id=model(k)))),
    Call("get_logged_model", lambda k: (model(k),)),
    Call("search_logged_models", lambda k: ([experiment(k)], "name = 'm'")),
    Call("set_model_versions_tags", lambda k: ("registered", "1", model(k))),
    Call("record_logged_model", lambda k: (run(k), Model(artifact_path="m", run_id=run(k), utc_time_created="then"))),
    Call("delete_logged_model", one("base", "model_id")),
]
TRACES = [
    Call(
        "start_trace",
        lambda k: (
            TraceInfo(
                trace_id=trace_of(1),
                trace_location=TraceLocation.from_experiment_id(experiment(k)),
                request_time=5,
                state=TraceState.OK,
                trace_metadata={"mlflow.trace.session": "s"},
                tags={"a": "b"},
            ),
        ),
    ),
    Call("log_spans", lambda k: (experiment(k), [span(k, 1)])),
    Call("log_spans_async", lambda k: (experiment(k), [span(k, 2)])),
    Call("get_trace", lambda _: (trace_of(1),)),
    Call("get_trace_info", lambda _: (trace_of(1),)),
    Call("batch_get_traces", lambda _: ([trace_of(1)],)),
    Call("batch_get_trace_infos", lambda _: ([trace_of(1)],)),
    Call("search_traces", lambda k: ([experiment(k)],)),
    Call("set_trace_tag", lambda _: (trace_of(1), "c", "d")),
    Call("delete_trace_tag", lambda _: (trace_of(1), "c")),
    Call("link_traces_to_run", lambda k: ([trace_of(1)], run(k))),
    Call("unlink_traces_from_run", lambda k: ([trace_of(1)], run(k))),
    Call("link_prompts_to_trace", lambda _: (trace_of(1), [PromptVersion("p", 1, "Hi {{x}}")])),
    Call("find_completed_sessions", lambda k: (experiment(k), 0, 10**9)),
    Call("calculate_trace_filter_correlation", lambda k: ([experiment(k)], "tag.a = 'b'", "tag.a = 'c'")),
    Call(
        "query_trace_metrics",
        lambda k: (
            [experiment(k)],
            MetricViewType.TRACES,
            "trace_count",
            [MetricAggregation(AggregationType.COUNT)],
        ),
    ),
    Call("sum_gateway_trace_cost", lambda _: (0, 10)),
    Call("get_online_trace_details", lambda _: (trace_of(1), "table", "request")),
    Call("search_entities_by_source", lambda k: (run(k), EntityAssociationType.RUN, EntityAssociationType.TRACE)),
    Call("search_entities_by_destination", lambda k: (run(k), EntityAssociationType.RUN, EntityAssociationType.TRACE)),
    Call("deprecated_start_trace_v2", lambda k: (experiment(k), 5, {"a": "b"}, {"c": "d"}), keep="trace_v2"),
    Call("deprecated_end_trace_v2", lambda k: (k["trace_v2"].request_id, 9, TraceStatus.OK, {}, {})),
    Call(
        "resolve_trace_archival_config",
        named=lambda _: {"default_trace_archival_location": "s3://bucket", "default_retention": "30d"},
    ),
    Call(
        "archive_traces",
        named=lambda _: {"resolved_trace_archival_location": "s3://bucket", "broader_retention": "30000d"},
    ),
]
ASSESSMENTS = [
    Call("create_assessment", lambda _: (Feedback("good", True, trace_id=trace_of(1)),), keep="feedback"),
    Call("create_assessment", lambda _: (Expectation("right", "yes", trace_id=trace_of(1)),), keep="expectation"),
    Call("get_assessment", lambda k: (trace_of(1), k["feedback"].assessment_id)),
    Call(
        "update_assessment",
        lambda k: (trace_of(1), k["feedback"].assessment_id),
        lambda _: {"feedback": FeedbackValue(value=False), "rationale": "no"},
    ),
    Call(
        "update_assessment",
        lambda k: (trace_of(1), k["expectation"].assessment_id),
        lambda _: {"expectation": ExpectationValue(value="no")},
    ),
    Call("delete_assessment", lambda k: (trace_of(1), k["feedback"].assessment_id)),
    Call("create_issue", lambda k: (experiment(k), "i", "it"), lambda k: {"source_run_id": run(k)}, keep="issue"),
    Call("get_issue", one("issue", "issue_id")),
    Call("update_issue", one("issue", "issue_id"), lambda _: {"status": IssueStatus.RESOLVED}),
    Call("search_issues", lambda k: (experiment(k),)),
]
DATASETS = [
    Call("create_dataset", lambda k: ("d", {"a": "b"}, [experiment(k)]), keep="dataset"),
    Call("get_dataset", one("dataset", "dataset_id")),
    Call("search_datasets", lambda k: ([experiment(k)],)),
    Call("upsert_dataset_records", lambda k: (k["dataset"].dataset_id, [{"inputs": {"q": 1}}])),
    Call("delete_dataset_records", lambda k: (k["dataset"].dataset_id, ["none"])),
    Call("set_dataset_tags", lambda k: (k["dataset"].dataset_id, {"c": "d"})),
    Call("delete_dataset_tag", lambda k: (k["dataset"].dataset_id, "c")),
    Call("get_dataset_experiment_ids", one("dataset", "dataset_id")),
    Call("add_dataset_to_experiments", lambda k: (k["dataset"].dataset_id, ["0"])),
    Call("remove_dataset_from_experiments", lambda k: (k["dataset"].dataset_id, ["0"])),
    Call("delete_dataset", one("dataset", "dataset_id")),
]
SCORERS = [
    Call("register_scorer", lambda k: (experiment(k), "s", json.dumps({"name": "s"})), keep="scorer"),
    Call("list_scorers", lambda k: (experiment(k),)),
    Call("list_scorers_across_experiments", lambda k: ([experiment(k)],)),
    Call("get_scorer", lambda k: (experiment(k), "s")),
    Call("list_scorer_versions", lambda k: (experiment(k), "s")),
    Call("resolve_endpoint_in_scorer", lambda k: (k["scorer"],)),
    Call("upsert_online_scoring_config", lambda k: (experiment(k), "s", 0.0)),
    Call("get_online_scoring_configs", lambda k: ([k["scorer"].scorer_id],)),
    Call("get_active_online_scorers"),
]
REVIEWS = [
    Call(
        "create_label_schema",
        lambda k: (experiment(k),),
        lambda _: {"name": "l", "type": "feedback", "input": InputPassFail("good", "bad")},
        keep="label",
    ),
    Call("get_label_schema", one("label", "schema_id")),
    Call("get_label_schema_by_name", lambda k: (experiment(k), "l")),
    Call("list_label_schemas", lambda k: (experiment(k),)),
    Call("update_label_schema", one("label", "schema_id"), lambda _: {"instruction": "look"}),
    Call(
        "create_review_queue", lambda k: (experiment(k),), lambda _: {"name": "q", "queue_type": "custom"}, keep="queue"
    ),
    Call("get_or_create_user_queue", lambda k: (experiment(k),), lambda _: {"user": "ada"}),
    Call("get_review_queue", one("queue", "queue_id")),
    Call("get_review_queue_by_name", lambda k: (experiment(k),), lambda _: {"name": "q"}),
    Call("list_review_queues", lambda k: (experiment(k),), lambda _: {"user": "ada"}),
    Call("update_review_queue", one("queue", "queue_id"), lambda _: {"users": ["ada"]}),
    Call("add_items_to_review_queue", one("queue", "queue_id"), lambda _: {"item_ids": [trace_of(1)]}),
    Call("list_review_queue_items", one("queue", "queue_id")),
    Call(
        "set_review_queue_item_status",
        one("queue", "queue_id"),
        lambda _: {"item_id": trace_of(1), "status": "complete", "completed_by": "ada"},
    ),
    Call("remove_items_from_review_queue", one("queue", "queue_id"), lambda _: {"item_ids": [trace_of(1)]}),
    Call("delete_review_queue", one("queue", "queue_id")),
    Call("delete_label_schema", one("label", "schema_id")),
]
ENDS = [
    Call("delete_traces", lambda k: (experiment(k),), lambda _: {"trace_ids": [trace_of(1)]}),
    Call("delete_experiment", lambda k: (experiment(k),)),
    Call("log_param", lambda k: (run(k), Param("later", "1"))),
    Call("restore_experiment", lambda k: (experiment(k),)),
    Call("flush_async_logging"),
    Call("update_run_info", lambda k: (run(k), RunStatus.FINISHED, 99, None)),
    Call("get_run", lambda k: (run(k),)),
    Call("end_async_logging"),
    Call("shut_down_async_logging"),
]
