"""What a model answered, beside the labels: classes, scores or numbers, of one sample each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cognify_core.api.evaluating.intervals import Array
from cognify_core.errors import ConfigurationError

_SHOWN = 5
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Answers:
    """Labels and predictions of n samples. Made by `answers_of`."""

    labels: Array
    """Of any type; numbers where they are to be measured as numbers."""
    predictions: Array
    """As `predict` gave them: n of them, or n rows of probabilities."""
    classes: tuple[Any, ...] = ()
    """All classes, in the order of the columns of probabilities; known for the whole set, whatever group this is."""
    positive: Any = None

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.labels)

    @property
    def has_probabilities(self) -> bool:
        """Whether there is a row of probabilities for each sample."""
        return self.predictions.ndim == 2

    @property
    def are_classes(self) -> bool:
        """Whether each is of one class, and no number of its own."""
        return self.has_probabilities or self.predictions.dtype.kind != "f"

    def take(self, chosen: Array) -> Answers:
        """Those samples alone."""
        return replace(self, labels=self.labels[chosen], predictions=self.predictions[chosen])

    @property
    def answered(self) -> Array:
        """The class, or the number, that was answered for each sample."""
        if not self.has_probabilities:
            return self.predictions
        return _objects(self.classes)[self.predictions.argmax(axis=1)] if self.n else _objects(())

    def codes(self) -> tuple[Array, Array]:
        """Labels and answers as places in `classes`.

        Raises:
            ConfigurationError: what was predicted are no classes, or not those of the labels.
        """
        if self.predictions.dtype.kind == "f" and not self.has_probabilities:
            known = set(self.classes)
            strange = next((each for each in self.predictions.tolist() if each not in known), None)
            if strange is not None:
                raise ConfigurationError(
                    f"predict gave the number {strange!r}, which is no class ({_some(self.classes)}): let it give "
                    "classes, or for each row the probabilities of all classes"
                )
        return self.label_codes(), _coded(self.answered, self.classes)

    def label_codes(self) -> Array:
        """Labels as places in `classes`."""
        return _coded(self.labels, self.classes)

    def numbers(self) -> tuple[Array, Array]:
        """Labels and predictions as numbers.

        Raises:
            ConfigurationError: they are none.
        """
        return _numbers(self.labels, "labels"), _numbers(self.predictions, "predictions")

    def positive_place(self) -> int:
        """Where the positive class stands among the classes.

        Raises:
            ConfigurationError: nobody said which one it is, and they are not 0 and 1.
        """
        if self.positive is not None:
            if self.positive not in self.classes:
                raise ConfigurationError(f"positive={self.positive!r} is none of the classes {_some(self.classes)}")
            return self.classes.index(self.positive)
        if set(self.classes) == {0, 1}:
            return self.classes.index(1)
        raise ConfigurationError(f"which class is positive? Name one of {_some(self.classes)} with positive=…")

    def probabilities(self) -> Array:
        """A row of probabilities for each sample, in the order of the classes, which sums to one.

        Raises:
            ConfigurationError: there are none, or they are far from summing to one.
        """
        if self.has_probabilities:
            found = self.predictions.astype(np.float64)
        else:
            _, score = self.positive_scores()
            found = np.stack([score, 1 - score] if self.positive_place() == 0 else [1 - score, score], axis=1)
        sums = found.sum(axis=1, keepdims=True)
        if found.min() < 0 or np.abs(sums - 1).max() > _SUM_TOLERANCE:
            raise ConfigurationError("predictions are no probabilities: a row has a negative one, or does not sum to 1")
        normalised: Array = found / sums
        return normalised

    def positive_scores(self) -> tuple[Array, Array]:
        """Whether each label is the positive class, and the score that it was given.

        Raises:
            ConfigurationError: there is no such class or score, or there are more than two classes.
        """
        place = self.positive_place()
        truth = self.label_codes() == place
        if self.has_probabilities:
            return truth, self.predictions[:, place].astype(np.float64)
        if len(self.classes) > 2:
            raise ConfigurationError(f"one score for each row is of two classes, not of {_some(self.classes)}")
        return truth, _numbers(self.predictions, "predictions")


def answers_of(labels: Sequence[Any], predicted: Any, *, classes: Sequence[Any] | None, positive: Any) -> Answers:
    """Put what `predict` gave beside the labels.

    Raises:
        ConfigurationError: a label is missing, there are not as many, or the classes are not known.
    """
    missing = sum(_is_missing(label) for label in labels)
    if missing:
        raise ConfigurationError(f"{missing} of {len(labels)} rows have no label")
    predictions = as_array(predicted)
    if predictions.ndim not in (1, 2) or len(predictions) != len(labels):
        raise ConfigurationError(
            f"predict gave {predictions.shape} for {len(labels)} rows: it gives one answer, or one row of "
            "probabilities, for each"
        )
    if predictions.ndim == 2 and predictions.shape[1] == 1:
        predictions = predictions[:, 0]
    if predictions.ndim == 2 and predictions.dtype.kind not in "fiub":
        raise ConfigurationError("predict gave rows of what are no numbers: an answer is one class or one number")
    if strange := _not_finite(predictions):
        raise ConfigurationError(f"predict gave NaN or infinity for {strange} of {len(labels)} rows")
    truth = as_array(labels)
    if truth.ndim != 1:
        raise ConfigurationError("a label is one class or one number, not a list of them")
    return Answers(truth, predictions, _classes(truth, predictions, classes, positive), positive)


def as_array(values: Any) -> Array:
    """Anything that holds values as an array: of numbers where all are, else of objects."""
    if hasattr(values, "detach"):  # a torch tensor; bfloat16 has no NumPy type
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    found = np.asarray(values) if isinstance(values, np.ndarray | np.generic) else _of_sequence(values)
    if found.dtype.kind in "biuf":
        return found
    return found.astype(object)


def _of_sequence(values: Any) -> Array:
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"a {type(values).__name__} has no value for each row")
    items = values.tolist() if hasattr(values, "tolist") else list(values)
    kinds = {type(item) for item in items}
    if (kinds and kinds <= {int, float}) or kinds == {bool}:
        try:
            return np.array(items)
        except OverflowError:
            return _objects(items)
    if kinds and all(issubclass(kind, list | tuple | np.ndarray) or hasattr(kind, "detach") for kind in kinds):
        rows = [as_array(item) for item in items]
        if len({row.shape for row in rows}) > 1:
            raise ConfigurationError("predict gave rows of different lengths")
        return np.stack(rows)
    if kinds and all(hasattr(kind, "item") for kind in kinds):  # NumPy and torch scalars
        return _of_sequence([item.item() for item in items])
    return _objects(items)


def _objects(items: Iterable[Any]) -> Array:
    """An array of just these objects: NumPy would make one of another shape out of lists, and cut text."""
    listed = list(items)
    found = np.empty(len(listed), dtype=object)
    for place, item in enumerate(listed):
        found[place] = item
    return found


def _classes(labels: Array, predictions: Array, given: Sequence[Any] | None, positive: Any) -> tuple[Any, ...]:
    try:
        known = set(labels.tolist()) | (set() if positive is None else {positive})
        answered = set() if predictions.ndim == 2 or predictions.dtype.kind == "f" else set(predictions.tolist())
    except TypeError as error:
        raise ConfigurationError(f"a label or a prediction can be no class: {error}") from error
    if given is not None:
        return _given(given, predictions)
    if predictions.ndim == 2:
        return _of_columns(known, predictions.shape[1])
    if answered and {type(each) for each in known}.isdisjoint(map(type, answered)) and not known & answered:
        raise ConfigurationError(
            f"no prediction is any label: labels are {_some(_sorted(known))}, predictions {_some(_sorted(answered))}"
        )
    return (0, 1) if known | answered <= {0, 1} else _sorted(known | answered)


def _given(classes: Sequence[Any], predictions: Array) -> tuple[Any, ...]:
    if len(set(classes)) < len(classes) or len(classes) < 2:
        raise ConfigurationError(f"classes are two at least, each once: {_some(tuple(classes))}")
    if predictions.ndim == 2 and predictions.shape[1] != len(classes):
        raise ConfigurationError(f"predict gave {predictions.shape[1]} scores for each row, of {len(classes)} classes")
    return tuple(classes)


def _of_columns(known: set[Any], width: int) -> tuple[Any, ...]:
    """The classes that columns of probabilities are of: numbers from 0, or the sorted labels, as in scikit-learn."""
    if known <= set(range(width)):
        return tuple(range(width))
    if len(known) == width:
        return _sorted(known)
    raise ConfigurationError(
        f"predict gave {width} scores for each row, and the labels are of {len(known)} classes: name all classes, in "
        "the order of the scores, with classes=[…]"
    )


def _sorted(classes: Iterable[Any]) -> tuple[Any, ...]:
    """Numbers by value, then anything else by its type and text."""
    return tuple(
        sorted(
            classes,
            key=lambda each: (
                (0, each, "", "") if isinstance(each, int | float) else (1, 0, type(each).__name__, str(each))
            ),
        )
    )


def _coded(values: Array, classes: Sequence[Any]) -> Array:
    places = {each: place for place, each in enumerate(classes)}
    try:
        return np.fromiter((places[value] for value in values.tolist()), dtype=np.int64, count=len(values))
    except KeyError as error:
        raise ConfigurationError(f"{error.args[0]!r} is none of the classes {_some(classes)}") from error


def _numbers(values: Array, what: str) -> Array:
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise ConfigurationError(f"the {what} are no numbers, one for each row")
    if strange := _not_finite(values):
        raise ConfigurationError(f"{strange} of the {what} are infinite")
    return values.astype(np.float64)


def _not_finite(values: Array) -> int:
    """How many samples have NaN or infinity, or a row with one."""
    if values.dtype.kind == "O":
        return sum(isinstance(value, float) and value - value != 0 for value in values.tolist())
    if values.dtype.kind != "f":
        return 0
    return int((~np.isfinite(values)).reshape(len(values), -1).any(axis=1).sum())


def _is_missing(label: Any) -> bool:
    return label is None or (isinstance(label, float) and label != label)


def _some(classes: Sequence[Any]) -> str:
    shown = ", ".join(repr(each)[:40] for each in classes[:_SHOWN])
    return f"{shown} … ({len(classes)} in all)" if len(classes) > _SHOWN else shown
