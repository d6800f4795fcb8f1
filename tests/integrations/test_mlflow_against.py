from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("mlflow")

from mlflow.entities import Dataset, DatasetInput, LoggedModelParameter, Metric, Param, RunStatus, RunTag
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.utils.file_utils import local_file_uri_to_path

import cognify
from cognify_core import api
from cognify_core.verify.report import Finding
from cognify_integrations.mlflow_against import compare
from cognify_integrations.mlflow_artifacts import hash_artifacts, record
from cognify_integrations.mlflow_snapshot import SNAPSHOT_NODE, snapshot
from tests.cli.running import cognify as cli
from tests.cli.running import json_of
from tests.integrations.mlflow_stores import Stores, file_stores, finished_run, sqlite_stores

STEPS = [(step, 1 / (step + 1)) for step in range(10)]


class Sealed(NamedTuple):
    """A sealed run of ours, the MLflow run that it recorded, and where MLflow keeps it."""

    ours: str
    mlflow: str
    stores: Stores
    folder: Path

    @property
    def artifacts(self) -> Path:
        return Path(local_file_uri_to_path(self.stores.tracking.get_run(self.mlflow).info.artifact_uri))

    def findings(self, uri: str | None = None) -> list[Finding]:
        settings = api.this_session().settings
        return compare(uri or self.stores.uri, cognify.verify(self.ours).runs, settings)

    def drift(self) -> list[str]:
        """What `--against` names."""
        assert not [each for each in self.findings() if each.verdict == "unchecked"]
        return [each.message for each in self.findings() if each.verdict == "contradiction"]

    def sql(self, statement: str, *values: object) -> None:
        """Something done to MLflow's database by hand."""
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as database, database:
            assert database.execute(statement, values).rowcount


def seal(stores: Stores, folder: Path, change: Callable[[str], object] = lambda _: None) -> Sealed:
    """A finished MLflow run with an artifact, recorded with its points and sealed."""
    run = finished_run(stores)
    folder_of = Path(local_file_uri_to_path(stores.tracking.get_run(run).info.artifact_uri))
    (folder_of / "model").mkdir(parents=True)
    (folder_of / "model" / "model.safetensors").write_bytes(b"weights")
    change(run)
    with cognify.run() as ours:
        for step, value in STEPS:
            ours.log({"loss": value}, step=step)
        live = api.this_session().current
        assert live is not None
        taken = snapshot(stores.tracking, run, registry=stores.registry)
        live.run.config({**taken, "artifacts": record(live, stores.tracking, run)}, node_id=SNAPSHOT_NODE)
    return Sealed(ours.id, run, stores, folder)


@pytest.fixture(params=[sqlite_stores, file_stores], ids=["sqlite", "file"])
def sealed(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Sealed:
    return seal(request.param(tmp_path), tmp_path)


@pytest.fixture
def in_sqlite(home: Path, tmp_path: Path) -> Sealed:
    return seal(sqlite_stores(tmp_path), tmp_path)


def test_what_nobody_touched_has_not_drifted(sealed: Sealed) -> None:
    [finding] = sealed.findings()

    assert (finding.code, finding.verdict) == ("mlflow_same", "ok")
    assert "2 params" in finding.message
    assert "1 metrics" in finding.message


def test_a_metric_over_an_old_step_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.log_metric(sealed.mlflow, Metric("loss", 0.001, 1_757_686_299_000, 7))

    assert sealed.drift() == ["metric loss: 1 point more, 1 new at step 7"]


def test_a_new_metric_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.log_metric(sealed.mlflow, Metric("f1", 0.99, 1_757_686_299_000, 9))

    assert sealed.drift() == ["metric f1 added"]


def test_a_new_parameter_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.log_param(sealed.mlflow, Param("dropout", "0.1"))

    assert sealed.drift() == ["param dropout added"]


def test_a_user_s_tag_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.set_tag(sealed.mlflow, RunTag("team", "legal"))

    assert sealed.drift() == ["tag team changed: it was 'ml', and is 'legal'"]


def test_another_git_commit_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.set_tag(sealed.mlflow, RunTag("mlflow.source.git.commit", "1" * 40))

    [said] = sealed.drift()
    assert said.startswith("tag mlflow.source.git.commit changed: it was '000")


def test_an_artifact_that_was_overwritten_is_named(sealed: Sealed) -> None:
    (sealed.artifacts / "model" / "model.safetensors").write_bytes(b"other weights")

    [said] = sealed.drift()
    assert said.startswith("artifact model/model.safetensors changed: it was sha256:")


def test_an_artifact_that_was_added_is_named(sealed: Sealed) -> None:
    (sealed.artifacts / "report.txt").write_text("all is well")

    assert sealed.drift() == ["artifact report.txt added"]


def test_a_deleted_run_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.delete_run(sealed.mlflow)

    assert sealed.drift() == ["the MLflow run is deleted"]


def test_a_run_that_was_deleted_when_it_was_recorded_and_is_restored_is_named(home: Path, tmp_path: Path) -> None:
    stores = sqlite_stores(tmp_path)
    sealed = seal(stores, tmp_path, stores.tracking.delete_run)

    stores.tracking.restore_run(sealed.mlflow)

    assert sealed.drift() == ["the MLflow run was deleted, and is restored"]


def test_a_run_that_was_deleted_and_restored_is_again_as_it_was(sealed: Sealed) -> None:
    sealed.stores.tracking.delete_run(sealed.mlflow)
    sealed.stores.tracking.restore_run(sealed.mlflow)

    assert sealed.drift() == []


def test_another_end_time_is_named(sealed: Sealed) -> None:
    sealed.stores.tracking.update_run_info(sealed.mlflow, RunStatus.FINISHED, 1_757_686_999_000, None)

    assert sealed.drift() == ["end time changed: it was 1757686230000, and is 1757686999000"]


def test_a_point_changed_by_hand_in_the_database_is_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE metrics SET value = 0.001 WHERE key = 'loss' AND step = 7")

    assert in_sqlite.drift() == ["metric loss: 1 changed at step 7"]


def test_points_removed_by_hand_from_the_database_are_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("DELETE FROM metrics WHERE key = 'loss' AND step < 2")

    assert in_sqlite.drift() == ["metric loss: 2 points fewer, 2 gone at steps 0, 1"]


def test_another_last_value_without_a_point_is_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE latest_metrics SET value = 0.001 WHERE key = 'loss'")

    [said] = in_sqlite.drift()
    assert said.startswith("metric loss: MLflow's last point was 9 1757686222009 0.1, and is 9 1757686222009 0.001")


def test_a_parameter_changed_by_hand_in_the_database_is_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE params SET value = '5' WHERE key = 'epochs'")

    assert in_sqlite.drift() == ["param epochs changed: it was '1', and is '5'"]


def test_times_changed_by_hand_in_the_database_are_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE metrics SET timestamp = timestamp + 1 WHERE key = 'loss'")

    assert in_sqlite.drift() == ["metric loss: the same steps and values, at other times or in other numbers"]


def test_a_run_that_is_gone_is_drift(in_sqlite: Sealed) -> None:
    in_sqlite.stores.tracking._hard_delete_run(in_sqlite.mlflow)

    [said] = in_sqlite.drift()
    assert said.startswith(f"the MLflow run {in_sqlite.mlflow} is gone from sqlite:///")


def test_another_dataset_is_named(sealed: Sealed) -> None:
    dataset = Dataset("web", "77aa", "http", '{"url": "https://example.org"}')
    sealed.stores.tracking.log_inputs(sealed.mlflow, [DatasetInput(dataset)])

    assert sealed.drift() == ["dataset web (77aa) added"]


def test_another_source_of_a_dataset_is_named(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE datasets SET dataset_source = 'elsewhere'")

    assert in_sqlite.drift() == ["dataset notes (9f3a) changed (source)"]


def test_what_becomes_of_logged_models_and_versions_is_named(sealed: Sealed) -> None:
    [model] = sealed.stores.tracking.get_run(sealed.mlflow).outputs.model_outputs
    sealed.stores.tracking.log_logged_model_params(model.model_id, [LoggedModelParameter("alpha", "32")])
    sealed.stores.registry.set_model_version_tag("notes-tagger", "1", ModelVersionTag("approved", "yes"))
    sealed.stores.registry.create_model_version("notes-tagger", "elsewhere", sealed.mlflow)

    assert sealed.drift() == [
        f"logged model tuned ({model.model_id}): param alpha added",
        "model version notes-tagger/1: tag approved added",
        "model version notes-tagger/2 added",
    ]


def test_a_deleted_logged_model_is_named(sealed: Sealed) -> None:
    [model] = sealed.stores.tracking.get_run(sealed.mlflow).outputs.model_outputs
    sealed.stores.tracking.delete_logged_model(model.model_id)

    assert f"logged model tuned ({model.model_id}) deleted" in sealed.drift()


def test_another_child_run_is_named(sealed: Sealed) -> None:
    parent = sealed.stores.tracking.get_run(sealed.mlflow)
    tags = [RunTag("mlflow.parentRunId", sealed.mlflow)]
    child = sealed.stores.tracking.create_run(parent.info.experiment_id, "ada", 1, tags, "late").info.run_id

    assert sealed.drift() == [f"child run {child} added"]


def test_tags_of_our_own_are_no_drift(sealed: Sealed) -> None:
    sealed.stores.tracking.set_tag(sealed.mlflow, RunTag("cognify.package_hash", "sha256:00"))

    assert sealed.drift() == []


def test_each_artifact_of_a_folder_that_is_gone_is_named(in_sqlite: Sealed) -> None:
    in_sqlite.artifacts.rename(in_sqlite.folder / "moved")

    assert in_sqlite.drift() == ["artifact model/model.safetensors deleted, with the folder that it was in"]


def test_a_folder_on_another_machine_is_not_called_deleted(in_sqlite: Sealed) -> None:
    """A database that is reached over the network tells a path; whether that is one of this machine, it does not."""
    in_sqlite.artifacts.parents[2].rename(in_sqlite.folder / "moved")
    store, settings = in_sqlite.stores.tracking, api.this_session().settings

    told = hash_artifacts(store, in_sqlite.mlflow, settings, is_here=False)

    assert {said["reason"].partition(": ")[0] for said in told.values()} == {"no such folder on this machine"}
    assert hash_artifacts(store, in_sqlite.mlflow, settings)["."] == {"reason": "nothing is there"}


def test_a_record_without_a_snapshot_cannot_be_compared(home: Path, tmp_path: Path) -> None:
    with cognify.run() as run:
        run.log({"loss": 1.0}, step=1)

    [finding] = Sealed(run.id, "", sqlite_stores(tmp_path), tmp_path).findings()

    assert (finding.code, finding.verdict) == ("mlflow_snapshot", "unchecked")


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sqlite:///{0}/typo.db", "there is no MLflow store at sqlite:///"),
        ("file://{0}/typo", "there is no MLflow store at file://"),
        ("sqlite:///{0}/home/cognify.db", "is not MLflow's"),
        ("http://127.0.0.1:9", "does not answer"),
        ("postgresql://ada:secret@127.0.0.1:9/mlflow", "does not answer"),
        ("gopher://x", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_is_not_made_and_not_waited_for(in_sqlite: Sealed, uri: str, told: str) -> None:
    before = sorted(in_sqlite.folder.iterdir())

    [finding] = in_sqlite.findings(uri.format(in_sqlite.folder))

    assert (finding.code, finding.verdict) == ("mlflow_store", "unchecked")
    assert told in finding.message
    assert "secret" not in finding.message
    assert sorted(in_sqlite.folder.iterdir()) == before


def test_a_database_of_another_mlflow_is_neither_compared_nor_migrated(in_sqlite: Sealed) -> None:
    in_sqlite.sql("UPDATE alembic_version SET version_num = '0123456789ab'")

    [finding] = in_sqlite.findings()

    assert (finding.code, finding.verdict) == ("mlflow_store", "unchecked")
    assert "out-of-date database schema" in finding.message
    in_sqlite.sql("UPDATE alembic_version SET version_num = 'x' WHERE version_num = '0123456789ab'")


def test_the_command_says_what_drifted_and_ends_with_1(in_sqlite: Sealed) -> None:
    words = ("verify", in_sqlite.ours, "--against", f"mlflow:{in_sqlite.stores.uri}")
    held = cli(in_sqlite.folder, *words)
    in_sqlite.stores.tracking.set_tag(in_sqlite.mlflow, RunTag("team", "legal"))

    drifted = cli(in_sqlite.folder, *words)

    assert (held.exit_code, drifted.exit_code) == (0, 1)
    assert "against   holds" in held.stdout
    assert "✗ tag team changed: it was 'ml', and is 'legal'" in drifted.stdout
    assert "intact, but what it was compared with HAS DRIFTED" in drifted.stdout


def test_the_command_s_document_has_a_section_of_its_own(in_sqlite: Sealed) -> None:
    in_sqlite.stores.tracking.log_param(in_sqlite.mlflow, Param("dropout", "0.1"))

    said = json_of(in_sqlite.folder, "verify", in_sqlite.ours, "--against", f"mlflow:{in_sqlite.stores.uri}", code=1)

    assert said["sections"]["intact"] == "ok"
    assert said["sections"]["against"] == "contradiction"
    assert [each for each in said["findings"] if each["section"] == "against"] == [
        {"code": "mlflow_param", "section": "against", "verdict": "contradiction", "message": "param dropout added"}
    ]


def test_the_command_ends_with_2_where_it_cannot_compare(in_sqlite: Sealed) -> None:
    down = cli(in_sqlite.folder, "verify", in_sqlite.ours, "--against", "mlflow:http://127.0.0.1:9")
    unknown = cli(in_sqlite.folder, "verify", in_sqlite.ours, "--against", "wandb:x")

    assert (down.exit_code, unknown.exit_code) == (2, 2)
    assert "not everything could be compared" in down.stdout
    assert "cannot compare with 'wandb:x': it takes mlflow:URI" in unknown.stderr


def test_a_package_is_compared_as_its_run_is(in_sqlite: Sealed) -> None:
    package = cognify.export_audit(in_sqlite.ours)
    in_sqlite.stores.tracking.delete_run(in_sqlite.mlflow)

    with pytest.raises(cognify.VerificationError, match="the MLflow run is deleted"):
        cognify.verify(package.path, against=f"mlflow:{in_sqlite.stores.uri}")


def test_comparing_writes_nothing_to_mlflow(in_sqlite: Sealed) -> None:
    in_sqlite.stores.tracking.engine.dispose()
    before = (in_sqlite.folder / "mlflow.db").read_bytes()

    in_sqlite.findings(f"cognify+{in_sqlite.stores.uri}")

    assert (in_sqlite.folder / "mlflow.db").read_bytes() == before
