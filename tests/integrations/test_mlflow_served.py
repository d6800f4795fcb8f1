"""What lies behind a plain `mlflow server`, which these tests share: artifacts, a run's state, what has drifted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("safetensors")

from mlflow.entities import Metric

from cognify_core import api
from cognify_integrations.mlflow_snapshot import snapshot
from tests.cli.running import json_of
from tests.integrations.mlflow_program import run_script
from tests.integrations.mlflow_stores import Stores, finished_run, serving, stores_at, stores_in
from tests.integrations.test_mlflow_artifacts import models, new_run, record, sha256
from tests.integrations.test_mlflow_drift import SCRIPT

pytestmark = pytest.mark.slow


class Served(NamedTuple):
    """A server of one worker, and the folder that it keeps everything in."""

    uri: str
    folder: Path

    @property
    def stores(self) -> Stores:
        """The stores behind it."""
        return stores_at(self.uri)

    def put(self, uri: str, name: str, data: bytes) -> None:
        """Lay an artifact where it keeps what it serves under `uri`."""
        path = self.folder / "served" / uri.removeprefix("mlflow-artifacts:/") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder) as uri:
        yield Served(uri, folder)


def test_artifacts_behind_a_server_are_fetched_and_hashed(home: Path, served: Served) -> None:
    store = served.stores.tracking
    run, experiment = new_run(served.stores)
    model = store.create_logged_model(experiment, "tuned", run)
    served.put(store.get_run(run).info.artifact_uri, "a/report.txt", b"report")
    served.put(store.get_run(run).info.artifact_uri, "large.bin", b"x" * 2000)
    served.put(model.artifact_location, "MLmodel", b"flavors: {}")
    api.this_session().init(home=home, quiet=True, artifact_limit=1000)

    told, view = record(served.stores, run, tracking_uri=served.uri)

    assert told == {
        "a/report.txt": {"size": 6, "hash": sha256(b"report")},
        "large.bin": {"reason": "too large: 2000 bytes, and 1000 a run are fetched (COGNIFY_ARTIFACT_LIMIT)"},
        f"models:/{model.model_id}/MLmodel": {"size": 11, "hash": sha256(b"flavors: {}")},
    }
    assert [node["assurance"] for node in models(view)] == ["content"]
    assert [gap.subject for gap in view.gaps if gap.subject.startswith("artifact")] == ["artifact large.bin"]


def test_a_server_and_its_database_give_one_snapshot(served: Served) -> None:
    far = served.stores
    run = finished_run(far)
    for step, value in enumerate([float("nan"), float("inf"), -0.0, 5e-324, 1 / 3]):
        far.tracking.log_metric(run, Metric("odd", value, 2**40 + step, 2**62 + step))
    here = stores_in(f"sqlite:///{served.folder / 'mlflow.db'}", "mlflow-artifacts:/")

    from_server = snapshot(far.tracking, run, registry=far.registry)
    from_database = snapshot(here.tracking, run, registry=here.registry)

    assert from_server == from_database
    assert from_server["metrics"]["odd"]["points"] == 5


def test_what_a_server_keeps_is_fetched_and_compared(served: Served, tmp_path: Path) -> None:
    done = run_script(tmp_path, SCRIPT, uri=f"cognify+{served.uri}")
    words = ("verify", done.run.row.run_id, "--against", f"mlflow:{served.uri}")
    same = json_of(tmp_path, *words)
    [note] = (served.folder / "served").rglob("note.txt")
    note.write_text("goodbye")

    changed = json_of(tmp_path, *words, code=1)

    api.this_session().workspace.close()
    assert same["sections"]["against"] == "ok"
    assert [each["code"] for each in changed["findings"] if each["section"] == "against"] == ["mlflow_artifact"]
