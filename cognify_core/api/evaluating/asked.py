"""What `cognify.eval` was asked for: which evaluations are to be made or told, and of which run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from cognify_core.api.evaluating.declared import declared
from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.api.evaluating.harnesses import evaluator
from cognify_core.api.saying import text_of
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import EvaluationFacts

if TYPE_CHECKING:
    from cognify_core.api.session import Session

_FORMS = (
    'cognify.eval(predict, data, label="…", metrics=["accuracy"]), cognify.eval(model, tasks=["…"]) or '
    'cognify.eval(results={"accuracy": 0.9}, name="…")'
)


@dataclass(frozen=True, kw_only=True)
class About:
    """What is said of an evaluation, whoever made it."""

    name: str | None = None
    step: int | None = None
    of: str | None = None
    """The node whose weights were evaluated."""
    dataset: Any = None
    objective: str | None = None
    rationale: str | None = None
    overlap: bool | Mapping[str, str] | None = None
    """Whether to compare with the training texts, or by which columns; None: where it was evaluated here."""
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The arguments of `cognify.eval` that say what is evaluated, and how."""

    what: Any = None
    data: Any = None
    results: Mapping[str, Any] | None = None
    tasks: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def form(self) -> str:
        """`declared`, `tasks` or `rows`.

        Raises:
            ConfigurationError: these arguments do not go together.
        """
        given = [
            form
            for form, value in (("declared", self.results), ("tasks", self.tasks), ("rows", self.data))
            if value is not None
        ]
        if len(given) != 1 or (self.what is None) != (given == ["declared"]):
            raise ConfigurationError(f"what is to be evaluated? {_FORMS}")
        return given[0]


def evaluate(session: Session, asked: Asked, about: About) -> dict[str, EvaluationFacts]:
    """Evaluate and record; return what was found, by the name of each evaluation.

    Raises:
        ConfigurationError: what was asked for cannot be done.
        RunNotFoundError, RunStateError: there is no run to say it of.
        Exception: whatever the model raises.
    """
    from cognify_core.api.evaluating.recording import check_place, record

    if asked.results is None and asked.data is None and asked.tasks is None and isinstance(asked.what, Mapping):
        asked = replace(asked, what=None, results=asked.what)
    form = asked.form()
    if about.name is not None:
        text_of("the name of an evaluation", about.name)
    if session.speaks:  # before hours of work, not after
        check_place(session, about)
    found = _made(session, form, asked, about)
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two of these evaluations have one name: {', '.join(sorted(names))}")
    if not session.speaks:
        return {each.name: each.facts for each in found}
    return {each.name: record(session, each, about) for each in found}


def _made(session: Session, form: str, asked: Asked, about: About) -> list[Evaluated]:
    match form:
        case "declared":
            if not isinstance(asked.results, Mapping):
                raise ConfigurationError(
                    f"results are names and numbers, as in {{'f1': 0.9}}, and no {_kind(asked.results)}"
                )
            return declared(asked.results, about.name, asked.options)
        case "tasks":
            listed = asked.tasks if isinstance(asked.tasks, list | tuple) else [asked.tasks]
            return _by_harness(asked.what, listed, about, asked.options)
        case _:
            return [_of_rows(session, asked, about)]


def _of_rows(session: Session, asked: Asked, about: About) -> Evaluated:
    if not callable(asked.what):
        raise ConfigurationError(f"a {_kind(asked.what)} cannot be called: give what predicts, as in model.predict")
    try:
        from cognify_core.api.evaluating.predictions import HowToEvaluate, evaluate_rows
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"evaluating needs NumPy: pip install 'cognify-audit[eval]' ({error})") from error
    known = sorted(each.name for each in fields(HowToEvaluate))
    if strange := [name for name in asked.options if name not in known]:
        raise ConfigurationError(f"{strange[0]!r} is no option of an evaluation; there are {', '.join(known)}")
    how = HowToEvaluate(**asked.options)
    return evaluate_rows(asked.what, asked.data, how, name=about.name or "evaluation", quiet=session.settings.quiet)


def _by_harness(model: Any, tasks: Sequence[Any], about: About, options: Mapping[str, Any]) -> list[Evaluated]:
    rest = dict(options)
    found = evaluator(rest.pop("harness", None)).run(model, tasks, rest)
    if about.name is None:
        return found
    return [replace(each, name=about.name if len(found) == 1 else f"{about.name}_{each.name}") for each in found]


def _kind(value: object) -> str:
    return type(value).__name__
