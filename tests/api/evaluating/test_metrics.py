"""Values are scikit-learn's own; what intervals are drawn from gives the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from cognify_core.api.evaluating.answers import Answers, answers_of
from cognify_core.api.evaluating.intervals import Bootstrap, Cells
from cognify_core.api.evaluating.metrics import NAMES, wanted_metrics
from cognify_core.api.evaluating.predictions import measure
from cognify_core.errors import ConfigurationError

WORDS = ("ham", "phish", "spam")
ONE_WAY: dict[str, Any] = {
    "accuracy": sklearn.accuracy_score,
    "f1_macro": lambda truth, answer: sklearn.f1_score(truth, answer, average="macro", zero_division=0),
    "f1_micro": lambda truth, answer: sklearn.f1_score(truth, answer, average="micro", zero_division=0),
    "f1_weighted": lambda truth, answer: sklearn.f1_score(truth, answer, average="weighted", zero_division=0),
    "precision": lambda truth, answer: sklearn.precision_score(truth, answer, average="macro", zero_division=0),
    "recall_weighted": lambda truth, answer: sklearn.recall_score(truth, answer, average="weighted", zero_division=0),
}
texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=1, max_size=60)
bits = st.lists(st.tuples(st.booleans(), st.integers(0, 8).map(lambda n: n / 8)), min_size=1, max_size=60)
numbers = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=60)


def answers(labels: Any, predicted: Any, **given: Any) -> Answers:
    return answers_of(list(labels), predicted, classes=given.get("classes"), positive=given.get("positive"))


def value(name: str, given: Answers) -> float:
    """The metric as scikit-learn has it, after checking that what intervals are drawn from gives the same."""
    metric = wanted_metrics([name], {})[name](given)
    found, samples = metric.value(given), metric.samples(given)
    again = samples.now() if isinstance(samples, Cells) else samples.value(np.arange(given.n))
    assert again == pytest.approx(found, rel=1e-9, abs=1e-9)
    return found


@given(texts, st.sampled_from(sorted(ONE_WAY)))
def test_metrics_of_classes_are_those_of_scikit_learn(pairs: list[tuple[str, str]], name: str) -> None:
    truth, answer = zip(*pairs, strict=True)
    assert value(name, answers(truth, answer)) == pytest.approx(ONE_WAY[name](truth, answer))


@given(texts)
def test_balanced_accuracy_is_that_of_scikit_learn_where_it_does_not_warn(pairs: list[tuple[str, str]]) -> None:
    truth, answer = zip(*pairs, strict=True)
    known = [pair for pair in pairs if pair[1] in truth]
    if known and {pair[0] for pair in known} == set(truth):
        truth, answer = zip(*known, strict=True)
        if len(set(truth)) > 1:
            expected = sklearn.balanced_accuracy_score(truth, answer)
            assert value("balanced_accuracy", answers(truth, answer)) == pytest.approx(expected)


@pytest.mark.parametrize("base", ["f1", "precision", "recall"])
def test_of_two_classes_the_positive_one_counts(base: str) -> None:
    truth, answer = [0, 1, 1, 0, 1, 0], [0, 1, 0, 1, 1, 0]
    expected = getattr(sklearn, f"{base}_score")
    assert value(base, answers(truth, answer)) == pytest.approx(expected(truth, answer))
    words, said = ["ham" if one == 0 else "spam" for one in truth], ["ham" if one == 0 else "spam" for one in answer]
    named = answers(words, said, positive="ham")
    assert value(base, named) == pytest.approx(expected(truth, answer, pos_label=0))
    assert value(base, answers(words, said)) == pytest.approx(expected(truth, answer, average="macro"))
    with pytest.raises(ConfigurationError, match=r"which class is positive\? Name one of 'ham', 'spam'"):
        value(f"{base}_binary", answers(words, said))


@given(bits)
def test_scores_of_two_classes_are_measured_as_by_scikit_learn(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = ([pair[at] for pair in pairs] for at in (0, 1))
    given_ = answers(truth, scores)
    assert value("brier", given_) == pytest.approx(sklearn.brier_score_loss(truth, scores, labels=[False, True]))
    assert value("log_loss", given_) == pytest.approx(sklearn.log_loss(truth, scores, labels=[False, True]))
    if len(set(truth)) == 2:
        assert value("roc_auc", given_) == pytest.approx(sklearn.roc_auc_score(truth, scores))


def test_probabilities_of_several_classes_are_measured_as_by_scikit_learn() -> None:
    random = np.random.default_rng(3)
    truth = random.choice(WORDS, 200)
    scores = random.dirichlet([1, 1, 1], 200)
    for given_ in (answers(truth, scores), answers(truth, scores.tolist(), classes=WORDS)):
        assert value("roc_auc", given_) == pytest.approx(sklearn.roc_auc_score(truth, scores, multi_class="ovr"))
        assert value("log_loss", given_) == pytest.approx(sklearn.log_loss(truth, scores))
        named = np.array(WORDS)[scores.argmax(axis=1)]
        assert value("accuracy", given_) == pytest.approx(sklearn.accuracy_score(truth, named))
    turned = answers(truth, scores[:, ::-1], classes=WORDS[::-1])
    assert value("log_loss", turned) == pytest.approx(sklearn.log_loss(truth, scores))


@given(numbers)
def test_numbers_are_measured_as_by_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    truth, answer = ([pair[at] for pair in pairs] for at in (0, 1))
    given_ = answers(truth, answer)
    assert value("mae", given_) == pytest.approx(sklearn.mean_absolute_error(truth, answer))
    assert value("mse", given_) == pytest.approx(sklearn.mean_squared_error(truth, answer))
    assert value("rmse", given_) == pytest.approx(sklearn.root_mean_squared_error(truth, answer))
    if np.std(truth) > 1e-3:
        assert value("r2", given_) == pytest.approx(sklearn.r2_score(truth, answer), rel=1e-6)


def test_scores_of_one_class_alone_are_measured_against_the_other() -> None:
    for only in (0, 1):
        truth = [only] * 5
        scores = [0.125, 0.25, 0.5, 0.75, 0.875]
        assert value("log_loss", answers(truth, scores)) == pytest.approx(
            sklearn.log_loss(truth, scores, labels=[0, 1])
        )


def test_a_metric_that_is_not_defined_has_a_reason_and_no_value() -> None:
    one_class = answers([1, 1, 1], [0.2, 0.4, 0.6])
    told = measure(wanted_metrics("roc_auc", {})["roc_auc"](one_class), one_class, Bootstrap())
    assert (told.value, told.interval, told.reason) == (None, None, "only 1 of 2 classes occur as labels")
    flat = answers([2.5, 2.5], [1.0, 2.0])
    told = measure(wanted_metrics("r2", {})["r2"](flat), flat, Bootstrap())
    assert (told.value, told.reason) == (None, "all labels are the same number")


def test_a_metric_of_ones_own_is_called_with_labels_and_predictions() -> None:
    def mean_gap(truth: Any, answer: Any) -> float:
        return float(np.mean(answer - truth))

    given_ = answers([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    told = measure(wanted_metrics([mean_gap], {"mean_gap": "lower"})["mean_gap"](given_), given_, Bootstrap(50))
    assert (told.value, told.direction) == (0.5, "lower")
    assert told.definition == f"{__name__}:{mean_gap.__qualname__}"
    named = wanted_metrics({"bias": mean_gap}, {})["bias"](given_)
    assert (named.name, named.direction) == ("bias", None)


def test_every_name_can_be_asked_for() -> None:
    classes, scores = answers([0, 1, 1, 0], [0, 1, 0, 0]), answers([0, 1, 1, 0], [0.25, 0.75, 0.5, 0.5])
    for name in NAMES:
        assert 0 <= value(name, scores if name in ("roc_auc", "log_loss", "brier") else classes) <= 2, name


@pytest.mark.parametrize(
    ("wanted", "directions", "message"),
    [
        (
            ["acuracy"],
            {},
            r"no metric 'acuracy'; there are accuracy, balanced_accuracy, .*roc_auc, and callables",
        ),
        (["accuracy", "accuracy"], {}, "two metrics are called 'accuracy'"),
        ([], {}, "which metrics"),
        ([3], {}, "a metric is a name or a callable .*, not int"),
        (3, {}, "a metric is a name or a callable .*, not int"),
        (["accuracy"], {"f1": "higher"}, "directions names 'f1'"),
    ],
)
def test_metrics_that_cannot_be_are_refused(wanted: Any, directions: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        wanted_metrics(wanted, directions)


@pytest.mark.parametrize(
    ("name", "labels", "predicted", "message"),
    [
        ("accuracy", ["ham", "spam"], [0.2, 0.8], "the number 0.2, which is no class .*'ham', 'spam'"),
        ("accuracy", ["ham", "spam"], [0, 1], "no prediction is any label: labels are 'ham', 'spam', predictions 0, 1"),
        ("mae", ["ham", "spam"], [0.2, 0.8], "the labels are no numbers"),
        ("mae", [1.0, 2.0], [[0.2, 0.8], [0.5, 0.5]], "the predictions are no numbers, one for each row"),
        ("log_loss", [0, 1], [[2.0, -1.0], [0.5, 0.5]], "no probabilities: a row has a negative one"),
        ("log_loss", [0, 1], [[0.9, 0.9], [0.5, 0.5]], "no probabilities: a row .*does not sum to 1"),
        ("brier", [0, 1], [0.5, 1.5], "brier_score_loss: "),
        ("brier", [0, 1, 2], [0.5, 0.5, 0.5], r"which class is positive\?"),
        ("roc_auc", ["ham", "spam"], [0.5, 0.1], r"which class is positive\? .*'ham', 'spam'"),
        ("accuracy", [0, 1, 2], [[0.5, 0.5]] * 3, "2 scores for each row, and the labels are of 3 classes"),
    ],
)
def test_answers_that_a_metric_cannot_measure_are_refused(name: str, labels: Any, predicted: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        value(name, answers(labels, predicted))


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, None], [0, 1], "1 of 2 rows have no label"),
        ([0.5, float("nan")], [0, 1], "1 of 2 rows have no label"),
        ([0, 1], [0.5, float("nan")], "NaN or infinity for 1 of 2 rows"),
        ([0, 1], [[0.5, 0.5], [float("nan"), 0.5]], "NaN or infinity for 1 of 2 rows"),
        (["a", "b"], ["a", float("nan")], "NaN or infinity for 1 of 2 rows"),
        ([0, 1], [[["a"]], [["b"]]], "it gives one answer, or one row of probabilities"),
        ([0, 1], [["a", "b"], ["a", "b"]], "rows of what are no numbers"),
        ([0, 1], [[0.5], [0.5, 0.5]], "rows of different lengths"),
        ([0, 1], [{"label": 1}, {"label": 0}], "can be no class"),
        ([[0, 1], [1, 0]], [0, 1], "a label is one class or one number"),
    ],
)
def test_labels_and_answers_that_do_not_fit_are_refused(labels: Any, predicted: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        answers(labels, predicted)


def test_classes_are_given_once_each_and_as_many_as_scores() -> None:
    with pytest.raises(ConfigurationError, match="classes are two at least, each once"):
        answers([0, 1], [0, 1], classes=[0, 0])
    with pytest.raises(ConfigurationError, match="2 scores for each row, of 3 classes"):
        answers([0, 1], [[0.5, 0.5], [0.5, 0.5]], classes=[0, 1, 2])
    with pytest.raises(ConfigurationError, match="'b' is none of the classes 'a', 'c'"):
        value("accuracy", answers(["a", "b"], ["a", "a"], classes=["a", "c"]))
