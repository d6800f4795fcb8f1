"""`cognify eval`: what others found of a run's model. What is computed here is computed in Python (`cognify.eval`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cognify_core.cli.console import tell
from cognify_core.cli.options import AsJson, RunOption, pairs
from cognify_core.cli.statements import finish
from cognify_core.errors import ConfigurationError

if TYPE_CHECKING:
    from cognify_core.canonical import Json

_TAKEN = frozenset(
    ("what", "data", "results", "tasks", "name", "step", "of", "dataset", "objective", "rationale", "overlap", "run_id")
)
"""What `cognify.eval` calls its own arguments."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(eval)


def eval(  # noqa: A001 - the command's name
    results: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON: the value of each metric, or what the lm-evaluation-harness wrote.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What the evaluation is called.")] = None,
    of: Annotated[str | None, typer.Option(metavar="NODE", help="The node whose weights were evaluated.")] = None,
    dataset: Annotated[Path | None, typer.Option(help="The rows that it was made on; they are hashed.")] = None,
    objective: Annotated[str | None, typer.Option(help="The compliance objective that it serves.")] = None,
    rationale: Annotated[str | None, typer.Option(help="Why these metrics are appropriate.")] = None,
    said: Annotated[list[str] | None, typer.Option("--fact", metavar="KEY=VALUE", help="What else is known.")] = None,
    run: RunOption = "last",
    as_json: AsJson = False,
) -> None:
    """Record what others found of a run's model, as declared."""
    from cognify_core import api

    rest: dict[str, Any] = {**pairs(said or (), "--fact", _TAKEN)}
    found = api.eval(
        results=_read(results),
        name=name,
        of=of,
        dataset=dataset,
        objective=objective,
        rationale=rationale,
        run_id=run,
        **rest,
    )
    if not as_json:
        for called, facts in found.items():
            tell(f"{called}: {', '.join(f'{metric} {value}' for metric, value in facts.results.items())}")
    told: dict[str, Json] = {called: [*facts.results] for called, facts in found.items()}
    finish(run, {"evaluations": told}, as_json)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} holds no results by name: it is no JSON object")
    return found
