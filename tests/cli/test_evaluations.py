"""`cognify eval`: results of others, from a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import cognify, json_of
from tests.cli.test_runs import sealed


def results(folder: Path, text: str) -> Path:
    path = folder / "results.json"
    path.write_text(text)
    return path


def test_results_of_others_go_into_an_addendum_as_declared(mine: Path) -> None:
    path = results(mine, '{"f1": {"value": 0.5, "low": 0.4, "high": 0.6}, "loss": 2}')
    words = ["--name", "study", "--objective", "annex_iv/2(g)", "--fact", "by=A laboratory", "--run", sealed(mine)]
    said = json_of(mine, "eval", path, *words)
    assert said["evaluations"] == {"study": ["f1", "loss"]}
    (addendum,) = json.loads(Path(said["path"]).read_text("utf-8"))["addenda"]
    (node,) = addendum["nodes"]
    assert (node["type"], node["id"], node["assurance"]) == ("evaluation", "eval_study", "declared")
    assert cognify(mine, "verify", said["path"]).exit_code == 0


def test_what_was_recorded_is_said(mine: Path) -> None:
    result = cognify(mine, "eval", results(mine, '{"f1": 0.5}'), "--name", "study", "--run", sealed(mine))
    assert result.exit_code == 0
    assert "study: f1 0.5" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"f1": "high"}', "'f1' is no number"),
        ("[0.5]", "holds no results by name"),
        ("f1 0.5", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("{}", "has no result"),
    ],
)
def test_files_that_hold_no_results_are_refused(mine: Path, text: str, message: str) -> None:
    result = cognify(mine, "eval", results(mine, text), "--name", "study", "--run", sealed(mine))
    assert result.exit_code != 0
    assert message in " ".join(result.stderr.split())
