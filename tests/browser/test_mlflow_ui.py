"""MLflow's own pages, on an audited store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("playwright")

import httpx
from mlflow import MlflowClient
from mlflow.entities import Run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SECONDS = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"COGNIFY_HOME": str(tmp_path / "home"), "COGNIFY_QUIET": "1"}
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"cognify+sqlite:///{tmp_path}/mlflow.db"]
    command += ["--artifacts-destination", str(tmp_path)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + SECONDS
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > until:
            pytest.fail((tmp_path / "log").read_text("utf-8")[-3000:])
        time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def run(server: str) -> Run:
    client = MlflowClient(tracking_uri=server)
    begun = client.create_run(client.create_experiment("clinical"), run_name="fine-tune-7")
    client.log_param(begun.info.run_id, "learning_rate", 0.01)
    for step in range(5):
        client.log_metric(begun.info.run_id, "loss", 1 / (step + 1), step=step)
    client.set_terminated(begun.info.run_id)
    return client.get_run(begun.info.run_id)


def test_the_pages_of_a_run_show_what_was_logged_and_which_run_of_ours_it_is(page: Page, server: str, run: Run) -> None:
    where = f"{server}/#/experiments/{run.info.experiment_id}/runs"
    page.goto(where)
    page.get_by_text("fine-tune-7").first.wait_for(timeout=1000 * SECONDS)
    page.goto(f"{where}/{run.info.run_id}")
    for shown in ("learning_rate", "0.01", "loss", "0.2", "Finished", "cognify.run_id"):
        page.get_by_text(shown, exact=True).first.wait_for(timeout=1000 * SECONDS)
    page.get_by_text(run.data.tags["cognify.run_id"]).wait_for(timeout=1000 * SECONDS)
