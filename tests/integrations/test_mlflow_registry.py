"""What becomes of a model version is recorded with the run that it comes from, and drift in it is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

from cognify_core import api
from cognify_core.model.events import Phase, parse_event
from cognify_core.model.record import Status
from tests.cli.running import json_of
from tests.integrations.mlflow_program import Done, Recorded, run_script
from tests.integrations.mlflow_stores import stores_in

pytestmark = pytest.mark.slow

BEGIN = """
    import mlflow
    client = mlflow.MlflowClient()
    def trained(name):
        with mlflow.start_run(run_name=name) as run:
            mlflow.log_text("weights", "model/weights.txt")
        return run
    def version_of(run):
        made = client.create_model_version("tagger", run.info.artifact_uri + "/model", run.info.run_id)
        return made.version
    client.create_registered_model("tagger")
"""


def history(done: Done, run: Recorded) -> list[tuple[str, dict[str, Any]]]:
    """What the addenda of a run say of versions, in order: the name, and what is said but for the version's."""
    found = []
    for addendum in done.store.addenda(run.row.run_id):
        assert addendum.status is Status.AUDIT_SEALED
        for event in done.store.events(addendum.run_id):
            body = parse_event(event).body
            if isinstance(body, Phase) and body.phase.startswith("mlflow."):
                facts = {key: value for key, value in body.facts.items() if key not in ("mlflow_run", "source")}
                found.append((body.phase.removeprefix("mlflow."), facts))
    return found


def named(done: Done, name: str) -> Recorded:
    (run,) = [each for each in done.runs if each.row.name == name]
    return run


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Two runs with a version each, and an alias that went from one to the other."""
    return run_script(
        tmp_path_factory.mktemp("moved"),
        BEGIN
        + """
    first, second = trained("first"), trained("second")
    one = version_of(first)
    client.set_registered_model_alias("tagger", "champion", one)
    client.transition_model_version_stage("tagger", one, "Production")
    client.set_model_version_tag("tagger", one, "approved", "yes")
    client.delete_model_version_tag("tagger", one, "approved")
    client.update_model_version("tagger", one, "the first")
    two = version_of(second)
    client.set_registered_model_alias("tagger", "champion", two)
    client.transition_model_version_stage("tagger", two, "Production", archive_existing_versions=True)
    client.rename_registered_model("tagger", "notes-tagger")
    client.delete_registered_model_alias("notes-tagger", "champion")
    client.delete_model_version("notes-tagger", two)
    client.delete_registered_model("notes-tagger")
    """,
    )


@pytest.mark.filterwarnings("ignore:.*stages are deprecated:FutureWarning")
def test_every_step_of_a_version_is_in_the_run_that_it_comes_from(moved: Done) -> None:
    one, two = {"name": "tagger", "version": "1"}, {"name": "tagger", "version": "2"}
    renamed = {"name": "notes-tagger", "version": "1"}
    assert history(moved, named(moved, "first")) == [
        ("model_version", one),
        ("model_alias", {**one, "alias": "champion"}),
        ("model_version_stage", {**one, "stage": "Production"}),
        ("model_version_tags", {**one, "tags": {"approved": "yes"}}),
        ("model_version_tag_deleted", {**one, "key": "approved"}),
        ("model_version_described", {**one, "description": "the first"}),
        ("model_alias_moved", {**one, "alias": "champion", "to": "2"}),
        ("model_version_stage", {**one, "stage": "Archived", "because_of": "2"}),
        ("model_renamed", {**one, "to": "notes-tagger"}),
        ("model_version_deleted", {**renamed, "with_its_model": True}),
    ]
    assert [what for what, _ in history(moved, named(moved, "second"))] == [
        "model_version",
        "model_alias",
        "model_version_stage",
        "model_renamed",
        "model_alias_deleted",
        "model_version_deleted",
    ]
    assert dict(history(moved, named(moved, "second")))["model_alias"] == {**two, "alias": "champion", "before": "1"}


def test_while_the_run_goes_on_it_stands_in_the_run_itself(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        BEGIN
        + """
    with mlflow.start_run() as run:
        client.set_registered_model_alias("tagger", "candidate", version_of(run))
    """,
    )
    assert done.store.addenda(done.run.row.run_id) == []
    [said] = done.run.said("model_alias")
    assert (said["name"], said["version"], said["alias"]) == ("tagger", "1", "candidate")


def test_an_alias_that_moved_since_the_seal_is_named(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        BEGIN
        + """
    with mlflow.start_run(run_name="first") as run:
        client.set_registered_model_alias("tagger", "champion", version_of(run))
    """,
    )
    plain = stores_in(f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "mlruns"))
    plain.registry.create_model_version("tagger", "elsewhere")
    plain.registry.set_registered_model_alias("tagger", "champion", "2")
    plain.registry.set_registered_model_alias("tagger", "approved", "1")

    assert drift_of(done, plain.uri) == [
        "model version tagger/1: alias champion was on it, and is on version 2",
        "model version tagger/1: alias approved is on it, and was not",
    ]

    plain.registry.delete_registered_model("tagger")
    assert drift_of(done, plain.uri) == [
        "model version tagger/1 removed",
        "model version tagger/1: alias champion was on it, and is gone",
    ]


def drift_of(done: Done, uri: str) -> list[str]:
    """What `--against` names."""
    said = json_of(done.folder, "verify", done.run.row.run_id, "--against", f"mlflow:{uri}", code=1)
    api.this_session().workspace.close()
    return [finding["message"] for finding in said["findings"] if finding["section"] == "against"]


def test_what_mlflow_refuses_is_not_recorded_and_its_error_is_the_user_s(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        BEGIN
        + """
    version = version_of(trained("first"))
    for call in (
        lambda: client.set_registered_model_alias("tagger", "champion", "9"),
        lambda: client.delete_model_version("tagger", "9"),
        lambda: client.get_model_version_by_alias("tagger", "champion"),
        lambda: client.rename_registered_model("nobody", "somebody"),
    ):
        try:
            call()
        except mlflow.exceptions.MlflowException as error:
            print(error.error_code)
    """,
    )
    refused = ["RESOURCE_DOES_NOT_EXIST", "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"]
    assert done.lines == [*refused, "RESOURCE_DOES_NOT_EXIST"]
    assert [what for what, _ in history(done, done.run)] == ["model_version"]
