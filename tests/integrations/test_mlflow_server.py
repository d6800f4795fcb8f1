"""`mlflow server`, with `cognify+` on its side, on the client's, or on both."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cognify_core.model.record import Status
from cognify_core.store.sql import open_store

pytest.importorskip("mlflow")

from tests.integrations.mlflow_program import Recorded, environment, run_script
from tests.integrations.mlflow_stores import WITHOUT_JOBS, begin_served_database
from tests.servers.forwarding import forwarding
from tests.servers.web import certificate, web

pytestmark = pytest.mark.slow

# `log_model` logs the run's last metric once more, as the model's; told no requirements, it looks for them itself.
CLIENT = """
    import mlflow, pathlib
    from concurrent.futures import ThreadPoolExecutor
    client = mlflow.MlflowClient()
    class Same(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input
    with mlflow.start_run(run_name="ours") as run:
        def log(step):
            client.log_metric(run.info.run_id, "loss", 1 / (step + 1), step=step)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(log, range(80)))
        mlflow.log_params({"lr": 0.1})
        pathlib.Path("note.txt").write_text("hello")
        mlflow.log_artifact("note.txt")
        model = mlflow.pyfunc.log_model(name="same", python_model=Same(), pip_requirements=[])
    print(run.info.run_id)
    print(mlflow.pyfunc.load_model(model.model_uri).predict([1]))
    print(len(mlflow.search_runs(filter_string="metrics.loss > 0")))
    try:
        client.log_metric(run.info.run_id, "loss", 9.0, step=3)
    except mlflow.exceptions.MlflowException as error:
        print(error)
"""


@dataclass
class Server:
    """A server that listens."""

    folder: Path
    port: int
    pid: int

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run_of(self, mlflow_id: str, seconds: float = 60) -> Recorded | None:
        """The record of an MLflow run in the server's home, once it is sealed: that comes after the answer."""
        if not (self.home / "cognify.db").exists():
            return None
        store, deadline = open_store(self.home / "cognify.db"), time.monotonic() + seconds
        while (run_id := store.met(f"mlflow/{mlflow_id}")) is not None:
            row = store.run(run_id)
            if row.status is Status.AUDIT_SEALED and store.receipts(run_id):
                return Recorded(store, row, self.home)
            assert time.monotonic() < deadline, row
            time.sleep(0.2)
        return None


@contextmanager
def server(folder: Path, prefix: str, *more: str) -> Iterator[Server]:
    """`mlflow server` as it is by default, with its four workers; `more` are options."""
    if not (folder / "mlflow.db").exists():
        begin_served_database(folder)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port)]
    command += ["--backend-store-uri", f"{prefix}sqlite:///mlflow.db", *more]
    environ = environment(folder, None, **({} if prefix else WITHOUT_JOBS))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        started = Server(folder, port, process.pid)
        _await_answer(started, process)
        yield started
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(started: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            with closing(socket.create_connection(("127.0.0.1", started.port), timeout=5)):
                return
        except OSError:
            assert process.poll() is None, (started.folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.5)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("audited"), "cognify+") as started:
        yield started


def nodes(run: Recorded) -> dict[str, str]:
    return {node["id"]: node["assurance"] for node in run.package["nodes"]}


def test_a_server_records_a_run_that_its_four_workers_wrote_as_one(audited: Server, tmp_path: Path) -> None:
    done = run_script(tmp_path, CLIENT, uri=audited.uri)
    mlflow_id, predicted, found, refusal = done.lines[-4:]
    assert (predicted, found) == ("[1]", "1")
    run = audited.run_of(mlflow_id)
    assert run is not None
    assert run.row.complete
    assert sorted(set(run.points["loss"])) == [(step, 1 / (step + 1)) for step in range(80)]
    assert run.merged("params") == {"lr": "0.1"}
    assert nodes(run) == {"cfg_mlflow_run": "content", "model_same": "content"}
    assert f"RESOURCE_CONFLICT: MLflow run {mlflow_id}" in refusal
    assert run.row.run_id in refusal
    assert not done.home.exists()
    assert run.verify().exit_code == 0


def test_what_only_the_client_can_see_is_a_gap_of_the_servers_record(audited: Server, tmp_path: Path) -> None:
    code = """
        import mlflow, mlflow.data, pandas
        open("rows.csv", "w").write("a\\n1.5\\n")
        with mlflow.start_run() as run:
            rows = mlflow.data.from_pandas(pandas.read_csv("rows.csv"), source="rows.csv", name="notes")
            mlflow.log_input(rows)
        print(run.info.run_id)
    """
    done = run_script(tmp_path, code, uri=audited.uri)
    run = audited.run_of(done.lines[-1])
    assert run is not None
    assert run.datasets["notes"].assurance == "unresolved"
    assert {gap.subject for gap in run.gaps} == {"ds_notes_v1", "environment and code"}
    assert all("cognify+http" in str(gap.mend) for gap in run.gaps)


def test_a_server_does_not_ask_for_the_urls_that_its_clients_log(audited: Server, tmp_path: Path) -> None:
    with web() as site:
        code = f"""
            import mlflow, mlflow.data
            from mlflow.data.dataset_source_registry import resolve_dataset_source
            from mlflow.data.meta_dataset import MetaDataset
            with mlflow.start_run() as run:
                mlflow.log_input(MetaDataset(resolve_dataset_source("{site.url}/notes.csv"), name="notes"))
            print(run.info.run_id)
        """
        run = audited.run_of(run_script(tmp_path, code, uri=audited.uri).lines[-1])

    assert run is not None
    assert run.datasets["notes"].assurance == "unresolved"
    assert site.asked == []


def test_client_and_server_with_one_home_are_one_record_and_the_client_writes_it(
    audited: Server, tmp_path: Path
) -> None:
    done = run_script(tmp_path, CLIENT, uri=f"cognify+{audited.uri}", COGNIFY_HOME=str(audited.home))
    mlflow_id = done.lines[-4]
    run = audited.run_of(mlflow_id)
    assert run is not None
    assert [each.row.run_id for each in done.runs if each.opened.tags.get("mlflow.run_id") == mlflow_id] == [
        run.row.run_id
    ]
    assert sorted(set(run.points["loss"])) == [(step, 1 / (step + 1)) for step in range(80)]
    assert {"environment", "code", "cfg_mlflow_run", "model_same"} <= set(nodes(run))
    assert f"MLflow run {mlflow_id} has ended" in done.lines[-1]


@pytest.mark.parametrize("how", ["cut", "silent"])
def test_a_server_that_fails_under_a_training_is_its_own_error_and_the_record_a_gap(
    audited: Server, tmp_path: Path, how: str
) -> None:
    code = f"""
        import mlflow, pathlib
        mlflow.start_run()
        mlflow.log_metric("loss", 1.0, step=0)
        pathlib.Path("{how}").touch()
        try:
            mlflow.log_metric("loss", 0.5, step=1)
        except mlflow.exceptions.MlflowException as error:
            print("MLflow:", "API request to" in str(error))
        print("trained on")
    """
    patience: dict[str, Any] = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with forwarding(audited.port, tmp_path) as port:
        done = run_script(tmp_path, code, uri=f"cognify+http://127.0.0.1:{port}", **patience)

    assert done.lines[-2:] == ["MLflow: True", "trained on"]
    assert done.run.points == {"loss": [(0, 1.0)]}
    assert done.run.row.status is Status.INTERRUPTED
    assert any("MLflow does not tell its state" in gap.reason for gap in done.run.gaps)


def test_with_another_home_the_server_leaves_the_recording_to_the_client(audited: Server, tmp_path: Path) -> None:
    done = run_script(tmp_path, CLIENT, uri=f"cognify+{audited.uri}")
    assert audited.run_of(done.lines[-4]) is None
    assert done.run.row.status is Status.AUDIT_SEALED
    assert sorted(set(done.run.points["loss"])) == [(step, 1 / (step + 1)) for step in range(80)]


def test_a_client_records_its_runs_on_a_server_that_knows_nothing_of_us_over_tls_too(tmp_path: Path) -> None:
    """Artifacts and models too: their addresses are made of the tracking URI."""
    pem = certificate(tmp_path)
    tls = f"--ssl-certfile {pem} --ssl-keyfile {pem}"
    with server(tmp_path, "", "--workers", "1", "--uvicorn-opts", tls) as plain:
        folder = tmp_path / "client"
        folder.mkdir()
        uri = f"cognify+https://127.0.0.1:{plain.port}"
        done = run_script(folder, CLIENT, uri=uri, MLFLOW_TRACKING_SERVER_CERT_PATH=str(pem))
    assert done.lines[-3:-1] == ["[1]", "1"]
    assert "has ended: its record" in done.lines[-1]
    assert done.run.row.status is Status.AUDIT_SEALED
    assert done.run.row.complete
    assert {"environment", "code", "cfg_mlflow_run", "model_same"} <= set(nodes(done.run))
    assert done.run.verify().exit_code == 0
    assert not plain.home.exists()
