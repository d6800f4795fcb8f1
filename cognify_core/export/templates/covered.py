"""The laws whose rows are counted, how each row is cited, and how far its answer goes.

The rows and their answers are those that the documents print: nothing is answered a second time here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cognify_core.export.document.blocks import RowStatus
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates import eu_ai_act, hipaa
from cognify_core.export.templates.eu_ai_act.annex_iv import ANNEX_IV
from cognify_core.export.templates.eu_ai_act.law import LAW as AI_ACT
from cognify_core.export.templates.hipaa.citations import CITATIONS
from cognify_core.export.templates.hipaa.law import LAW as CFR
from cognify_core.export.templates.points import Point
from cognify_core.export.templates.rows import answer_all
from cognify_core.export.templates.template import Answer, Template


class State(StrEnum):
    """How far a row is answered."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """There is an answer, and something is missing beside it."""
    MISSING = "missing"
    NOT_APPLICABLE = "not applicable"
    """A named person says why."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A law, as far as a template goes through it point by point."""

    template: Template
    title: str
    law: str
    """With its version."""
    cites: str
    """How a point is cited, with `{}` where it stands."""
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """The template's."""
        return self.template.name

    def cite(self, point: Point) -> str:
        """As in `Annex IV, point 1(a)` or `45 CFR 164.312(b), standard`."""
        return self.cites.format(point.ref) + (f", {point.kind}" if point.kind else "")

    def answers(self, dossier: Dossier) -> tuple[Answer, ...]:
        """The answer to each point, as the template's documents print it.

        Raises:
            ConfigurationError: the record's snapshot of the profile has another form.
        """
        return answer_all(dossier, self.points)


COVERED: tuple[Covered, ...] = (
    Covered(eu_ai_act.TEMPLATE, "EU AI Act, Annex IV", AI_ACT, "Art. 11(1), Annex IV, point {}", ANNEX_IV),
    Covered(hipaa.TEMPLATE, "HIPAA", CFR, "45 CFR {}", CITATIONS),
)


def covered(name: str) -> Covered:
    """The law of a template.

    Raises:
        KeyError: it has none here.
    """
    return {each.name: each for each in COVERED}[name]


def state_of(answer: Answer) -> State:
    """How far an answer goes."""
    match answer.status:
        case RowStatus.GAP:
            return State.MISSING
        case RowStatus.NOT_APPLICABLE:
            return State.NOT_APPLICABLE
        case _:
            return State.PARTIAL if answer.missing else State.COMPLETE


def tally(states: Iterable[State]) -> dict[State, int]:
    """How many rows are answered how far."""
    every = list(states)
    return {state: every.count(state) for state in State}
