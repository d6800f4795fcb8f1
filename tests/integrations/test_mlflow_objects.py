"""Datasets and artifacts that lie in object stores: read from real servers, through MLflow's own repositories."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from cognify_core import api
from cognify_core.model.record import Status
from tests.integrations.mlflow_program import SQLITE, Done, Recorded, run_script
from tests.servers.objects import azure, gcs, s3, s3_client

pytestmark = pytest.mark.slow

NOTES = b"text,label\nno acute distress,0\n"
FOLDER = {"a.csv": b"a", "sub/b.csv": b"b", "sub/größe.csv": b"c"}

# The run is ended by MLflow's exit, when an interpreter starts no threads any more.
SCRIPT = """
    import json, mlflow, mlflow.data
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    root = {root!r}
    where = mlflow.MlflowClient().create_experiment("far", artifact_location=root + "/artifacts")
    mlflow.set_experiment(experiment_id=where)
    mlflow.start_run()
    for name, path in {{"notes": "notes.csv", "folder": "folder", "slash": "folder/", "none": "none.csv"}}.items():
        source = resolve_dataset_source(root + "/" + path)
        mlflow.log_input(MetaDataset(source, name=name), context="training")
    mlflow.log_text("hello", "texts/note.txt")
"""


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def run(folder: Path, code: str, environ: dict[str, str]) -> Done:
    return run_script(folder, code, uri=SQLITE, expect=0, is_first=False, **environ)


def check(recorded: Recorded, folder: Path) -> None:
    """What has to be so of `SCRIPT`, wherever it keeps its data; `folder` is free."""
    for name, data in FOLDER.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    tree = str(api.hash_path(folder, as_="tree").hash)
    assert recorded.row.status is Status.AUDIT_SEALED
    assert {name: str(each.hash) for name, each in recorded.datasets.items() if each.assurance == "content"} == {
        "notes": digest(NOTES),
        "folder": tree,
        "slash": tree,
    }
    assert recorded.datasets["notes"].facts["declared"]["etag"]
    assert [gap.subject for gap in recorded.gaps] == ["ds_none_v1"]
    assert recorded.verify().exit_code == 0
    assert digest(b"hello") in str(recorded.package)


@pytest.fixture(scope="module")
def s3_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with s3(tmp_path_factory.mktemp("s3") / "weed") as environ:
        client = s3_client(environ)
        client.create_bucket(Bucket="data")
        client.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
        client.put_object(Bucket="data", Key="notes.csv", Body=NOTES)
        for name, data in FOLDER.items():
            client.put_object(Bucket="data", Key=f"folder/{name}", Body=data)
        yield environ


@pytest.fixture(scope="module")
def in_s3(tmp_path_factory: pytest.TempPathFactory, s3_environment: dict[str, str]) -> Done:
    folder = tmp_path_factory.mktemp("run")
    return run(folder, SCRIPT.format(root="s3://data"), s3_environment)


def test_datasets_and_artifacts_in_s3_are_hashed_in_full(in_s3: Done, tmp_path: Path) -> None:
    check(in_s3.run, tmp_path / "same")


def test_the_version_of_an_object_in_s3_is_recorded_as_the_store_declares_it(
    in_s3: Done, s3_environment: dict[str, str]
) -> None:
    head = s3_client(s3_environment).head_object(Bucket="data", Key="notes.csv")

    dataset = in_s3.run.datasets["notes"]
    assert dataset.facts["declared"]["version_id"] == head["VersionId"]
    assert dataset.location == "s3://data/notes.csv"


def test_an_object_that_is_not_in_s3_is_a_gap_with_what_s3_says(in_s3: Done) -> None:
    [gap] = in_s3.run.gaps

    assert "NoSuchKey" in gap.reason
    assert gap.mend == 'cognify.dataset("<the files>", name="none") before the run'


def test_what_s3_does_not_let_this_process_read_is_a_gap_without_the_secret(
    tmp_path: Path, s3_environment: dict[str, str]
) -> None:
    script = """
        import mlflow, mlflow.data
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.meta_dataset import MetaDataset
        with mlflow.start_run():
            mlflow.log_input(MetaDataset(resolve_dataset_source("s3://data/notes.csv"), name="notes"))
    """
    done = run(tmp_path, script, s3_environment | {"AWS_SECRET_ACCESS_KEY": "not-the-secret-key"})

    assert done.run.datasets["notes"].assurance == "unresolved"
    assert "not-the-secret-key" not in str(done.run.bodies)
    assert done.run.row.status is Status.AUDIT_SEALED


def test_datasets_and_artifacts_in_gcs_are_hashed_in_full(tmp_path: Path) -> None:
    with gcs(tmp_path / "gcs") as environ:
        filled = """
    from google.cloud import storage
    client = storage.Client()
    bucket = client.create_bucket("data")
    """
        for name, data in {"notes.csv": NOTES, **{f"folder/{name}": data for name, data in FOLDER.items()}}.items():
            filled += f"\n    bucket.blob({name!r}).upload_from_string({data!r})"
        (tmp_path / "run").mkdir()
        run(tmp_path / "run", filled, environ)
        done = run(tmp_path / "run", SCRIPT.format(root="gs://data"), environ)

    check(done.run, tmp_path / "same")


def test_datasets_and_artifacts_in_azure_are_hashed_in_full(tmp_path: Path) -> None:
    with azure(tmp_path / "azure") as environ:
        filled = """
    import os
    from azure.storage.blob import BlobServiceClient
    client = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
    bucket = client.create_container("data")
    """
        for name, data in {"notes.csv": NOTES, **{f"folder/{name}": data for name, data in FOLDER.items()}}.items():
            filled += f"\n    bucket.upload_blob({name!r}, {data!r})"
        (tmp_path / "run").mkdir()
        run(tmp_path / "run", filled, environ)
        root = "wasbs://data@devstoreaccount1.blob.core.windows.net"
        done = run(tmp_path / "run", SCRIPT.format(root=root), environ)

    check(done.run, tmp_path / "same")
