"""Real MLflow stores of a test's own, and a run with something of each kind in it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    Param,
    RunStatus,
    RunTag,
)
from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE
from mlflow.tracking import set_tracking_uri
from mlflow.utils.credentials import get_default_host_creds
from sqlalchemy.exc import SADeprecationWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SADeprecationWarning)  # MLflow 3.17 maps its tables as SQLAlchemy 2.1 would not
    from mlflow.store.model_registry.file_store import FileStore as FileRegistry
    from mlflow.store.model_registry.rest_store import RestStore as RestRegistry
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as SqlRegistry
    from mlflow.store.tracking.file_store import FileStore as FileStore
    from mlflow.store.tracking.rest_store import RestStore
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore


WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""A plain server begins eight processes for jobs that no test has; an audited one begins none."""


class Stores(NamedTuple):
    """A tracking store with its registry, and the URI under which others find both."""

    tracking: Any
    registry: Any
    uri: str


def sqlite_stores(folder: Path) -> Stores:
    """A store on SQLite, with artifacts beside it; its tables are a copy, for making them takes MLflow seconds."""
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    begin_served_database(folder)
    return stores_in(f"sqlite:///{folder / 'mlflow.db'}", artifacts.as_uri())


def stores_in(uri: str, artifacts: str) -> Stores:
    """The stores in a database."""
    return Stores(SqlAlchemyStore(uri, artifacts), SqlRegistry(uri), uri)


def begin_database(folder: Path) -> None:
    """MLflow's database in `folder` as a script that runs there makes it, without the seconds that takes MLflow."""
    (folder / "mlflow.db").write_bytes(_empty_database())
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", [str(folder / "mlruns" / "0")])


def begin_served_database(folder: Path) -> None:
    """The same as a server that runs there makes it."""
    (folder / "mlflow.db").write_bytes(_empty_database())


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", "mlflow-artifacts:/").engine.dispose()
        return Path(folder, "mlflow.db").read_bytes()


def file_stores(folder: Path) -> Stores:
    """A store in a folder, which MLflow 3.17 opens only where somebody insists.

    Its registry asks the store that MLflow is set to for models; the default would be a database in the checkout.
    """
    MLFLOW_ALLOW_FILE_STORE.set("true")
    root = folder / "mlruns"
    set_tracking_uri(root.as_uri())
    return Stores(FileStore(str(root), root.as_uri()), FileRegistry(str(root)), root.as_uri())


def finished_run(stores: Stores, *, experiment: str = "clinical-nlp") -> str:
    """A finished run with parameters, metrics, tags, a dataset, models, a version and a child; return its id."""
    store = stores.tracking
    found = store.get_experiment_by_name(experiment)
    where = found.experiment_id if found else store.create_experiment(experiment, None, [])
    run = store.create_run(where, "ada", 1_757_686_222_000, [RunTag("team", "ml")], "tiny").info.run_id
    store.log_batch(
        run,
        [Metric("loss", 1 / (step + 1), 1_757_686_222_000 + step, step) for step in range(10)],
        [Param("lr", "1e-4"), Param("epochs", "1")],
        [RunTag("mlflow.source.git.commit", "0" * 40), RunTag("mlflow.source.name", "train.py")],
    )
    dataset = Dataset("notes", "9f3a", "local", '{"uri": "data/notes.jsonl"}', '{"text": "string"}', '{"num_rows": 3}')
    base = store.create_logged_model(where, "base").model_id
    store.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])], [LoggedModelInput(base)])
    model = store.create_logged_model(
        where, "tuned", run, [LoggedModelTag("kind", "lora")], [LoggedModelParameter("r", "16")]
    )
    store.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    store.log_outputs(run, [LoggedModelOutput(model.model_id, 9)])
    store.create_run(where, "ada", 1_757_686_223_000, [RunTag("mlflow.parentRunId", run)], "fold-1")
    stores.registry.create_registered_model("notes-tagger")
    stores.registry.create_model_version("notes-tagger", model.artifact_location, run, model_id=model.model_id)
    store.update_run_info(run, RunStatus.FINISHED, 1_757_686_230_000, None)
    return str(run)


@contextmanager
def serving(folder: Path, *more: str) -> Iterator[str]:
    """A real `mlflow server` of one worker that keeps everything in `folder`; its URI."""
    begin_served_database(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", f"{folder}/served"]
    words = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *store, *more]
    quiet = subprocess.DEVNULL
    environ = {**os.environ, **WITHOUT_JOBS}
    with subprocess.Popen(words, start_new_session=True, cwd=folder, env=environ, stdout=quiet, stderr=quiet) as server:
        try:
            _await(f"{uri}/health", server)
            yield uri
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
                return
        except OSError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
    raise TimeoutError(url)


def stores_at(uri: str) -> Stores:
    """The stores behind a server."""
    credentials = partial(get_default_host_creds, uri)
    return Stores(RestStore(credentials), RestRegistry(credentials), uri)
