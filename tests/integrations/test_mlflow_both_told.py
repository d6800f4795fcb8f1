"""A training that is told both to MLflow and to us: one record, in which what each was told stands once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cognify_core.model.events import Metrics
from cognify_core.model.numbers import plain_number
from cognify_core.model.record import Status

pytest.importorskip("mlflow")
pytest.importorskip("transformers")

from tests.integrations import scripted
from tests.integrations.mlflow_program import Done, Recorded, environment, run_script
from tests.integrations.test_mlflow_frameworks import assert_one_run_with_both_ids

pytestmark = [pytest.mark.slow, pytest.mark.training]

ROOT = str(Path(__file__).parents[2])
TRAIN = """
from pathlib import Path
from tests.integrations import tiny
{imports}
trainer = tiny.trainer(Path("out"), callbacks=[{callback}], report_to="mlflow")
trainer.train()
"""
OURS = {"imports": "from cognify_integrations.huggingface import CognifyCallback", "callback": "CognifyCallback()"}
NONE = {"imports": "", "callback": ""}
OTHER_VALUES = """
import cognify, mlflow
with cognify.run() as run, mlflow.start_run():
    for step in range(3):
        run.log({"loss": 0.5, "epoch": 1}, step=step)
        mlflow.log_metrics({"loss": 0.5 + step, "epoch": 1, "f1": 0.9}, step=step)
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A real training with the Trainer's own MLflow callback and ours."""
    return run_script(tmp_path_factory.mktemp("both"), TRAIN.format(**OURS), PYTHONPATH=ROOT, PYTHONWARNINGS="ignore")


def told(run: Recorded, tracker: str | None) -> list[tuple[int, str, float]]:
    """The points that a record has from one side."""
    return [
        (step, name, plain_number(value))
        for body in run.bodies
        if isinstance(body, Metrics) and body.tracker == tracker
        for step, name, value in body.points
    ]


def shown(done: Done) -> dict[str, Any]:
    """The metrics that `cognify show` tells of the last run."""
    command = [*scripted.COGNIFY[:-1], "show", "last", "--json"]
    found = subprocess.run(command, env=environment(done.folder), capture_output=True, text=True, check=True)
    metrics: dict[str, Any] = json.loads(found.stdout)["metrics"]
    return metrics


def lines_of_the_start(said: str) -> list[str]:
    return [line for line in said.splitlines() if "recording to" in line]


def test_the_trainers_mlflow_callback_and_ours_are_one_run(both: Done) -> None:
    """MLflow's comes first at both ends: it ends its run before ours has seen the final weights."""
    assert_one_run_with_both_ids(both)


def test_each_side_has_its_points_once(both: Done) -> None:
    assert both.run.row.status is Status.AUDIT_SEALED
    ours = told(both.run, None)
    assert sum(name == "loss" for _, name, _ in ours) == 6
    assert sorted(told(both.run, "mlflow")) == sorted(ours)


def test_what_both_were_told_is_shown_once(both: Done) -> None:
    metrics = shown(both)
    assert metrics["loss"]["points"] == 6
    assert not [name for name in metrics if "mlflow" in name]


def test_that_a_run_is_recorded_is_said_once_and_so_is_what_cannot_be_seen(both: Done) -> None:
    assert len(lines_of_the_start(both.err)) == 1
    assert both.err.count("cannot see: ") == 1


def test_an_evaluation_after_the_training_is_another_run_of_mlflows_and_an_addendum_of_ours(tmp_path: Path) -> None:
    program = TRAIN.format(**OURS) + "trainer.evaluate()\n"
    done = run_script(tmp_path, program, PYTHONPATH=ROOT, PYTHONWARNINGS="ignore")
    training, evaluation = (run for run in done.runs if run.row.amends is None)
    assert [run.row.status for run in (training, evaluation)] == [Status.AUDIT_SEALED] * 2
    assert {name for _, name, _ in told(evaluation, "mlflow")} >= {"eval_loss"}
    (addendum,) = done.store.addenda(training.row.run_id)
    assert "evaluation" in {body.kind for body in Recorded(done.store, addendum, done.home).bodies}


def test_what_mlflow_was_told_otherwise_shows(tmp_path: Path) -> None:
    done = run_script(tmp_path, OTHER_VALUES)
    assert [value for _, name, value in told(done.run, None) if name == "loss"] == [0.5, 0.5, 0.5]
    assert [value for _, name, value in told(done.run, "mlflow") if name == "loss"] == [0.5, 1.5, 2.5]
    metrics = shown(done)
    assert metrics.keys() == {"loss", "loss (mlflow)", "epoch", "f1"}
    assert metrics["loss (mlflow)"]["greatest"] == 2.5
    assert len(lines_of_the_start(done.err)) == 1


def test_a_script_that_reports_to_mlflow_is_one_run_under_cognify_run(tmp_path: Path) -> None:
    ran = scripted.run(tmp_path / "ran", "-c", TRAIN.format(**NONE), recorded=True, PYTHONWARNINGS="ignore")
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    assert package["complete"], package["reasons"]
    assert len(lines_of_the_start(ran.stderr)) == 1
    said = [event for event in map(json.loads, package["record"]["events"]) if event["kind"] == "metrics"]
    points = {
        tracker: [point for event in said if event.get("tracker") == tracker for point in event["points"]]
        for tracker in (None, "mlflow")
    }
    assert sum(name == "loss" for _, name, _ in points[None]) == 6
    assert sorted(map(str, points["mlflow"])) == sorted(map(str, points[None]))
