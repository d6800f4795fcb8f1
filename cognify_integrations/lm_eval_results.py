"""What the lm-evaluation-harness gives → evaluations; also what it gave to somebody else. It is not imported."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from statistics import NormalDist
from typing import Any, TypeGuard

from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.api.evaluating.samples import plain
from cognify_core.capture.commitments import without_home
from cognify_core.capture.config import encode_config
from cognify_core.model.digest import Digest
from cognify_core.model.evaluation_facts import Direction, EvaluationFacts, Harness, Interval, Measured
from cognify_core.model.shown import encodable

NAME = "lm-evaluation-harness"
LEVEL = 0.95
_PROMPT = (
    "doc_to_text",
    "doc_to_target",
    "doc_to_choice",
    "description",
    "gen_prefix",
    "target_delimiter",
    "fewshot_delimiter",
    "fewshot_config",
)
"""The keys of a task that make its prompts out of its documents."""
_NO_METRIC = ("name", "alias", "sample_len", "sample_count")


def evaluations_of(results: Mapping[str, Any], documents: Mapping[str, Any] | None = None) -> list[Evaluated]:
    """An evaluation for each task, and each group of tasks, that has results.

    Args:
        results: of `lm_eval.evaluate` or `simple_evaluate`, or the JSON that the command writes.
        documents: the evaluation documents of the tasks that were run here, by name.
    """
    found = []
    for name in _mapping(results, "results"):
        metrics = tuple(_measured(results, name))
        if metrics:
            config = _shown(_mapping(results, "configs").get(name) or {})
            facts = EvaluationFacts(how="computed", metrics=metrics, harness=_harness(results, name, config))
            samples = _mapping(results, "samples").get(name)
            found.append(
                Evaluated(
                    encodable(str(name)),
                    facts,
                    rows=_evaluated((documents or {}).get(name), _count(results, name, "effective")),
                    samples=None if samples is None else _samples(samples),
                    setup={"task": config, "harness": _shown(results.get("config") or {})},
                )
            )
    return found


def _measured(results: Mapping[str, Any], name: str) -> Iterator[Measured]:
    """The metrics of a task: `acc,none` is the metric `acc` of the filter `none`, `acc_stderr,none` its error."""
    told = _mapping(results, "results")[name]
    better = _mapping(results, "higher_is_better").get(name) or {}
    for key, value in told.items():
        metric, _, filtered = str(key).partition(",")
        if key in _NO_METRIC or metric.endswith("_stderr") or not _is_number(value):
            continue
        stderr = told.get(f"{metric}_stderr,{filtered}" if filtered else f"{metric}_stderr")
        error = float(stderr) if _is_number(stderr) and math.isfinite(stderr) else None
        finite = math.isfinite(value)
        yield Measured(
            name=encodable(metric if filtered in ("", "none") else f"{metric},{filtered}"),
            value=float(value) if finite else None,
            n=_count(results, name, "effective"),
            direction=_direction(better.get(metric)),
            stderr=error,
            interval=None if error is None or not finite else _interval(float(value), error),
            reason=None if finite else f"its value is {value}",
        )


def _interval(value: float, error: float) -> Interval:
    """Of the normal distribution: what the harness itself leaves to its readers."""
    width = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    return Interval(
        low=value - width,
        high=value + width,
        level=LEVEL,
        method="normal, from the standard error",
        degenerate=error == 0,
    )


def _harness(results: Mapping[str, Any], name: str, config: Mapping[str, Any]) -> Harness:
    about = _mapping(results, "config")
    task_version = _mapping(results, "versions").get(name)
    prompt = {key: config[key] for key in _PROMPT if key in config}
    arguments = about.get("model_args")
    limit = about.get("limit")
    return Harness(
        name=NAME,
        version=str(results.get("lm_eval_version") or _version() or "") or None,
        task=encodable(str(config.get("task") or name)),
        task_version=None if task_version is None else str(task_version),
        task_config=_digest(config),
        prompt_template=_digest(prompt),
        fewshot=_mapping(results, "n-shot").get(name),
        limit=None if limit is None else float(limit),
        documents=_count(results, name, "original"),
        model=None if about.get("model") is None else without_home(str(about["model"])),
        model_args=arguments if isinstance(arguments, dict) else {},
        seeds=about.get("seeds") or {key: value for key, value in about.items() if key.endswith("_seed")},
        subtasks=tuple(_mapping(results, "group_subtasks").get(name) or ()),
    )


def _samples(samples: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What was said of each document; of one kind in each column, whatever the task is."""
    fixed = ("doc_hash", "prompt_hash", "target_hash", "filter")
    for sample in samples:
        row: dict[str, Any] = {"doc_id": sample.get("doc_id"), **{key: sample.get(key) for key in fixed}}
        row["target"] = _text(sample.get("target"))
        row["responses"] = _text(sample.get("filtered_resps"))
        for metric in sample.get("metrics") or ():
            value = sample.get(metric)
            row[f"metric {metric}"] = plain(float(value)) if _is_number(value) else _text(value)
        yield row


def _evaluated(documents: Any, count: int | None) -> Any:
    """The documents that were evaluated: not all of them, where there was a limit."""
    if documents is None or count is None or count >= len(documents):
        return documents
    return documents.select(range(count)) if hasattr(documents, "select") else list(documents)[:count]


def _shown(value: Any) -> Any:
    """A configuration as records show it: without the home directory, which names a person."""
    if isinstance(value, str):
        return without_home(value)
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


def _digest(config: Mapping[str, Any]) -> Digest | None:
    return encode_config(config).outcome().hash if config else None


def _count(results: Mapping[str, Any], name: str, which: str) -> int | None:
    counts = _mapping(results, "n-samples").get(name) or {}
    found = counts.get(which, _mapping(results, "results")[name].get("sample_len") if which == "effective" else None)
    return found if isinstance(found, int) else None


def _direction(better: Any) -> Direction | None:
    return None if better is None else "higher" if better else "lower"


def _mapping(results: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = results.get(key)
    return found if isinstance(found, Mapping) else {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) or (hasattr(value, "item") and not hasattr(value, "__len__"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value == encodable(value) else json.dumps(plain(value), sort_keys=True)


def _version() -> str | None:
    try:
        return version("lm_eval")
    except PackageNotFoundError:
        return None
