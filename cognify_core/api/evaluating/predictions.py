"""Evaluate a model on rows: predict, compute metrics with intervals, of the whole and of each group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from inspect import isclass, isroutine
from typing import Any, get_args

import numpy as np

from cognify_core.api.evaluating.answers import Answers, answers_of, as_array
from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.api.evaluating.intervals import Array, Bootstrap
from cognify_core.api.evaluating.metric import Metric
from cognify_core.api.evaluating.metrics import wanted_metrics
from cognify_core.api.evaluating.rows import EvalRows, rows_of, table_with_labels
from cognify_core.api.evaluating.samples import plain
from cognify_core.api.progress import Advance, bar
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import Direction, EvaluationFacts, Harness, Measured, Slice
from cognify_core.model.shown import encodable
from cognify_core.version import VERSION

MAX_GROUPS = 200


@dataclass(frozen=True, kw_only=True)
class HowToEvaluate:
    """The options of `cognify.eval(predict, data, …)`.

    Args:
        label: the column of the labels, or the labels themselves.
        metrics: names of scikit-learn's, or callables of labels and predictions, or such callables by name.
        slices: columns whose values are groups, or groupings by name: one value for each row.
        features: the columns that `predict` gets; all but the label by default. One name alone: its values.
        classes: all classes, in the order of the probabilities that `predict` gives.
        positive: which of two classes is the positive one.
        directions: of callables, whether `higher` or `lower` values are better.
        batch_size: how many rows `predict` gets at a time; all at once where None.
        resamples: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        level: how sure intervals are.
        small: groups of fewer samples are marked.
    """

    label: Any = "label"
    metrics: Any = ("accuracy",)
    slices: str | Sequence[str] | Mapping[str, Sequence[Any]] = ()
    features: str | Sequence[str] | None = None
    classes: Sequence[Any] | None = None
    positive: Any = None
    directions: Mapping[str, Direction] = field(default_factory=dict)
    batch_size: int | None = 1024
    resamples: int = 1000
    seed: int = 0
    level: float = 0.95
    small: int = 30

    def __post_init__(self) -> None:
        if (self.batch_size is not None and self.batch_size < 1) or self.resamples < 0 or not 0 < self.level < 1:
            raise ConfigurationError("batch_size is at least 1, resamples at least 0, and level between 0 and 1")
        if self.seed < 0:
            raise ConfigurationError(f"a seed is not negative: {self.seed}")
        if strange := [each for each in self.directions.values() if each not in get_args(Direction)]:
            raise ConfigurationError(f"a direction is higher or lower, not {strange[0]!r}")

    @property
    def bootstrap(self) -> Bootstrap:
        """How intervals are found."""
        return Bootstrap(self.resamples, self.seed, self.level)


def evaluate_rows(
    predict: Callable[[Any], Any], data: Any, how: HowToEvaluate, *, name: str, quiet: bool = True
) -> Evaluated:
    """Evaluate; nothing is recorded yet.

    Raises:
        ConfigurationError: a column, a metric or a group is not there; what `predict` gives does not fit.
        Exception: whatever `predict`, or a metric of one's own, raises.
    """
    wanted = wanted_metrics(how.metrics, how.directions)
    rows = rows_of(data)
    labels, groupings, columns = _labels(rows, how), _groupings(rows, how), _features(rows, how)
    with bar(f"{name}: predicting", rows.count, quiet=quiet) as advance:
        predicted = _predicted(predict, _batches(rows, columns, how), advance)
    answers = answers_of(labels, predicted, classes=how.classes, positive=how.positive)
    metrics = [make(answers) for make in wanted.values()]
    groups = [(by, value, places) for by, values in groupings.items() for value, places in _groups(by, values)]
    with bar(f"{name}: intervals", len(metrics) * (1 + len(groups)), quiet=quiet) as advance:
        measured = tuple(_measured(metrics, answers, how, advance))
        slices = tuple(
            Slice(
                by=encodable(by),
                value=value,
                n=len(places),
                small=len(places) < how.small,
                metrics=tuple(_measured(metrics, answers.take(places), how, advance)),
            )
            for by, value, places in groups
        )
    named = isinstance(how.label, str)
    facts = EvaluationFacts(
        how="computed",
        metrics=measured,
        slices=slices,
        label=encodable(how.label) if named else None,
        harness=_harness(metrics),
    )
    return Evaluated(
        name,
        facts,
        rows=table_with_labels(rows, None if named else labels),
        samples=_samples(answers),
        setup=_setup(predict, how, metrics, answers, groupings),
    )


def _labels(rows: EvalRows, how: HowToEvaluate) -> list[Any]:
    if not rows.count:
        raise ConfigurationError("there are no rows to evaluate on")
    if isinstance(how.label, str):
        return rows.values(how.label, "the label (label=…)")
    labels: list[Any] = as_array(how.label).tolist()
    if len(labels) != rows.count:
        raise ConfigurationError(f"there are {len(labels)} labels for {rows.count} rows")
    return labels


def _groupings(rows: EvalRows, how: HowToEvaluate) -> dict[str, list[Any]]:
    wanted = [how.slices] if isinstance(how.slices, str) else how.slices
    if not isinstance(wanted, Mapping):
        return {name: rows.values(name, "a group (slices=…)") for name in wanted}
    groupings = {str(name): as_array(values).tolist() for name, values in wanted.items()}
    for name, values in groupings.items():
        if len(values) != rows.count:
            raise ConfigurationError(f"the slices {name!r} have {len(values)} values for {rows.count} rows")
    return groupings


def _groups(by: str, values: Sequence[Any]) -> list[tuple[Any, Array]]:
    places: dict[tuple[str, Any], list[int]] = {}
    for place, value in enumerate(map(plain, values)):
        if isinstance(value, list | dict):
            raise ConfigurationError(f"groups are text or numbers, and {by!r} holds {type(value).__name__}s")
        places.setdefault((type(value).__name__, value), []).append(place)
    if len(places) > MAX_GROUPS:
        raise ConfigurationError(
            f"{by!r} makes {len(places)} groups, and at most {MAX_GROUPS} are compared: give fewer, as in "
            "slices={'age': ['18-29', '30-49', …]}"
        )
    return [(value, np.array(where)) for (_, value), where in sorted(places.items(), key=lambda item: _order(item[0]))]


def _order(group: tuple[str, Any]) -> tuple[str, Any]:
    kind, value = group
    return kind, "" if value is None else value


def _features(rows: EvalRows, how: HowToEvaluate) -> list[str]:
    if how.features is None:
        return [name for name in rows.columns if not isinstance(how.label, str) or name != how.label]
    wanted = [how.features] if isinstance(how.features, str) else list(how.features)
    for name in wanted:
        rows.check(name, "a feature (features=…)")
    return wanted


def _batches(rows: EvalRows, columns: Sequence[str], how: HowToEvaluate) -> Iterator[tuple[int, int, Any]]:
    """Batches as `predict` gets them, each with the numbers of its first row and of the one after its last."""
    step = how.batch_size or rows.count
    for start in range(0, rows.count, step):
        end = min(start + step, rows.count)
        batch = rows.batch(start, end, columns)
        if isinstance(how.features, str):
            batch = [row.get(how.features) for row in batch] if isinstance(batch, list) else batch[how.features]
        yield start, end, batch


def _predicted(predict: Callable[[Any], Any], batches: Iterable[tuple[int, int, Any]], advance: Advance) -> Array:
    found: list[Array] = []
    for start, end, batch in batches:
        try:
            given = predict(batch)
        except Exception as error:
            error.add_note(f"cognify.eval was asking predict for the rows {start} to {end - 1}; nothing is recorded")
            raise
        answers = as_array(given)
        if answers.ndim == 0 or len(answers) != end - start:
            told = "one value" if answers.ndim == 0 else f"{len(answers)} answers"
            raise ConfigurationError(f"predict gave {told} for {end - start} rows")
        found.append(answers)
        advance(end - start)
    if len({answers.shape[1:] for answers in found}) > 1:
        raise ConfigurationError("predict gave answers of different shapes for different batches")
    return np.concatenate(found)


def _measured(metrics: Sequence[Metric], answers: Answers, how: HowToEvaluate, advance: Advance) -> Iterator[Measured]:
    for metric in metrics:
        yield measure(metric, answers, how.bootstrap)
        advance(1)


def measure(metric: Metric, answers: Answers, bootstrap: Bootstrap) -> Measured:
    """A metric of some samples, with its interval, or why it has none."""
    told = Measured(name=metric.name, n=answers.n, direction=metric.direction, definition=metric.definition)
    reason = metric.undefined(answers)
    value = float("nan") if reason else metric.value(answers)
    if not np.isfinite(value):
        return told.model_copy(update={"reason": reason or f"its value is {value}"})
    interval, reason = None, "no interval was asked for"
    if answers.n < 2:
        reason = "no interval: one sample"
    elif bootstrap.resamples:
        interval, reason = bootstrap.interval(metric.samples(answers)), "no interval: it is defined for no resample"
    return told.model_copy(
        update={"value": value, "interval": interval, "reason": reason if interval is None else None}
    )


def _samples(answers: Answers) -> Iterator[dict[str, Any]]:
    """What is kept of each sample; whether it is right, where it is one of classes."""
    labels, answered = answers.labels.tolist(), answers.answered.tolist()
    for index, (label, answer) in enumerate(zip(labels, answered, strict=True)):
        row = {"index": index, "label": plain(label), "prediction": plain(answer)}
        if answers.are_classes:
            row["correct"] = bool(label == answer)
        if answers.has_probabilities:
            row["scores"] = plain(answers.predictions[index])
        yield row


def _setup(
    predict: object, how: HowToEvaluate, metrics: Sequence[Metric], answers: Answers, groupings: Mapping[str, Any]
) -> dict[str, Any]:
    """What somebody needs who wants to compute it again, beside the rows and what was said of each."""
    return {
        "predict": predict if isroutine(predict) or isclass(predict) else type(predict),
        "metrics": {metric.name: metric.definition for metric in metrics},
        "label": how.label if isinstance(how.label, str) else None,
        "features": how.features,
        "classes": plain(answers.classes) if answers.are_classes else None,
        "positive": how.positive,
        "slices": sorted(groupings),
        "bootstrap": asdict(how.bootstrap),
    }


def _harness(metrics: Sequence[Metric]) -> Harness:
    """Whose metrics they are."""
    if not any(metric.definition.startswith("sklearn.") for metric in metrics):
        return Harness(name="cognify", version=VERSION)
    from sklearn import __version__

    return Harness(name="scikit-learn", version=__version__)
