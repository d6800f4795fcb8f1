"""What the facts of an evaluation say (`docs/formats.md`, Evaluations): one form, for all who write or read them.

`EvaluationFacts.of(body.facts)` reads those of any evaluation and never raises: facts in another form (an integration's
own) have the source `observed`, and facts that claim this form and do not have it say so in `problem`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cognify_core.canonical import Json
from cognify_core.model.digest import Digest
from cognify_core.model.plain import readable

FORM = "cognify.evaluation/v1"
Direction: TypeAlias = Literal["higher", "lower"]
Scalar: TypeAlias = bool | int | float | str | None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=True)


class Interval(_Part):
    """A confidence interval, and how it was found."""

    low: float
    high: float
    level: float = 0.95
    method: str
    """`bootstrap, percentile` · `normal, from the standard error` · what the person says who declares it."""
    resamples: int | None = None
    seed: int | None = None
    left_out: int = 0
    """Resamples for which the metric is not defined, as a ROC curve of one class is not."""
    degenerate: bool = False
    """No resample differed from the others: the width of 0 says nothing of how sure the value is."""


class Measured(_Part):
    """One metric."""

    name: str
    value: float | None = None
    """None where it is not defined; `reason` says why."""
    n: int | None = None
    """How many samples it is of."""
    direction: Direction | None = None
    """Which values are better; none where nobody said."""
    definition: str | None = None
    interval: Interval | None = None
    stderr: float | None = None
    reason: str | None = None
    """Why there is no value, or no interval."""


class Slice(_Part):
    """One group of the samples."""

    by: str
    """The column, or what the user calls the grouping."""
    value: Scalar = None
    n: int
    small: bool = False
    """Fewer samples than the evaluation says it takes to compare groups."""
    metrics: tuple[Measured, ...] = ()


class Samples(_Part):
    """What was said of each sample: a file of JSON lines that is kept beside the store."""

    digest: Digest | None = None
    """`cognify.rows/v1`."""
    rows: int
    location: str | None = None
    reason: str | None = None


class Harness(_Part):
    """What ran the evaluation."""

    name: str
    version: str | None = None
    task: str | None = None
    task_version: str | None = None
    task_config: Digest | None = None
    """`cognify.config/v1`."""
    prompt_template: Digest | None = None
    """`cognify.config/v1`, of what makes the prompt out of a document."""
    fewshot: int | None = None
    limit: float | None = None
    """Not all documents were evaluated, where this is given."""
    documents: int | None = None
    """How many there are in all."""
    model: str | None = None
    model_args: dict[str, Any] = Field(default_factory=dict)
    seeds: dict[str, int | None] = Field(default_factory=dict)
    subtasks: tuple[str, ...] = ()


class OverlapOfColumn(_Part):
    """A column of the evaluation texts, compared with one of training texts."""

    column: str
    trained: str
    """The column of the training texts."""
    dataset: str
    """The name of the training dataset."""
    eval_texts: int
    train_texts: int
    exact: int
    """Evaluation texts that are, normalised, also training texts."""
    long_texts: int
    """Evaluation texts of at least n words; shorter ones have no n-gram."""
    overlapping: int
    """Those of them of which at least one n-gram stands in a training text."""
    ngrams: int
    """Different n-grams of the evaluation texts."""
    ngrams_found: int
    cut: int = 0
    """Texts of which only the first part was looked at."""
    left_out: int = 0
    """Evaluation texts whose n-grams did not fit into the memory that is allowed."""

    @property
    def share(self) -> float | None:
        """Of the evaluation texts that have n-grams, the part that overlaps; none where no text has any."""
        return self.overlapping / self.long_texts if self.long_texts else None


class Overlap(_Part):
    """Whether evaluation texts stand in the training data. `not comparable` is no statement that they do not."""

    status: Literal["compared", "partly compared", "not comparable", "not asked"]
    reason: str | None = None
    normalisation: str | None = None
    n: int | None = None
    columns: tuple[OverlapOfColumn, ...] = ()
    not_compared: tuple[str, ...] = ()
    """Training datasets that were not looked at, each with the reason."""


class EvaluationFacts(_Part):
    """The facts of one evaluation."""

    form: str | None = None
    how: Literal["computed", "declared", "observed"] = "observed"
    """`computed` by Cognify in this process, out of predictions that it saw; `declared` by a person; `observed` as the
    training framework reported it."""
    metrics: tuple[Measured, ...] = ()
    slices: tuple[Slice, ...] = ()
    samples: Samples | None = None
    harness: Harness | None = None
    overlap: Overlap | None = None
    objective: str | None = None
    """The compliance objective that it serves, as in `annex_iv/2(g)`."""
    rationale: str | None = None
    """Why these metrics are appropriate (AI Act, Annex IV(4))."""
    label: str | None = None
    model: str | None = None
    """The id of the node whose weights were evaluated, where a person or a default named it."""
    said: dict[str, Any] = Field(default_factory=dict)
    """Whatever else was said of it."""
    problem: str | None = None
    """Why these facts could not be read."""

    @property
    def results(self) -> dict[str, float | None]:
        """The value of each metric."""
        return {metric.name: metric.value for metric in self.metrics}

    @classmethod
    def of(cls, facts: Mapping[str, Json]) -> Self:
        """Read the facts of an evaluation."""
        if facts.get("form") != FORM:
            return cls()
        try:
            return cls.model_validate(readable(dict(facts)))
        except (ValidationError, ValueError, TypeError, LookupError) as error:
            return cls(problem=f"the facts do not read as {FORM}: {str(error)[:200]}")

    def to_facts(self) -> dict[str, Any]:
        """The same as a mapping without what is not said, for an event to hold."""
        return {**self.model_dump(exclude_defaults=True), "form": FORM, "how": self.how}
