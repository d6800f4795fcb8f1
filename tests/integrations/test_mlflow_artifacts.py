from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("safetensors")

import numpy as np
from mlflow.entities import LoggedModelOutput
from mlflow.utils.file_utils import local_file_uri_to_path
from safetensors.numpy import save_file

import cognify
from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.canonical import Json
from cognify_integrations import mlflow_artifacts
from cognify_integrations.mlflow_places import Place
from tests.integrations.mlflow_stores import Stores, sqlite_stores

Lineage = dict[str, Json]


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return sqlite_stores(tmp_path)


def new_run(stores: Stores) -> tuple[str, str]:
    """A run and its experiment."""
    store = stores.tracking
    experiment = store.create_experiment("e", None, [])
    return str(store.create_run(experiment, "ada", 1, [], "r").info.run_id), str(experiment)


def folder_of(stores: Stores, run: str) -> Path:
    folder = Path(local_file_uri_to_path(stores.tracking.get_run(run).info.artifact_uri))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def model_of(stores: Stores, run: str, experiment: str, *, name: str = "tuned") -> tuple[str, Path]:
    """A logged model that is an output of the run, and its folder."""
    model = stores.tracking.create_logged_model(experiment, name, run)
    stores.tracking.log_outputs(run, [LoggedModelOutput(model.model_id, 7)])
    folder = Path(local_file_uri_to_path(model.artifact_location))
    folder.mkdir(parents=True, exist_ok=True)
    return str(model.model_id), folder


def current() -> LiveRun:
    live = api.this_session().current
    assert live is not None
    return live


def record(stores: Stores, run: str, **options: Any) -> tuple[dict[str, Json], Any]:
    """Record a run's artifacts in a run of ours; return what was told, and the run as `show` has it."""
    with cognify.run() as ours:
        told = mlflow_artifacts.record(current(), stores.tracking, run, **options)
    return told, cognify.show(ours.id)


def models(view: Any) -> list[Lineage]:
    return [node for node in view.lineage["nodes"] if node["type"] == "model"]


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_each_artifact_of_a_run_is_hashed_where_it_lies(home: Path, stores: Stores) -> None:
    run, _ = new_run(stores)
    (folder_of(stores, run) / "plots").mkdir()
    (folder_of(stores, run) / "plots" / "größe.txt").write_bytes(b"plot")
    (folder_of(stores, run) / "report.txt").write_bytes(b"report")

    told, view = record(stores, run)

    assert told == {
        "plots/größe.txt": {"size": 4, "hash": sha256(b"plot")},
        "report.txt": {"size": 6, "hash": sha256(b"report")},
    }
    assert not [gap for gap in view.gaps if gap.subject.startswith("artifact")]


def test_a_run_without_artifacts_leaves_no_gap(home: Path, stores: Stores) -> None:
    run, _ = new_run(stores)

    told, view = record(stores, run)

    assert told == {".": {"reason": "nothing is there"}}
    assert not [gap for gap in view.gaps if gap.subject.startswith("artifact")]


def test_a_symlink_out_of_the_artifacts_is_a_gap_and_not_followed(home: Path, stores: Stores, tmp_path: Path) -> None:
    run, _ = new_run(stores)
    (tmp_path / "secret").write_text("not an artifact")
    (folder_of(stores, run) / "inside.txt").write_bytes(b"x")
    (folder_of(stores, run) / "link.txt").symlink_to("inside.txt")
    (folder_of(stores, run) / "out.txt").symlink_to(tmp_path / "secret")
    (folder_of(stores, run) / "folder").symlink_to(tmp_path)

    told, view = record(stores, run)

    assert told["link.txt"] == told["inside.txt"]
    assert told["out.txt"] == {"reason": "symlink that leaves the folder: out.txt"}
    assert told["folder"] == {"reason": "symlink that leaves the folder: folder"}
    assert [gap.subject for gap in view.gaps if gap.subject.startswith("artifact")] == [
        "artifact folder",
        "artifact out.txt",
    ]


def test_a_logged_model_with_safetensors_is_a_node_of_its_tensors(home: Path, stores: Stores) -> None:
    run, experiment = new_run(stores)
    model_id, folder = model_of(stores, run, experiment)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "model").mkdir()
    save_file({"weight": np.arange(4, dtype=np.float32)}, folder / "model" / "model.safetensors")

    told, view = record(stores, run)

    [node] = models(view)
    assert (node["id"], node["step"], node["assurance"]) == ("model_tuned", 7, "content")
    assert node["hash"] == str(api.hash_path(folder / "model", as_="weights").hash)
    assert sorted(told) == [".", f"models:/{model_id}/MLmodel", f"models:/{model_id}/model/model.safetensors"]


def test_any_other_logged_model_is_a_node_of_its_files(home: Path, stores: Stores) -> None:
    run, experiment = new_run(stores)
    _, folder = model_of(stores, run, experiment)
    (folder / "data").mkdir()
    (folder / "data" / "model.pkl").write_bytes(b"\x80pickle")
    (folder / "MLmodel").write_text("flavors: {}")

    _, view = record(stores, run)

    [node] = models(view)
    assert node["hash"] == str(api.hash_path(folder, as_="tree").hash)


def test_what_verify_looks_at_later_is_where_the_model_lay(home: Path, stores: Stores) -> None:
    run, experiment = new_run(stores)
    _, folder = model_of(stores, run, experiment)
    (folder / "MLmodel").write_text("flavors: {}")
    with cognify.run() as ours:
        mlflow_artifacts.record(current(), stores.tracking, run)
    assert "artifacts: ok" in str(cognify.verify(ours.id, artifacts=True))

    (folder / "MLmodel").write_text("flavors: {python_function: {}}")

    with pytest.raises(cognify.VerificationError, match="model_tuned: was changed"):
        cognify.verify(ours.id, artifacts=True)


def test_a_server_says_what_lies_with_its_clients(home: Path, stores: Stores) -> None:
    run, _ = new_run(stores)

    told, view = record(stores, run, server=True)

    assert told["."]["reason"].startswith("it lies on the machine of a client")
    assert [gap.mend for gap in view.gaps if gap.subject == "artifact ."] != [None]


def test_a_place_is_here_or_elsewhere_by_its_uri() -> None:
    here = ["/a/b", "file:///a/b", "file://localhost/a/b"]
    elsewhere = ["s3://bucket/a", "mlflow-artifacts:/1/a", "https://example.org/a", "file://other/a", ""]

    assert {str(Place(".", uri).folder) for uri in here} == {"/a/b"}
    assert {Place(".", uri).folder for uri in elsewhere} == {None}


def test_a_server_that_does_not_answer_holds_nobody_up(home: Path, stores: Stores) -> None:
    store = stores.tracking
    run = store.create_run(store.create_experiment("far", "mlflow-artifacts:/far", []), "ada", 1, [], "r").info.run_id
    api.this_session().init(home=home, quiet=True, artifact_seconds=0.5)

    told, view = record(stores, str(run), tracking_uri="http://127.0.0.1:9")

    assert told == {".": {"reason": "not fetched within 0.5 s (COGNIFY_ARTIFACT_SECONDS)"}}
    assert [gap.subject for gap in view.gaps if gap.subject.startswith("artifact")] == ["artifact ."]


def test_an_unknown_kind_of_place_is_a_reason(home: Path, stores: Stores) -> None:
    store = stores.tracking
    run = store.create_run(store.create_experiment("odd", "gopher://a:b@old/x", []), "ada", 1, [], "r").info.run_id

    told, _ = record(stores, str(run))

    assert "Could not find a registered artifact repository" in told["."]["reason"]
    assert "a:b@" not in told["."]["reason"]
