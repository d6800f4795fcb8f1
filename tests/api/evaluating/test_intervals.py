"""Bootstrap intervals: those that SciPy finds, of the width that theory has, the same for one seed."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from cognify_core.api.evaluating.answers import Answers, answers_of
from cognify_core.api.evaluating.intervals import Bootstrap, Single
from cognify_core.api.evaluating.metrics import wanted_metrics
from cognify_core.model.evaluation_facts import Interval

N = 300


def made(seed: int = 7) -> tuple[Any, Any]:
    """Labels of two classes, and scores that tell a little of them."""
    source = np.random.default_rng(seed)
    truth = (source.random(N) < 0.35).astype(int)
    return truth, np.clip(0.3 * truth + source.random(N) * 0.7, 0, 1)


def interval(name: str, answers: Answers, **how: Any) -> Interval:
    found = Bootstrap(**how).interval(wanted_metrics([name], {})[name](answers).samples(answers))
    assert found is not None
    return found


def of_scipy(statistic: Any, *data: Any, resamples: int) -> tuple[float, float]:
    found = stats.bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(11),
    )
    return found.confidence_interval.low, found.confidence_interval.high


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("accuracy", sklearn.accuracy_score),
        ("f1_macro", lambda truth, answer: sklearn.f1_score(truth, answer, average="macro")),
        ("recall", sklearn.recall_score),
    ],
)
def test_an_interval_of_classes_is_the_one_that_scipy_finds(name: str, statistic: Any) -> None:
    truth, scores = made()
    answer = (scores > 0.5).astype(int)
    found = interval(name, answers_of(truth.tolist(), answer, classes=None, positive=None), resamples=3000)
    low, high = of_scipy(statistic, truth, answer, resamples=1500)
    assert found.low == pytest.approx(low, abs=0.012)
    assert found.high == pytest.approx(high, abs=0.012)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "statistic"),
    [("roc_auc", sklearn.roc_auc_score), ("brier", sklearn.brier_score_loss), ("mae", sklearn.mean_absolute_error)],
)
def test_an_interval_of_scores_is_the_one_that_scipy_finds(name: str, statistic: Any) -> None:
    truth, scores = made()
    found = interval(name, answers_of(truth.tolist(), scores, classes=None, positive=None), resamples=3000)
    low, high = of_scipy(statistic, truth, scores, resamples=1500)
    assert found.low == pytest.approx(low, abs=0.012)
    assert found.high == pytest.approx(high, abs=0.012)


def test_the_interval_of_an_accuracy_is_as_wide_as_the_binomial_distribution_has_it() -> None:
    truth = [1] * 400
    answer = [1] * 300 + [0] * 100
    found = interval("accuracy", answers_of(truth, answer, classes=None, positive=None), resamples=20_000)
    low, high = (quantile / 400 for quantile in stats.binom(400, 0.75).ppf([0.025, 0.975]))
    assert found.low == pytest.approx(low, abs=0.003)
    assert found.high == pytest.approx(high, abs=0.003)


def test_intervals_hold_the_true_value_about_as_often_as_they_say() -> None:
    source, held = np.random.default_rng(5), 0
    for _ in range(200):
        answer = (source.random(150) < 0.7).astype(int)
        given = answers_of([1] * 150, answer, classes=None, positive=None)
        found = interval("accuracy", given, resamples=300, level=0.9)
        held += found.low <= 0.7 <= found.high
    assert 165 <= held <= 195  # 180 are expected; a percentile interval is a little narrow


def test_one_seed_gives_one_interval_and_another_gives_another() -> None:
    truth, scores = made()
    given = answers_of(truth.tolist(), scores, classes=None, positive=None)
    first, again, other = (interval("roc_auc", given, resamples=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)
    assert (first.seed, first.resamples, first.method) == (1, 200, "bootstrap, percentile")


def test_no_global_random_state_is_touched() -> None:
    truth, scores = made()
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), repr(np.random.get_state())
    interval("roc_auc", answers_of(truth.tolist(), scores, classes=None, positive=None), resamples=50)
    assert (random.getstate(), repr(np.random.get_state())) == before


def test_resamples_without_a_value_are_left_out_and_counted() -> None:
    given = answers_of([1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3], classes=None, positive=None)
    found = interval("roc_auc", given, resamples=500)
    assert 100 < found.left_out < 250  # (3/4)^4 of 500 hold no positive one, (1/4)^4 no negative one
    assert found.degenerate


def test_where_no_resample_differs_the_interval_says_so() -> None:
    found = interval("accuracy", answers_of([0, 1], [0, 1], classes=None, positive=None), resamples=50)
    assert (found.low, found.high, found.degenerate) == (1, 1, True)


def test_where_no_resample_has_a_value_there_is_no_interval() -> None:
    assert Bootstrap(20).interval(Single(3, lambda _: float("nan"))) is None
