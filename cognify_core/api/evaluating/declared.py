"""Results that somebody tells: numbers, numbers with what is known of them, or what a harness gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.api.evaluating.harnesses import evaluators
from cognify_core.errors import ConfigurationError
from cognify_core.model.evaluation_facts import EvaluationFacts, Interval, Measured

_KNOWN = ("value", "n", "low", "high", "level", "method", "stderr", "direction", "definition")
_OF_INTERVALS = ("low", "high", "level", "method")


def declared(results: Mapping[str, Any], name: str | None, said: Mapping[str, Any]) -> list[Evaluated]:
    """Evaluations that somebody else made, and whatever is `said` of them.

    Raises:
        ConfigurationError: there is no result, or one is no number; there is no name for them.
    """
    if isinstance(results.get("results"), Mapping):
        for harness in evaluators().values():
            if (found := harness.read(results)) is not None:
                return [_told(each, name, said, alone=len(found) == 1) for each in found]
    if name is None:
        raise ConfigurationError('what is this evaluation called? cognify.eval(results={…}, name="…")')
    if not results:
        raise ConfigurationError(f"the evaluation {name!r} has no result")
    metrics = tuple(_measured(str(key), value) for key, value in results.items())
    return [_told(Evaluated(name, EvaluationFacts(metrics=metrics)), name, said, alone=True)]


def _told(evaluated: Evaluated, name: str | None, said: Mapping[str, Any], *, alone: bool) -> Evaluated:
    called = evaluated.name if name is None else name if alone else f"{name}_{evaluated.name}"
    facts = evaluated.facts.model_copy(update={"how": "declared", "said": {**evaluated.facts.said, **said}})
    return replace(evaluated, name=called, facts=facts)


def _measured(key: str, told: Any) -> Measured:
    if not isinstance(told, Mapping):
        return Measured(name=key, value=_number(key, told))
    strange = [each for each in told if each not in _KNOWN]
    if strange or "value" not in told:
        wrong = f", not {strange[0]!r}" if strange else ", and the value is missing"
        raise ConfigurationError(f"of the result {key!r} can be told {', '.join(_KNOWN)}{wrong}")
    rest = {each: value for each, value in told.items() if each not in (*_OF_INTERVALS, "value")}
    try:
        return Measured(name=key, value=_number(key, told["value"]), interval=_interval(key, told), **rest)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"the result {key!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _interval(key: str, told: Mapping[str, Any]) -> Interval | None:
    given = {each: told[each] for each in _OF_INTERVALS if each in told}
    if not given:
        return None
    if "low" not in given or "high" not in given:
        raise ConfigurationError(f"the interval of the result {key!r} has both ends: low and high")
    return Interval(**{"method": "as declared", **given})


def _number(key: str, value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ConfigurationError(f"the result {key!r} is too large for a double") from None
    except (TypeError, ValueError) as error:
        shown = repr(value[:80]) if isinstance(value, str) else f"a {type(value).__name__}"
        raise ConfigurationError(f"the result {key!r} is no number: {shown}") from error
