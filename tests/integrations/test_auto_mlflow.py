"""Under `cognify run`, a script that never asked for us goes on writing to MLflow runs that have ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.model.events import Metrics, Phase, parse_event
from cognify_core.model.record import Status
from cognify_core.store.sql import open_store

pytest.importorskip("mlflow")

from tests.integrations.mlflow_program import Recorded, database
from tests.integrations.scripted import COGNIFY, Ran, both, run

pytestmark = pytest.mark.slow

LATE = """
import mlflow, sys
uri = sys.argv[1] if len(sys.argv) > 1 else None
client = mlflow.MlflowClient(uri)
if uri is None:
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_metric("loss", 0.5)
else:
    run = client.create_run("0")
    client.log_metric(run.info.run_id, "loss", 0.5)
    client.set_terminated(run.info.run_id)
run_id = run.info.run_id
client.log_metric(run_id, "late", 0.25, step=3)
client.log_param(run_id, "judge", "ada")
client.set_tag(run_id, "verdict", "good")
client.update_run(run_id, name="renamed")
client.delete_run(run_id)
left = client.get_run(run_id)
print(left.info.status, left.info.lifecycle_stage, left.info.run_name, left.data.metrics, left.data.params)
try:
    client.log_metric(run_id, "too late", 1.0)
except mlflow.exceptions.MlflowException as error:
    print("MLflow:", error.error_code)
raise SystemExit(3)
"""


def script(folder: Path, code: str) -> Path:
    path = folder / "script.py"
    path.write_text(code)
    return path


def recorded(ran: Ran) -> list[Recorded]:
    store = open_store(ran.home / "cognify.db")
    return [Recorded(store, row, ran.home) for row in reversed(store.runs())]


def added(run: Recorded) -> tuple[set[str], set[str]]:
    """What the addenda of a run say: names of metrics, and of phases."""
    bodies = [
        parse_event(event).body
        for addendum in run.store.addenda(run.row.run_id)
        for event in run.store.events(addendum.run_id)
    ]
    points = {name for body in bodies if isinstance(body, Metrics) for _, name, _ in body.points}
    return points, {body.phase for body in bodies if isinstance(body, Phase)}


def verified(ran: Ran, run_id: str) -> dict[str, object]:
    """What `cognify verify --json` says of a run."""
    words = [*COGNIFY[:-1], "verify", run_id, "--json"]
    where = {"PATH": "/usr/bin:/bin", "COGNIFY_HOME": str(ran.home), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, env=where, capture_output=True, text=True, timeout=120, check=True)
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("uri", [None, "sqlite:///mlflow.db"], ids=["the default store", "a client's own"])
def test_what_is_written_and_deleted_after_the_end_goes_through_and_into_an_addendum(
    tmp_path: Path, uri: str | None
) -> None:
    bare, seen = both(tmp_path, script(tmp_path, LATE), *([uri] if uri else []))
    assert bare.stdout.splitlines() == [
        "FINISHED deleted renamed {'loss': 0.5, 'late': 0.25} {'judge': 'ada'}",
        "MLflow: INVALID_PARAMETER_VALUE",
    ]
    assert (seen.code, seen.stdout) == (bare.code, bare.stdout) == (3, bare.stdout)
    for ran in (bare, seen):
        assert database(ran.folder, "SELECT value FROM metrics WHERE key = 'late'") == [(0.25,)]
        assert database(ran.folder, "SELECT value FROM tags WHERE key = 'verdict'") == [("good",)]
        assert database(ran.folder, "SELECT lifecycle_stage FROM runs") == [("deleted",)]
    (ours,) = recorded(seen)
    assert ours.row.status is Status.AUDIT_SEALED
    assert "late" not in ours.points
    points, phases = added(ours)
    assert points == {"late"}
    assert {"mlflow.params", "mlflow.tags", "mlflow.run_info", "mlflow.run_deleted"} <= phases
    assert all(each.status is Status.AUDIT_SEALED for each in ours.store.addenda(ours.row.run_id))
    assert verified(seen, ours.row.run_id)["exit_code"] == 0


def test_a_run_that_goes_on_after_its_end_ends_as_it_does_without_us(tmp_path: Path) -> None:
    code = """
import mlflow
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
with mlflow.start_run(run_id=run.info.run_id):
    mlflow.log_metric("again", 1.0)
print(mlflow.get_run(run.info.run_id).data.metrics)
"""
    bare, seen = both(tmp_path, script(tmp_path, code))
    assert (seen.code, seen.stdout) == (bare.code, bare.stdout) == (0, "{'loss': 0.5, 'again': 1.0}\n")
    (ours,) = recorded(seen)
    assert ours.row.status is Status.AUDIT_SEALED
    assert added(ours)[0] == {"again"}


def test_another_process_writes_to_a_sealed_run_and_an_addendum_says_so(tmp_path: Path) -> None:
    code = f"""
import subprocess, sys
begin = "import mlflow\\nwith mlflow.start_run() as run: print(run.info.run_id)"
began = subprocess.run([{sys.executable!r}, "-c", begin], capture_output=True, text=True, check=True)
run_id = began.stdout.split()[-1]
late = f"import mlflow; mlflow.MlflowClient().log_metric({{run_id!r}}, 'late', 0.25)"
subprocess.run([{sys.executable!r}, "-c", late], check=True)
"""
    seen = run(tmp_path / "seen", script(tmp_path, code), recorded=True)
    assert seen.code == 0, seen.stderr
    assert database(seen.folder, "SELECT value FROM metrics") == [(0.25,)]
    (ours,) = recorded(seen)
    assert added(ours)[0] == {"late"}


def test_what_no_addendum_takes_is_warned_about_once(tmp_path: Path) -> None:
    code = """
import mlflow
run = mlflow.start_run()
mlflow.end_run("FAILED")
for step in range(5):
    mlflow.MlflowClient().log_metric(run.info.run_id, "late", 0.25, step=step)
print(len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "late")))
"""
    bare, seen = both(tmp_path, script(tmp_path, code))
    assert (seen.code, seen.stdout) == (bare.code, bare.stdout) == (0, "5\n")
    assert seen.stderr.count("after its end is not recorded") == 1
    (ours,) = recorded(seen)
    assert ours.row.status is Status.FAILED


def test_a_script_that_asks_for_us_is_refused_under_cognify_run_too(tmp_path: Path) -> None:
    code = """
import mlflow
mlflow.set_tracking_uri("cognify+sqlite:///mlflow.db")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
try:
    mlflow.MlflowClient().log_metric(run.info.run_id, "late", 0.25)
except mlflow.exceptions.MlflowException as error:
    print("MLflow:", error.error_code)
"""
    seen = run(tmp_path / "seen", script(tmp_path, code), recorded=True)
    assert seen.stdout == "MLflow: RESOURCE_CONFLICT\n"
    assert database(seen.folder, "SELECT key FROM metrics") == [("loss",)]


def test_an_experiment_is_deleted_with_runs_that_have_ended(tmp_path: Path) -> None:
    code = """
import mlflow
experiment = mlflow.set_experiment("trial").experiment_id
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5)
mlflow.delete_experiment(experiment)
print(mlflow.get_experiment(experiment).lifecycle_stage)
"""
    bare, seen = both(tmp_path, script(tmp_path, code))
    assert (seen.code, seen.stdout) == (bare.code, bare.stdout) == (0, "deleted\n")
    (ours,) = recorded(seen)
    assert "mlflow.experiment_deleted" in added(ours)[1]
