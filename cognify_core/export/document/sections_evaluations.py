"""Evaluations: each value with n, its interval, the digest of the data, who computed it; slices; then the curves."""

from __future__ import annotations

from collections.abc import Iterator

from cognify_core.export.document.blocks import Block, Callout, Cell, CurvesFigure, Facts, Prose, Section, Table
from cognify_core.export.document.cells import count, cut, figure, gap, mono, plain, shown, table, with_digests
from cognify_core.export.document.curves import told_curves
from cognify_core.export.document.graph import Dataset, evaluated_on, node_name
from cognify_core.export.document.measured import HOW, interval_of, measured, overlap
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.evaluation_facts import EvaluationFacts, Measured
from cognify_core.model.events import EvaluationSeen

DETAILED = 20
_COLUMNS = (("Metric", 1.8), ("Value", 1.0), ("n", 0.7), ("Interval", 2.0), ("Better", 0.7), ("How", 1.6))


def evaluations(dossier: Dossier) -> tuple[Section, ...]:
    """An overview, each evaluation by itself, and the curves."""
    if not dossier.evaluations:
        missing = Callout("The record holds no evaluation.", "warning")
        return (Section("Evaluations", (missing,)), *curves(dossier))
    behind = evaluated_on(dossier, dossier.evaluations)
    left = len(dossier.evaluations) - DETAILED
    more = (
        (Prose(f"{count(left, 'earlier evaluation')} not printed here; evidence.json holds all."),) if left > 0 else ()
    )
    lead = Prose(
        "Values are rounded to six significant digits, runtimes are left out; evidence.json holds all in full."
    )
    return (
        Section("Evaluations", (lead, *more)),
        *(_evaluation(dossier, told, behind[node_name(dossier, told)]) for told in dossier.evaluations[-DETAILED:]),
        *curves(dossier),
    )


def curves(dossier: Dossier) -> tuple[Section, ...]:
    """The metrics worth drawing, where there are any."""
    found = told_curves(dossier)
    if not found:
        return ()
    evidence = dict.fromkeys(entry for curve in found for entry in curve.evidence)
    drawn = CurvesFigure(tuple(curve.name for curve in found), "Metrics over the steps of the training")
    return (Section("Training curves", (Prose("Points as they were recorded.", tuple(evidence)), drawn), level=2),)


def _evaluation(dossier: Dossier, told: Told[EvaluationSeen], data: tuple[Dataset, ...]) -> Section:
    facts = EvaluationFacts.of(told.body.facts)
    rows = [_metric_row(metric, facts, told) for metric in measured(told.body, facts)]
    blocks: list[Block] = [Facts(tuple(_about(told, facts, data))), table(dossier, _COLUMNS, rows)]
    blocks += _slices(dossier, facts)
    step = "" if told.body.step is None else f", step {count(told.body.step)}"
    return Section(f"Evaluation {cut(told.body.name, 60)}{step}", tuple(blocks), level=2)


def _metric_row(metric: Measured, facts: EvaluationFacts, told: Told[EvaluationSeen]) -> tuple[Cell, ...]:
    return (
        mono(metric.name, told),
        plain(figure(metric.value)) if metric.value is not None else gap(metric.reason or "not defined"),
        plain("not recorded" if metric.n is None else count(metric.n)),
        plain(interval_of(metric) or "none recorded"),
        plain(metric.direction or "not said"),
        plain(HOW[facts.how]),
    )


def _about(told: Told[EvaluationSeen], facts: EvaluationFacts, data: tuple[Dataset, ...]) -> Iterator[tuple[str, Cell]]:
    yield "Digest", mono(str(told.body.hash), told)
    if data:
        named = with_digests((dataset.names[0], dataset.body.hash) for dataset in data)
        yield "Evaluated on", mono(named, *(dataset.first for dataset in data))
    else:
        yield "Evaluated on", gap("no dataset is recorded")
    yield from _harness(facts)
    if facts.samples is not None:
        yield "Samples", mono(f"{count(facts.samples.rows, 'row')}, {facts.samples.digest or facts.samples.reason}")
    yield from ((title, plain(text)) for title, text in _more(facts) if text)
    if facts.overlap is not None:
        yield "Overlap with training texts", plain(overlap(facts.overlap))
    if facts.problem:
        yield "Facts", gap(facts.problem)


def _harness(facts: EvaluationFacts) -> Iterator[tuple[str, Cell]]:
    harness = facts.harness
    if harness is None:
        return
    few = "" if harness.fewshot is None else f", {harness.fewshot}-shot"
    limit = "" if harness.limit is None else f", limited to {figure(harness.limit)} of {harness.documents} documents"
    yield "Harness", plain(f"{harness.name} {harness.version or '(no version)'}{few}{limit}")
    if harness.task:
        yield "Task", mono(f"{harness.task} {harness.task_version or ''} {harness.task_config or ''}".strip())
    if harness.prompt_template:
        yield "Prompt template", mono(str(harness.prompt_template))
    if harness.seeds:
        yield "Seeds", mono(shown(harness.seeds))


def _more(facts: EvaluationFacts) -> tuple[tuple[str, str | None], ...]:
    return (
        ("Objective that it serves", facts.objective),
        ("Why these metrics", facts.rationale),
        ("Evaluated weights", facts.model),
        ("Label", facts.label),
        *((cut(key, 40), shown(value)) for key, value in list(facts.said.items())[:20]),
    )


def _slices(dossier: Dossier, facts: EvaluationFacts) -> tuple[Table, ...]:
    if not facts.slices:
        return ()
    columns = (("Grouped by", 1.2), ("Group", 1.2), ("n", 0.7), ("Metric", 1.4), ("Value", 1.0), ("Interval", 2.2))
    rows = [
        (
            plain(one.by),
            plain(shown(one.value)),
            plain(f"{count(one.n)}{' (small)' if one.small else ''}"),
            mono(metric.name),
            plain(figure(metric.value)) if metric.value is not None else gap(metric.reason or "not defined"),
            plain(interval_of(metric) or "none recorded"),
        )
        for one in facts.slices
        for metric in one.metrics
    ]
    return (table(dossier, columns, rows, "By group"),)
