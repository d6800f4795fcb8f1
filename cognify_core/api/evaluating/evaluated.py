"""One evaluation that was made or told, before it is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cognify_core.model.evaluation_facts import EvaluationFacts


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What is recorded of one evaluation."""

    name: str
    facts: EvaluationFacts
    rows: Any = None
    """The evaluation set: anything that records can hash; None where nobody has it."""
    samples: Iterable[Mapping[str, Any]] | None = None
    """What is to be kept of each sample: JSON values."""
    setup: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: what somebody needs who wants to make it again."""

    @property
    def results(self) -> dict[str, float]:
        """The value of each metric; NaN where it is not defined."""
        return {name: float("nan") if value is None else value for name, value in self.facts.results.items()}
