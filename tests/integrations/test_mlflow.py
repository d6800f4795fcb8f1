"""Scripts that speak to MLflow alone, with `cognify+` before its URI."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.model.events import Metrics
from cognify_core.model.record import Status

pytest.importorskip("mlflow")

from tests.integrations.mlflow_program import SCRIPT, Done, database, run_script
from tests.integrations.mlflow_stores import stores_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """What `SCRIPT` leaves, for tests that only look at it."""
    return run_script(tmp_path_factory.mktemp("first"), SCRIPT, is_first=True)


def test_a_script_that_knows_nothing_of_us_ends_sealed_exported_and_verified(first: Done) -> None:
    run = first.run
    assert run.row.status is Status.AUDIT_SEALED
    assert run.row.complete
    assert run.row.name == "first"
    assert run.verify().exit_code == 0


def test_the_run_of_mlflow_and_the_record_name_each_other(first: Done) -> None:
    run = first.run
    assert [run.mlflow_id] == first.lines
    assert database(first.folder, "SELECT value FROM tags WHERE key = 'cognify.run_id'") == [(run.row.run_id,)]
    assert first.store.met(f"mlflow/{run.mlflow_id}") == run.row.run_id


def test_mlflow_has_all_that_it_was_told(first: Done) -> None:
    assert database(first.folder, "SELECT status FROM runs") == [("FINISHED",)]
    assert database(first.folder, "SELECT count(*) FROM metrics") == [(122,)]
    params = dict(database(first.folder, "SELECT key, value FROM params"))
    assert params == {"lr": "0.001", "epochs": "2", "api_key": "tell-nobody"}
    tags = dict(database(first.folder, "SELECT key, value FROM tags"))
    assert tags["team"] == "ml"
    assert "gone" not in tags


def test_metrics_parameters_and_tags_are_in_the_record_and_secrets_are_not(first: Done) -> None:
    run = first.run
    assert run.points["loss"] == [(step, 1 / (step + 1)) for step in range(120)]
    assert run.points["f1"] == [(7, 0.5)]
    assert [str(value) for _, value in run.points["nan"]] == ["nan"]
    assert max(len(body.points) for body in run.bodies if isinstance(body, Metrics)) == 50
    params = run.merged("params")
    assert {"lr": "0.001", "epochs": "2"}.items() <= params.items()
    assert "tell-nobody" not in str(run.bodies)
    assert run.merged("tags")["team"] == "ml"
    assert [facts["key"] for facts in run.said("tag_deleted")] == ["gone"]


def test_a_dataset_is_hashed_in_full_and_mlflows_digest_is_called_sampled(first: Done) -> None:
    dataset = first.run.datasets["notes"]
    assert dataset.assurance == "content"
    assert str(dataset.hash) == f"sha256:{sha256((first.folder / 'rows.csv').read_bytes()).hexdigest()}"
    assert dataset.role == "train"
    assert dataset.facts["mlflow_digest_assurance"] == "sampled"
    assert dataset.facts["mlflow_digest"]


def test_user_and_source_are_declared_and_the_state_at_the_end_is_in_the_package(first: Done) -> None:
    run = first.run
    (created,) = run.said("run_created")
    assert created["declared"]["source_type"] == "LOCAL"
    assert created["declared"]["user"]
    nodes = {node["id"]: node for node in run.package["nodes"]}
    assert nodes["cfg_mlflow_run"]["assurance"] == "content"
    assert {"environment", "code"} <= set(nodes)


MUTATIONS: dict[str, str] = {
    "a metric over an old step": "client.log_metric(run, 'loss', 9.0, step=3)",
    "a new parameter": "client.log_param(run, 'later', 1)",
    "a batch": "client.log_batch(run, params=[mlflow.entities.Param('later', '1')])",
    "a tag of the user's": "client.set_tag(run, 'mlflow.user', 'eve')",
    "a tag of git's": "client.set_tag(run, 'mlflow.source.git.commit', '1' * 40)",
    "the loss of a tag": "client.delete_tag(run, 'team')",
    "a dataset": "client.log_inputs(run, [])",
    "another end": "client.set_terminated(run, 'FAILED')",
    "another time of its end": "client.set_terminated(run, end_time=1)",
    "another name": "client.update_run(run, name='other')",
    "its deletion": "client.delete_run(run)",
    "its restoration": "client.restore_run(run)",
    "the deletion of its experiment": "client.delete_experiment('0')",
    "going on with it": "mlflow.start_run(run_id=run)",
    "a logged model": "client.create_logged_model('0', source_run_id=run)",
}


def test_a_sealed_run_takes_nothing_through_us_and_the_refusal_says_what_to_do(first: Done) -> None:
    run = first.run
    before = database(first.folder, "SELECT * FROM runs"), database(first.folder, "SELECT * FROM tags")
    code = f"""
import mlflow
client, run = mlflow.MlflowClient(), {run.mlflow_id!r}
for name, change in {MUTATIONS!r}.items():
    try:
        eval(change)
    except mlflow.exceptions.MlflowException as error:
        print(f"{{name}}|{{error.error_code}}|{{error}}")
"""
    again = run_script(first.folder, code)
    refused = [line.split("|") for line in again.lines]
    assert [name for name, *_ in refused] == list(MUTATIONS)
    for _, code_, text in refused:
        assert code_ == "RESOURCE_CONFLICT"
        assert f"was sealed: its record, {run.row.run_id}" in text
        assert "cognify note" in text
    after = database(first.folder, "SELECT * FROM runs"), database(first.folder, "SELECT * FROM tags")
    assert after == before
    assert run.verify().exit_code == 0


def test_garbage_collection_leaves_sealed_runs_alone(first: Done) -> None:
    run_id = first.run.mlflow_id
    plain = stores_in(f"sqlite:///{first.folder / 'mlflow.db'}", str(first.folder / "mlruns")).tracking
    plain.delete_run(run_id)
    code = """
        import os, sys
        sys.argv = ["mlflow", "gc", "--backend-store-uri", os.environ["MLFLOW_TRACKING_URI"]]
        from mlflow.cli import cli
        cli(standalone_mode=False)
    """
    done = run_script(first.folder, code, expect=1)
    plain.restore_run(run_id)
    plain.engine.dispose()
    assert f"MLflow run {run_id} was sealed" in done.err
    assert (first.folder / "mlruns" / "0" / run_id / "artifacts" / "note.txt").read_text() == "hello"


def test_what_is_written_right_after_the_end_is_refused_though_the_seal_is_under_way(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 1.0)
        try:
            mlflow.MlflowClient().log_metric(run.info.run_id, "loss", 2.0, step=1)
        except mlflow.exceptions.MlflowException as error:
            print(error)
        """,
    )
    assert "has ended: its record" in done.out
    assert done.run.row.status is Status.AUDIT_SEALED


def test_a_run_that_only_the_exit_ends_is_sealed(tmp_path: Path) -> None:
    done = run_script(tmp_path, "import mlflow; mlflow.log_metric('loss', 1.0, step=3)")
    assert done.run.row.status is Status.AUDIT_SEALED
    assert done.run.points == {"loss": [(3, 1.0)]}
    assert done.run.verify().exit_code == 0


def test_a_run_that_an_exception_ended_is_failed_though_mlflow_calls_it_finished(tmp_path: Path) -> None:
    done = run_script(tmp_path, "import mlflow; mlflow.log_metric('loss', 1.0); raise ValueError('no')", expect=1)
    assert done.run.row.status is Status.FAILED
    assert database(tmp_path, "SELECT status FROM runs") == [("FINISHED",)]


def test_runs_that_did_not_finish_and_those_that_nobody_ends_are_closed_and_not_sealed(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        client = mlflow.MlflowClient()
        for status in ("FAILED", "KILLED", None):
            run = client.create_run("0", run_name=str(status))
            if status:
                client.set_terminated(run.info.run_id, status)
        """,
    )
    assert {str(run.row.name): run.row.status for run in done.runs} == {
        "FAILED": Status.FAILED,
        "KILLED": Status.INTERRUPTED,
        "None": Status.INTERRUPTED,
    }
    for name in ("FAILED", "KILLED"):
        [run_id] = [run.row.run_id for run in done.runs if run.row.name == name]
        assert f"not sealed; seal it with `cognify seal {run_id}`" in done.err


def test_parents_children_and_threads_each_have_a_record_of_their_own(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        from concurrent.futures import ThreadPoolExecutor
        with mlflow.start_run(run_name="parent") as parent:
            mlflow.log_metric("outer", 1.0)
            with mlflow.start_run(run_name="child", nested=True):
                mlflow.log_metric("inner", 2.0)
            mlflow.log_metric("outer", 3.0, step=1)
        def work(number):
            with mlflow.start_run(run_name=f"thread-{number}"):
                for step in range(20):
                    mlflow.log_metric(f"m{number}", step, step=step)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        """,
    )
    runs = {str(run.row.name): run for run in done.runs}
    assert {run.row.status for run in runs.values()} == {Status.AUDIT_SEALED}
    assert runs["parent"].points == {"outer": [(0, 1.0), (1, 3.0)]}
    assert runs["child"].points == {"inner": [(0, 2.0)]}
    assert runs["child"].opened.tags["mlflow.parentRunId"] == runs["parent"].mlflow_id
    for number in range(4):
        assert runs[f"thread-{number}"].points == {f"m{number}": [(step, float(step)) for step in range(20)]}


def test_what_is_logged_asynchronously_is_recorded_to_the_last_point(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        with mlflow.start_run():
            mlflow.log_params({"a": 1}, synchronous=False)
            for step in range(60):
                mlflow.log_metric("loss", step, step=step, synchronous=False)
        """,
    )
    assert sorted(done.run.points["loss"]) == [(step, float(step)) for step in range(60)]
    assert done.run.merged("params") == {"a": "1"}
    assert done.run.row.complete


def test_a_version_registered_after_the_seal_goes_into_an_addendum(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow
        client = mlflow.MlflowClient()
        with mlflow.start_run() as run:
            mlflow.log_text("weights", "model/weights.txt")
        client.create_registered_model("tagger")
        client.create_model_version("tagger", run.info.artifact_uri + "/model", run.info.run_id)
        """,
    )
    run = done.run
    (addendum,) = done.store.addenda(run.row.run_id)
    assert addendum.status is Status.AUDIT_SEALED
    assert b"mlflow.model_version" in b"".join(done.store.events(addendum.run_id))
    assert run.verify().exit_code == 0


def test_with_cognify_run_around_it_there_is_one_run_with_both_ids(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import cognify, mlflow
        with cognify.run("ours") as ours:
            with mlflow.start_run() as theirs:
                mlflow.log_metric("loss", 1.0)
            ours.log({"other": 2.0}, step=1)
        print(theirs.info.run_id, theirs.data.tags["cognify.run_id"], ours.id)
        """,
    )
    theirs, tagged, ours = done.lines[-1].split()
    run = done.run
    assert (run.row.run_id, run.row.name, tagged) == (ours, "ours", ours)
    assert done.store.met(f"mlflow/{theirs}") == ours
    assert run.points == {"loss": [(0, 1.0)], "other": [(1, 2.0)]}
    assert "cfg_mlflow_run" in {node["id"] for node in run.package["nodes"]}
    assert run.row.status is Status.AUDIT_SEALED


def test_a_block_waits_for_the_mlflow_run_that_outlives_it(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import cognify, mlflow
        with cognify.run("ours"):
            mlflow.start_run()
        mlflow.log_metric("late", 1.0)
        """,
    )
    assert done.run.points == {"late": [(0, 1.0)]}
    assert done.run.row.status is Status.AUDIT_SEALED


def test_notes_go_into_the_run_while_it_goes_on_and_then_into_an_addendum(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import cognify, mlflow
        with mlflow.start_run():
            cognify.note("within")
        cognify.note("after")
        """,
    )
    assert b"within" in b"".join(done.store.events(done.run.row.run_id))
    (addendum,) = done.store.addenda(done.run.row.run_id)
    assert b"after" in b"".join(done.store.events(addendum.run_id))


def test_a_process_that_is_given_a_run_writes_its_record_too_and_leaves_the_end_to_its_owner(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """
        import mlflow, os, subprocess, sys
        with mlflow.start_run() as run:
            mlflow.log_metric("loss", 1.0)
            code = "import mlflow; mlflow.log_metric('other', 2.0)"
            environ = {**os.environ, "MLFLOW_RUN_ID": run.info.run_id}
            subprocess.run([sys.executable, "-c", code], env=environ, check=True)
            mlflow.log_metric("loss", 3.0, step=1)
        """,
    )
    assert done.run.points == {"loss": [(0, 1.0), (1, 3.0)], "other": [(0, 2.0)]}
    assert done.run.row.status is Status.AUDIT_SEALED
