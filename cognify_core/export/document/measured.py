"""What evaluations measured, in words: values, intervals, who computed them, overlap with training texts."""

from __future__ import annotations

from collections.abc import Iterable

from cognify_core.export.document.cells import count, cut, figure, listed
from cognify_core.export.document.curves import is_noise
from cognify_core.export.dossier import Dossier, Told
from cognify_core.model.evaluation_facts import EvaluationFacts, Measured, Overlap, OverlapOfColumn
from cognify_core.model.events import EvaluationSeen
from cognify_core.model.numbers import plain_number

HOW = {
    "computed": "computed by Cognify",
    "declared": "declared, not computed here",
    "observed": "as the training framework reported it",
}


def measured(body: EvaluationSeen, facts: EvaluationFacts) -> tuple[Measured, ...]:
    """The metrics as the facts tell them, and those results of which the facts say nothing; no runtime noise."""
    told = {metric.name for metric in facts.metrics}
    left = (name for name in body.results if name not in told and not is_noise(name))
    rest = ((name, plain_number(body.results[name])) for name in left)
    return (*facts.metrics, *(Measured(name=name, value=value) for name, value in rest))


def interval_of(metric: Measured) -> str:
    """The confidence interval in words; empty where there is none."""
    found = metric.interval
    if found is None:
        return f"standard error {figure(metric.stderr)}" if metric.stderr is not None else ""
    note = "; no resample differed" if found.degenerate else ""
    return f"{figure(found.low)} to {figure(found.high)} ({100 * found.level:g} %, {cut(found.method, 60)}{note})"


def overlap(found: Overlap) -> str:
    """What was found of evaluation texts in training texts, or why nothing was compared."""
    reason = f": {found.reason}" if found.reason else ""
    columns = [
        f"column {cut(one.column, 40)} against {cut(one.dataset, 40)}: {count(one.exact)} of {count(one.eval_texts)} "
        f"texts are training texts, {_shared(one)}"
        for one in found.columns[:6]
    ]
    left = [f"not compared: {listed(found.not_compared, 6)}"] if found.not_compared else []
    return "; ".join((f"{found.status}{reason}", *columns, *left))


def _shared(one: OverlapOfColumn) -> str:
    """How many texts share words in a row with a training text; of texts that are too short nobody can say."""
    if not one.long_texts:
        return "and none is long enough for an n-gram"
    return f"{count(one.overlapping)} of {count(one.long_texts)} share an n-gram"


def best_known(dossier: Dossier, limit: int = 3) -> Iterable[tuple[Told[EvaluationSeen], EvaluationFacts]]:
    """The evaluations that a first page shows: the last ones, those on named data before those of the training."""
    pairs = [(told, EvaluationFacts.of(told.body.facts)) for told in dossier.evaluations]
    own = [pair for pair in pairs if pair[1].how != "observed"]
    return (own or pairs)[-limit:]
