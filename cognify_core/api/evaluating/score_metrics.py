"""Metrics of scores and of numbers: each sample counts by what was answered, and not only by its class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cognify_core.api.evaluating.answers import Answers
from cognify_core.api.evaluating.intervals import Array, Cells, Single
from cognify_core.api.evaluating.metric import Metric, score


def log_loss() -> Metric:
    """Minus the logarithm of the probability that the label was given."""

    def value(answers: Answers) -> float:
        found = answers.probabilities()
        return score("log_loss", answers.label_codes(), found, labels=list(range(found.shape[1])))

    def losses(answers: Answers) -> Cells:
        found, truth = answers.probabilities(), answers.label_codes()
        tiny = np.finfo(found.dtype).eps  # as scikit-learn clips: what was ruled out costs much, and not everything
        return _means(-np.log(np.clip(found, tiny, 1 - tiny)[np.arange(len(truth)), truth]))

    return Metric("log_loss", "lower", "sklearn.metrics.log_loss", value, losses)


def brier() -> Metric:
    """The square of what a probability is off by."""

    def value(answers: Answers) -> float:
        return score("brier_score_loss", *answers.positive_scores(), labels=[False, True], pos_label=True)

    def samples(answers: Answers) -> Cells:
        truth, scores = answers.positive_scores()
        return _means((scores - truth) ** 2)

    return Metric("brier", "lower", "sklearn.metrics.brier_score_loss", value, samples)


def roc_auc() -> Metric:
    """The area under the ROC curve; of several classes the mean of each against the rest."""

    def is_binary(answers: Answers) -> bool:
        return len(answers.classes) == 2 or not answers.has_probabilities

    def value(answers: Answers) -> float:
        if is_binary(answers):
            return score("roc_auc_score", *answers.positive_scores())
        known = list(range(len(answers.classes)))
        return score("roc_auc_score", answers.label_codes(), answers.probabilities(), multi_class="ovr", labels=known)

    def samples(answers: Answers) -> Cells | Single:
        if is_binary(answers):
            return _ranks(*answers.positive_scores())
        truth, found = answers.label_codes(), answers.probabilities()

        def resampled(drawn: Array) -> float:
            areas = [_ranks(truth[drawn] == place, found[drawn, place]).now() for place in range(found.shape[1])]
            return float(np.mean(areas))

        return Single(answers.n, resampled)

    def undefined(answers: Answers) -> str | None:
        present = len(set(answers.labels.tolist()))
        needed = 2 if is_binary(answers) else len(answers.classes)
        return None if present >= needed else f"only {present} of {needed} classes occur as labels"

    definition = "sklearn.metrics.roc_auc_score(multi_class='ovr', average='macro')"
    return Metric("roc_auc", "higher", definition, value, samples, undefined)


def _ranks(truth: Array, scores: Array) -> Cells:
    """The area under the ROC curve as the part of pairs that are in order, ties by half (Hanley and McNeil, 1982)."""
    different, place = np.unique(scores, return_inverse=True)
    cells, counts = np.unique(place * 2 + truth, return_counts=True)

    def value(drawn: Array) -> float:
        positive = np.bincount(cells // 2, weights=drawn * (cells % 2), minlength=len(different))
        negative = np.bincount(cells // 2, weights=drawn * (1 - cells % 2), minlength=len(different))
        pairs = positive.sum() * negative.sum()
        in_order = (positive * (np.cumsum(negative) - negative / 2)).sum()
        return float(in_order / pairs) if pairs else float("nan")

    return Cells(counts, value)


def of_numbers(name: str, function: str, loss: Callable[[Array], Array], finish: Callable[[float], float]) -> Metric:
    """A mean of what each prediction is off by."""

    def value(answers: Answers) -> float:
        return score(function, *answers.numbers())

    def samples(answers: Answers) -> Cells:
        labels, predictions = answers.numbers()
        return _means(loss(predictions - labels), finish)

    return Metric(name, "lower", f"sklearn.metrics.{function}", value, samples)


def r2() -> Metric:
    """The part of the labels' variance that the predictions explain."""

    def value(answers: Answers) -> float:
        return score("r2_score", *answers.numbers())

    def samples(answers: Answers) -> Cells:
        labels, predictions = answers.numbers()
        centred = labels - labels.mean()  # or the difference of two squares would lose its digits
        errors = (predictions - labels) ** 2

        def resampled(drawn: Array) -> float:
            mean = drawn @ centred / drawn.sum()
            spread = drawn @ (centred - mean) ** 2
            return float(1 - drawn @ errors / spread) if spread > 0 else float("nan")

        return Cells(np.ones(len(labels), dtype=np.int64), resampled)

    def undefined(answers: Answers) -> str | None:
        return "all labels are the same number" if len(set(answers.labels.tolist())) < 2 else None

    return Metric("r2", "higher", "sklearn.metrics.r2_score", value, samples, undefined)


def _means(losses: Array, finish: Callable[[float], float] = float) -> Cells:
    return Cells(np.ones(len(losses), dtype=np.int64), lambda drawn: finish(float(drawn @ losses / drawn.sum())))
