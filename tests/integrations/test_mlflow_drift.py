"""What a finished MLflow run accepts behind our back, and how `--against` names it: recorded through `cognify+`."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.utils.file_utils import local_file_uri_to_path

from cognify_core import api
from tests.cli.running import json_of
from tests.integrations.mlflow_program import Done, run_script
from tests.integrations.mlflow_stores import Stores, stores_in

pytestmark = pytest.mark.slow

SCRIPT = """
    import mlflow
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_param("lr", 0.001)
        for step in range(10):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.set_tags({"team": "ml", "mlflow.source.git.commit": "0" * 40})
        mlflow.log_text("hello", "note.txt")
        mlflow.pyfunc.log_model(name="tuned", python_model=lambda model_input: model_input, pip_requirements=[])
    print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run_script(tmp_path_factory.mktemp("recorded"), SCRIPT)


@pytest.fixture
def done(recorded: Done, tmp_path: Path) -> Iterator[Done]:
    """The recorded run; what a test does to it is undone."""
    kept = ("mlflow.db", "mlruns")
    for name in kept:
        copy(recorded.folder / name, tmp_path / name)
    yield recorded
    plain(recorded).tracking.engine.dispose()  # what is open would go on with pages that it has read
    for name in kept:
        copy(tmp_path / name, recorded.folder / name)
    api.this_session().workspace.close()


def copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)
    else:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


def plain(done: Done) -> Stores:
    """MLflow's own stores, as somebody opens them who goes past us."""
    return stores_in(f"sqlite:///{done.folder / 'mlflow.db'}", str(done.folder / "mlruns"))


def artifacts(done: Done) -> Path:
    return Path(local_file_uri_to_path(plain(done).tracking.get_run(done.run.mlflow_id).info.artifact_uri))


def against(done: Done, code: int) -> list[Any]:
    """What the command finds of MLflow's run, and that it ends with `code`."""
    uri = f"mlflow:cognify+sqlite:///{done.folder / 'mlflow.db'}"
    said = json_of(done.folder, "verify", done.run.row.run_id, "--against", uri, code=code)
    assert said["sections"]["intact"] == "ok"
    return [finding for finding in said["findings"] if finding["section"] == "against"]


def drift(done: Done) -> list[str]:
    return [finding["message"] for finding in against(done, 1)]


def test_a_run_that_was_recorded_through_us_has_not_drifted(done: Done) -> None:
    [finding] = against(done, 0)

    assert finding["code"] == "mlflow_same"
    assert "1 logged models" in finding["message"]


def test_a_metric_over_an_old_step_is_named(done: Done) -> None:
    plain(done).tracking.log_metric(done.run.mlflow_id, Metric("loss", 0.001, 1, 7))

    assert drift(done) == ["metric loss: 1 point more, 1 new at step 7"]


def test_a_new_metric_is_named(done: Done) -> None:
    plain(done).tracking.log_metric(done.run.mlflow_id, Metric("f1", 0.99, 1, 9))

    assert drift(done) == ["metric f1 added"]


def test_a_new_parameter_is_named(done: Done) -> None:
    plain(done).tracking.log_param(done.run.mlflow_id, Param("dropout", "0.1"))

    assert drift(done) == ["param dropout added"]


def test_a_user_s_tag_is_named(done: Done) -> None:
    plain(done).tracking.set_tag(done.run.mlflow_id, RunTag("team", "legal"))

    assert drift(done) == ["tag team changed: it was 'ml', and is 'legal'"]


def test_another_git_commit_is_named(done: Done) -> None:
    plain(done).tracking.set_tag(done.run.mlflow_id, RunTag("mlflow.source.git.commit", "1" * 40))

    assert drift(done) == [f"tag mlflow.source.git.commit changed: it was {'0' * 40!r}, and is {'1' * 40!r}"]


def test_an_overwritten_artifact_is_named(done: Done) -> None:
    (artifacts(done) / "note.txt").write_text("goodbye")

    [said] = drift(done)
    assert said.startswith("artifact note.txt changed: it was sha256:")


def test_an_added_artifact_is_named(done: Done) -> None:
    (artifacts(done) / "late.txt").write_text("late")

    assert drift(done) == ["artifact late.txt added"]


def test_a_file_of_a_logged_model_that_was_overwritten_is_named(done: Done) -> None:
    [model] = plain(done).tracking.get_run(done.run.mlflow_id).outputs.model_outputs
    location = plain(done).tracking.get_logged_model(model.model_id).artifact_location
    Path(local_file_uri_to_path(location), "python_model.pkl").write_bytes(b"another")

    [said] = drift(done)
    assert said.startswith(f"artifact models:/{model.model_id}/python_model.pkl changed")


def test_a_deleted_run_is_named_until_it_is_restored(done: Done) -> None:
    store = plain(done).tracking
    store.delete_run(done.run.mlflow_id)
    deleted = drift(done)

    store.restore_run(done.run.mlflow_id)

    assert deleted == ["the MLflow run is deleted"]
    assert [finding["code"] for finding in against(done, 0)] == ["mlflow_same"]


def test_another_end_time_is_named(done: Done) -> None:
    plain(done).tracking.update_run_info(done.run.mlflow_id, RunStatus.FINISHED, 5, None)

    [said] = drift(done)
    assert said.startswith("end time changed: it was ")
    assert said.endswith(", and is 5")


def test_sql_on_the_inner_database_is_named(done: Done) -> None:
    with closing(sqlite3.connect(done.folder / "mlflow.db")) as database, database:
        database.execute("UPDATE metrics SET value = 0.001 WHERE key = 'loss' AND step = 7")
        database.execute("UPDATE params SET value = '1' WHERE key = 'lr'")
        database.execute("UPDATE runs SET user_id = 'mallory'")

    [user, lr, loss] = drift(done)
    assert user.startswith("user changed: it was ")
    assert lr == "param lr changed: it was '0.001', and is '1'"
    assert loss == "metric loss: 1 changed at step 7"


def test_a_run_that_is_gone_is_named(done: Done) -> None:
    plain(done).tracking._hard_delete_run(done.run.mlflow_id)

    [said] = drift(done)
    assert said.startswith(f"the MLflow run {done.run.mlflow_id} is gone from sqlite:///")


MODEL_CHANGES = {
    "a tag": "client.set_logged_model_tags(model, {'approved': 'yes'})",
    "the loss of a tag": "client.delete_logged_model_tag(model, 'kind')",
    "a parameter": "client.log_model_params(model, {'r': '16'})",
    "another state": "client.finalize_logged_model(model, 'FAILED')",
    "its deletion": "client.delete_logged_model(model)",
    "another output": "client.log_outputs(run, [LoggedModelOutput(model, 9)])",
    "traces": "client.link_traces_to_run(['tr-1'], run)",
}


def test_what_changes_a_logged_model_of_a_sealed_run_is_refused_and_nothing_has_drifted(done: Done) -> None:
    run = done.run.mlflow_id
    [output] = plain(done).tracking.get_run(run).outputs.model_outputs
    code = f"""
import mlflow
from mlflow.entities import LoggedModelOutput
client, run, model = mlflow.MlflowClient(), {run!r}, {output.model_id!r}
for name, change in {MODEL_CHANGES!r}.items():
    try:
        eval(change)
    except mlflow.exceptions.MlflowException as error:
        print(f"{{name}}|{{error.error_code}}|{{'cognify note' in str(error)}}")
"""
    refused = [line.split("|") for line in run_script(done.folder, code).lines]
    assert refused == [[name, "RESOURCE_CONFLICT", "True"] for name in MODEL_CHANGES]
    [finding] = against(done, 0)
    assert finding["code"] == "mlflow_same"
