"""What a package says of evaluations."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from cognify_core import api
from cognify_core.model.evaluation_facts import EvaluationFacts
from cognify_core.model.events import EvaluationSeen, parse_event


class Recorded(NamedTuple):
    """One evaluation on record."""

    body: EvaluationSeen
    facts: EvaluationFacts
    setup: Any
    """How it was made, out of its manifest."""
    inputs: tuple[str, ...]
    """The nodes that it came from."""


def package(run_id: str | None = None) -> Any:
    """The JSON package of a run, which verifies."""
    exported = api.export_audit(run_id)
    assert api.verify(exported).exit_code == 0
    return json.loads(exported.path.read_text())


def recorded(run_id: str | None = None) -> dict[str, Recorded]:
    """The evaluations of a run and its addenda, by name."""
    held = package(run_id)
    found: dict[str, Recorded] = {}
    for part in (held, *held["addenda"]):
        for text in part["record"]["events"]:
            if isinstance(body := parse_event(text.encode()).body, EvaluationSeen):
                inputs = tuple(sorted(edge["from"] for edge in part["edges"] if edge["to"] == body.id))
                manifest = json.loads(part["manifests"][str(body.hash)])
                setup = manifest["config"].get("setup")
                found[body.name] = Recorded(body, EvaluationFacts.of(body.facts), setup, inputs)
    return found
