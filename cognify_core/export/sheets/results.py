"""The sheets of what was measured: evaluations, each of their metrics, slices too, and the metrics of the training."""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.export.document.graph import evaluated_on, node_name
from cognify_core.export.document.measured import HOW
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.logged import Logged
from cognify_core.export.sheets.common import DIGEST, ID, TOLD, digest_cell, one_line, told_cells
from cognify_core.export.sheets.sheet import Column, Sheet
from cognify_core.export.sheets.values import Value
from cognify_core.model.evaluation_facts import EvaluationFacts, Measured
from cognify_core.model.events import EvaluationSeen
from cognify_core.model.numbers import as_double


def evaluations(dossier: Dossier) -> Sheet:
    """A row for each evaluation."""
    columns = (
        ID,
        Column("name", 32),
        Column("step"),
        DIGEST,
        Column("assurance", 14),
        Column("how", 30),
        Column("metrics"),
        Column("evaluated on", 44, mono=True),
        Column("digests of what it was evaluated on", 71, mono=True),
        Column("harness", 40),
        Column("objective", 40),
        Column("why these metrics", 40),
        Column("overlap with training texts", 32),
        *TOLD,
    )
    behind = evaluated_on(dossier, dossier.evaluations)
    rows = []
    for told in dossier.evaluations:
        facts, data = EvaluationFacts.of(told.body.facts), behind[node_name(dossier, told)]
        rows.append(
            (
                node_name(dossier, told),
                told.body.name,
                told.body.step,
                digest_cell(told.body),
                told.body.assurance,
                HOW[facts.how],
                len(_every(told.body, facts)),
                "\n".join(dataset.names[0] for dataset in data) or "no dataset is recorded",
                "\n".join(str(dataset.body.hash) for dataset in data),
                _harness(facts),
                facts.objective,
                facts.rationale,
                facts.overlap.status if facts.overlap else "not asked",
                *told_cells(dossier, told),
            )
        )
    return Sheet.of("evaluations", "Every evaluation, those of addenda too.", columns, rows)


def eval_metrics(dossier: Dossier) -> Sheet:
    """A row for each metric of each evaluation, of all samples and of each slice."""
    columns = (
        Column("evaluation", 44, mono=True),
        Column("step"),
        Column("metric", 40, mono=True),
        Column("value", 26),
        Column("n"),
        Column("low"),
        Column("high"),
        Column("level"),
        Column("interval by", 30),
        Column("standard error"),
        Column("better", 12),
        Column("grouped by", 24),
        Column("group", 24),
        Column("remark", 40),
        *TOLD,
    )
    rows = (row for told in dossier.evaluations for row in _metric_rows(dossier, told))
    about = "Every value of every evaluation as it was recorded, runtimes too; then its groups."
    return Sheet.of("eval metrics", about, columns, rows)


def training_metrics(dossier: Dossier) -> Sheet:
    """A row for each metric of the training: where it began, where it ended, and how many points there are."""
    columns = (
        Column("metric", 44, mono=True),
        Column("points"),
        Column("first step"),
        Column("last step"),
        Column("first", 26),
        Column("last", 26),
        Column("least", 26),
        Column("greatest", 26),
        Column("points that are not finite"),
    )
    rows = (_summary(name, metric) for name, metric in dossier.metrics.items())
    about = "A row for each metric that was logged while training; each of its points stands in the JSON package."
    return Sheet.of("training metrics", about, columns, rows)


def _metric_rows(dossier: Dossier, told: Told[EvaluationSeen]) -> Iterator[tuple[Value, ...]]:
    facts = EvaluationFacts.of(told.body.facts)
    groups: list[tuple[str | None, Value, Measured]] = [(None, None, metric) for metric in _every(told.body, facts)]
    groups += [(one.by, one_line(one.value), metric) for one in facts.slices for metric in one.metrics]
    for by, group, metric in groups:
        interval = metric.interval
        yield (
            node_name(dossier, told),
            told.body.step,
            metric.name,
            metric.value if metric.value is not None else "not defined",
            metric.n,
            interval.low if interval else None,
            interval.high if interval else None,
            interval.level if interval else None,
            interval.method if interval else None,
            metric.stderr,
            metric.direction,
            by,
            group,
            metric.reason,
            *told_cells(dossier, told),
        )


def _every(body: EvaluationSeen, facts: EvaluationFacts) -> tuple[Measured, ...]:
    """The metrics as the facts tell them, then the results of which the facts say nothing."""
    named = {metric.name for metric in facts.metrics}
    rest = ((name, as_double(value)) for name, value in body.results.items() if name not in named)
    return (*facts.metrics, *(Measured(name=name, value=value) for name, value in rest))


def _harness(facts: EvaluationFacts) -> str | None:
    if facts.harness is None:
        return None
    parts = (facts.harness.name, facts.harness.version, facts.harness.task, facts.harness.task_version)
    return " ".join(part for part in parts if part)


def _summary(name: str, metric: Logged) -> tuple[Value, ...]:
    steps, values, finite = metric.steps, metric.values, metric.finite
    least, greatest = (min(finite), max(finite)) if finite else (None, None)
    return name, len(values), steps[0], steps[-1], values[0], values[-1], least, greatest, len(values) - len(finite)
