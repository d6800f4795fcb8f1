"""`cognify+postgresql://…`: MLflow's store in a real PostgreSQL, by both of the drivers that MLflow names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("psycopg")

import psycopg

from cognify_core import api
from cognify_core.model.record import Status
from tests.cli.running import json_of
from tests.integrations.mlflow_program import Done, run_script
from tests.servers.postgres import PASSWORD, postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),  # MLflow's own tables
]

SCRIPT = """
    import mlflow
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_params({"lr": 0.001, "epochs": 2})
        for step in range(10):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("nan", float("nan"))
        mlflow.set_tag("team", "ml")
        mlflow.log_text("hello", "note.txt")
    print(run.info.run_id)
    try:
        mlflow.MlflowClient().log_metric(run.info.run_id, "loss", 9.0, step=3)
    except mlflow.exceptions.MlflowException as error:
        print(error.error_code)
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as uri:
        yield uri


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, database: str) -> Done:
    """By the driver that SQLAlchemy takes where the URI names none: psycopg since its 2.1, psycopg2 before."""
    return run_script(tmp_path_factory.mktemp("recorded"), SCRIPT, uri=f"cognify+{database}")


def against(done: Done, uri: str, code: int) -> list[Any]:
    """What `--against` finds of MLflow's run, and that it ends with `code`."""
    said = json_of(done.folder, "verify", done.run.row.run_id, "--against", f"mlflow:{uri}", code=code)
    api.this_session().workspace.close()
    return [finding for finding in said["findings"] if finding["section"] == "against"]


def change(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


def test_a_run_in_postgresql_is_recorded_and_sealed(done: Done) -> None:
    run = done.run
    assert run.row.status is Status.AUDIT_SEALED
    assert run.row.complete
    assert run.points["loss"] == [(step, 1 / (step + 1)) for step in range(10)]
    assert run.merged("params") == {"lr": "0.001", "epochs": "2"}
    assert run.merged("tags")["team"] == "ml"
    assert run.verify().exit_code == 0


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_each_driver_can_be_named(tmp_path: Path, database: str, driver: str) -> None:
    pytest.importorskip(driver)
    script = "import mlflow\nwith mlflow.start_run(): mlflow.log_metric('loss', 0.5)"

    done = run_script(tmp_path, script, uri=f"cognify+{database.replace(':', f'+{driver}:', 1)}")

    assert done.run.row.status is Status.AUDIT_SEALED
    assert done.run.points == {"loss": [(0, 0.5)]}


def test_a_sealed_run_in_postgresql_takes_no_more(done: Done) -> None:
    assert done.lines[-1] == "RESOURCE_CONFLICT"


def test_the_password_of_the_database_is_nowhere_in_the_home(done: Done) -> None:
    kept = [path for path in done.home.rglob("*") if path.is_file()]

    assert kept
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]
    assert PASSWORD not in done.out + done.err


def test_what_sql_changes_in_postgresql_is_named(done: Done, database: str) -> None:
    [same] = against(done, database, 0)
    where = f"WHERE run_uuid = '{done.run.mlflow_id}' AND key = 'loss' AND step = 7"
    change(database, f"UPDATE metrics SET value = 0.001 {where}")

    [changed] = against(done, f"cognify+{database}", 1)

    assert same["code"] == "mlflow_same"
    assert changed["message"] == "metric loss: 1 changed at step 7"


def test_a_postgresql_that_is_down_is_said_without_its_password(done: Done, tmp_path: Path) -> None:
    [down] = against(done, f"postgresql://ada:{PASSWORD}@127.0.0.1:9/postgres", 2)

    assert "does not answer" in down["message"]
    assert PASSWORD not in down["message"]
