"""Scripts that speak to MLflow alone where something is not as it should be: each goes on, and that is said."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cognify_core.model.record import Status

pytest.importorskip("mlflow")

from tests.integrations.mlflow_program import SCRIPT, SQLITE, database, run_script
from tests.integrations.mlflow_stores import sqlite_stores

pytestmark = pytest.mark.slow


def test_runs_that_mlflow_began_without_us_are_left_as_they_are(tmp_path: Path) -> None:
    code = "import mlflow; client = mlflow.MlflowClient(); print(client.create_run('0').info.run_id)"
    plain = run_script(tmp_path, code, uri=SQLITE.removeprefix("cognify+"))
    done = run_script(tmp_path, f"import mlflow; mlflow.MlflowClient().log_metric({plain.lines[-1]!r}, 'loss', 1.0)")
    assert done.runs == []
    assert database(tmp_path, "SELECT count(*) FROM metrics") == [(1,)]


def test_what_mlflow_refuses_is_not_recorded(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        with mlflow.start_run():
            mlflow.log_param("lr", 1)
            try:
                mlflow.log_param("lr", 2)
            except mlflow.exceptions.MlflowException as error:
                print("MLflow:", error.error_code)
        """,
    )
    assert "MLflow: INVALID_PARAMETER_VALUE" in done.out
    assert done.run.merged("params") == {"lr": "1"}


def test_a_run_deleted_under_us_is_a_gap_and_no_failure(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow, sqlite3
        run = mlflow.start_run()
        mlflow.log_metric("loss", 1.0)
        with sqlite3.connect("mlflow.db") as database:
            for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
                database.execute(f"DELETE FROM {table}")
        database.close()
        try:
            mlflow.log_metric("loss", 2.0, step=1)
        except mlflow.exceptions.MlflowException as error:
            print("MLflow:", error.error_code)
        """,
    )
    assert "MLflow: RESOURCE_DOES_NOT_EXIST" in done.out
    assert done.run.points == {"loss": [(0, 1.0)]}
    assert any("MLflow does not tell its state" in gap.reason for gap in done.run.gaps)
    assert done.run.row.status is Status.INTERRUPTED


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("cognify+oracle://host/db", "cognify+sqlite"),
        ("cognify+http://127.0.0.1:9", "API request to"),
    ],
    ids=["no such store", "a server that is down"],
)
def test_a_store_that_is_not_there_is_mlflows_own_error(tmp_path: Path, uri: str, said: str) -> None:
    code = "import mlflow\ntry: mlflow.start_run()\nexcept mlflow.exceptions.MlflowException as error: print(error)"
    done = run_script(tmp_path, code, uri=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert said in done.out
    assert not done.home.exists() or done.runs == []


def test_a_database_of_another_mlflow_is_mlflows_own_error(tmp_path: Path) -> None:
    sqlite_stores(tmp_path).tracking.engine.dispose()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as changed, changed:
        changed.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    code = "import mlflow\ntry: mlflow.start_run()\nexcept mlflow.exceptions.MlflowException as error: print(error)"

    done = run_script(tmp_path, code)

    assert "out-of-date database schema" in done.out
    assert not done.home.exists() or done.runs == []


def test_a_home_that_cannot_be_written_leaves_mlflow_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_script(tmp_path, SCRIPT, COGNIFY_HOME=str(tmp_path / "file"))
    assert "an MLflow run is not recorded" in done.err
    assert database(tmp_path, "SELECT status FROM runs") == [("FINISHED",)]


@pytest.mark.parametrize("mode", ["off", "dry"])
def test_modes_that_keep_nothing_keep_nothing_and_mlflow_has_all(tmp_path: Path, mode: str) -> None:
    run_script(tmp_path, SCRIPT, COGNIFY_MODE=mode)
    assert database(tmp_path, "SELECT count(*) FROM metrics") == [(122,)]
    assert not (tmp_path / "home" / "cognify.db").exists()


def test_the_file_store_is_recorded_as_the_database_is(tmp_path: Path) -> None:
    uri = f"cognify+file://{tmp_path / 'mlruns'}"
    done = run_script(tmp_path, SCRIPT, uri=uri, MLFLOW_ALLOW_FILE_STORE="true")
    assert done.run.row.status is Status.AUDIT_SEALED
    assert len(done.run.points["loss"]) == 120


def test_sources_that_cannot_be_read_are_gaps_with_what_mends_them(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        from mlflow.entities import Dataset, DatasetInput
        client = mlflow.MlflowClient()
        with mlflow.start_run() as run:
            for name, kind, source in (
                ("bucket", "s3", '{"uri": "s3://bucket/rows.csv"}'),
                ("hub", "hugging_face", '{"path": "imdb"}'),
                ("gone", "local", '{"uri": "/nowhere/rows.csv"}'),
            ):
                client.log_inputs(run.info.run_id, [DatasetInput(Dataset(name, "d1", kind, source), [])])
        """,
        MLFLOW_S3_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="ada",
        AWS_SECRET_ACCESS_KEY="tell-nobody",
        AWS_MAX_ATTEMPTS="1",
    )
    assert {dataset.assurance for dataset in done.run.datasets.values()} == {"unresolved"}
    reasons = {gap.subject: gap.reason for gap in done.run.gaps}
    assert reasons["ds_bucket_v1"].startswith("EndpointConnectionError: Could not connect to the endpoint URL")
    assert "imdb of the Hub, of which no snapshot is in the cache" in reasons["ds_hub_v1"]
    assert reasons["ds_gone_v1"] == "there is nothing at its source, /nowhere/rows.csv"
    assert all("cognify.dataset(" in str(gap.mend) for gap in done.run.gaps)


def test_a_client_with_a_uri_of_its_own_leaves_no_other_database_behind(tmp_path: Path) -> None:
    script = """
        from mlflow import MlflowClient
        client = MlflowClient("cognify+sqlite:///own.db")
        client.set_terminated(client.create_run("0").info.run_id)
    """
    done = run_script(tmp_path, script, is_first=True, MLFLOW_TRACKING_URI="")
    assert done.run.row.status is Status.AUDIT_SEALED
    assert sorted(path.name for path in tmp_path.rglob("*.db") if "home" not in path.parts) == ["own.db"]
