"""Who runs evaluations on tasks: entry points, so that the core knows none of their frameworks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Protocol

from cognify_core.api.evaluating.evaluated import Evaluated
from cognify_core.errors import ConfigurationError

GROUP = "cognify.evaluators"
"""Entry points: each is an `Evaluator`, known by its name. None imports its framework before it is used."""


class Evaluator(Protocol):
    """A harness that evaluates models on tasks."""

    def run(self, model: Any, tasks: Sequence[Any], options: Mapping[str, Any]) -> list[Evaluated]:
        """Evaluate; one evaluation for each task, and for each group of tasks that has results of its own.

        Raises:
            ConfigurationError: it does not take this model, task or option; or its library is not installed.
            Exception: whatever the model or the harness raises.
        """

    def read(self, results: Mapping[str, Any]) -> list[Evaluated] | None:
        """The evaluations in results that it gave to somebody else; None where these are not its own."""


def evaluators() -> dict[str, Evaluator]:
    """The harnesses that are known here, by name."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}


def evaluator(wanted: str | None) -> Evaluator:
    """The harness of that name; the only one where none is named.

    Raises:
        ConfigurationError: there is no such harness, or there are several.
    """
    known = evaluators()
    if wanted is None and len(known) == 1:
        return next(iter(known.values()))
    if wanted not in known:
        told = ", ".join(sorted(known)) or "none: its entry point is missing, install cognify-audit again"
        raise ConfigurationError(f"which harness runs the tasks? harness=… is one of: {told}")
    return known[wanted]
