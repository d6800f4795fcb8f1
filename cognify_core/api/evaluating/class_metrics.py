"""Metrics of classes: all that they see of a sample is its pair of label and answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from cognify_core.api.evaluating.answers import Answers
from cognify_core.api.evaluating.intervals import Array, Cells
from cognify_core.api.evaluating.metric import Metric, score

AVERAGED = ("f1", "precision", "recall")
AVERAGES = ("macro", "micro", "weighted", "binary")


def accuracy() -> Metric:
    """The part of the answers that are right."""

    def value(answers: Answers) -> float:
        return score("accuracy_score", *answers.codes())

    def resampled(drawn: Array, truth: Array, answered: Array) -> float:
        return float(drawn[truth == answered].sum() / drawn.sum())

    return Metric("accuracy", "higher", "sklearn.metrics.accuracy_score", value, partial(_pairs, resampled))


def balanced_accuracy() -> Metric:
    """Recall, averaged over the classes that occur."""

    def value(answers: Answers) -> float:
        truth, answered = answers.codes()
        return score("recall_score", truth, answered, average="macro", labels=np.unique(truth), zero_division=0)

    def resampled(drawn: Array, truth: Array, answered: Array) -> float:
        all_of = np.bincount(truth, weights=drawn)
        right = np.bincount(truth, weights=drawn * (truth == answered))
        return float((right[all_of > 0] / all_of[all_of > 0]).mean())

    definition = "sklearn.metrics.recall_score(average='macro', zero_division=0), over the classes that occur as labels"
    return Metric("balanced_accuracy", "higher", definition, value, partial(_pairs, resampled))


def averaged(name: str, answers: Answers) -> Metric:
    """F1, precision or recall, as in `f1_macro`; of the positive class where there are two and no average is named."""
    base, _, named = name.partition("_")
    average = named or ("binary" if _is_binary(answers) else "macro")

    def value(answers: Answers) -> float:
        if average != "binary":
            return score(f"{base}_score", *answers.codes(), average=average, zero_division=0)
        truth, answered = (codes == answers.positive_place() for codes in answers.codes())
        return score(f"{base}_score", truth, answered, pos_label=True, zero_division=0)

    def samples(answers: Answers) -> Cells:
        place = answers.positive_place() if average == "binary" else None
        return _pairs(partial(_resampled, base, average, place, len(answers.classes)), answers)

    return Metric(name, "higher", f"sklearn.metrics.{base}_score({average=}, zero_division=0)", value, samples)


def _is_binary(answers: Answers) -> bool:
    return len(answers.classes) <= 2 and (answers.positive is not None or set(answers.classes) <= {0, 1})


def _pairs(value: Callable[[Array, Array, Array], float], answers: Answers) -> Cells:
    """Cells by (label, answer); `value` takes how often each comes, its label and its answer."""
    truth, answered = answers.codes()
    width = len(answers.classes)
    cells, counts = np.unique(truth * width + answered, return_counts=True)
    return Cells(counts, lambda drawn: value(drawn, cells // width, cells % width))


def _resampled(
    base: str, average: str, place: int | None, width: int, drawn: Array, truth: Array, answered: Array
) -> float:
    right = np.bincount(truth, weights=drawn * (truth == answered), minlength=width)
    labelled = np.bincount(truth, weights=drawn, minlength=width)
    named = np.bincount(answered, weights=drawn, minlength=width)
    if average == "micro":
        right, labelled, named = (each.sum(keepdims=True) for each in (right, labelled, named))
    below = {"precision": named, "recall": labelled, "f1": (named + labelled) / 2}[base]
    of_each = np.divide(right, below, out=np.zeros(len(right)), where=below > 0)
    if place is not None:
        return float(of_each[place])
    if average == "weighted":
        return float((of_each * labelled).sum() / labelled.sum())
    return float(of_each[(labelled > 0) | (named > 0)].mean())
