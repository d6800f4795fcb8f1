"""A framework's own MLflow logger and our callback at once: one run, with the ids of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognify_core.model.record import Status

pytest.importorskip("mlflow")
pytest.importorskip("transformers")

from tests.integrations.mlflow_program import SQLITE, Done, Recorded, run_script

pytestmark = [pytest.mark.slow, pytest.mark.training]

ROOT = str(Path(__file__).parents[2])
HUGGING_FACE = """
    from pathlib import Path
    from tests.integrations import tiny
    {imports}
    trainer = tiny.trainer(Path("out"), callbacks=[{callback}], report_to="mlflow")
    {before}
    trainer.train()
"""
LIGHTNING = """
    import os
    from pathlib import Path
    from lightning.pytorch.loggers import MLFlowLogger
    from tests.integrations import lightning_tiny as tiny
    logger = MLFlowLogger(tracking_uri=os.environ["MLFLOW_TRACKING_URI"])
    callbacks = [tiny.callback_of("lightning.pytorch")()] if {callback} else []
    trainer = tiny.trainer("lightning.pytorch", Path("out"), callbacks, logger=logger)
    trainer.fit(tiny.module_class("lightning.pytorch")(), tiny.loader())
"""


def train(folder: Path, code: str) -> Done:
    return run_script(folder, code, uri=SQLITE, PYTHONPATH=ROOT, PYTHONWARNINGS="ignore")


def hugging_face(*, ours: bool = True, before: str = "") -> str:
    imports = "from cognify_integrations.huggingface import CognifyCallback" if ours else ""
    return HUGGING_FACE.format(imports=imports, callback="CognifyCallback()" if ours else "", before=before)


def nodes(run: Recorded) -> set[str]:
    return {node["id"] for node in run.package["nodes"]}


def assert_one_run_with_both_ids(done: Done) -> None:
    run = done.run
    assert run.row.status is Status.AUDIT_SEALED
    assert run.row.complete
    (created,) = run.said("run_created")
    assert done.store.met(f"mlflow/{created['mlflow_run']}") == run.row.run_id
    assert {"cfg_mlflow_run", "model_final", "environment", "code"} <= nodes(run)
    assert any(name.startswith("ckpt_step_") for name in nodes(run))
    assert run.verify().exit_code == 0


def test_the_trainers_mlflow_callback_alone_is_recorded(tmp_path: Path) -> None:
    done = train(tmp_path, hugging_face(ours=False))
    assert done.run.row.status is Status.AUDIT_SEALED
    assert sorted(step for step, _ in done.run.points["loss"]) == [1, 2, 3, 4, 5, 6]  # it logs from several threads
    assert done.run.merged("params")["max_steps"] == "6"


def test_ours_and_then_the_trainers_mlflow_callback_are_one_run(tmp_path: Path) -> None:
    """Ours comes first at both ends: it ends its run while MLflow's goes on."""
    last = (
        "trainer.callback_handler.callbacks.sort(key=lambda each: "
        "type(each).__name__ == 'MLflowCallback')  # as add_callback would"
    )
    assert_one_run_with_both_ids(train(tmp_path, hugging_face(before=last)))


def test_a_training_inside_of_an_mlflow_run_ends_with_that(tmp_path: Path) -> None:
    code = hugging_face().replace(
        "    trainer.train()\n",
        """    import mlflow
    with mlflow.start_run():
        trainer.train()
        mlflow.log_metric("after", 1.0)
""",
    )
    done = train(tmp_path, code)
    assert_one_run_with_both_ids(done)
    assert done.run.points["after"] == [(0, 1.0)]


def test_a_training_that_dies_is_not_sealed_though_mlflow_calls_its_run_finished(tmp_path: Path) -> None:
    code = hugging_face(before="trainer.train_dataset = [1, 2]")
    done = run_script(tmp_path, code, expect=1, PYTHONPATH=ROOT, PYTHONWARNINGS="ignore")
    assert {run.row.status for run in done.runs} <= {Status.FAILED, Status.INTERRUPTED}
    assert done.runs


def test_lightnings_mlflow_logger_alone_is_recorded(tmp_path: Path) -> None:
    done = train(tmp_path, LIGHTNING.format(callback=False))
    assert done.run.row.status is Status.AUDIT_SEALED
    assert done.run.merged("params") == {"learning_rate": "0.1"}


def test_lightnings_mlflow_logger_and_our_callback_are_one_run(tmp_path: Path) -> None:
    assert_one_run_with_both_ids(train(tmp_path, LIGHTNING.format(callback=True)))


def test_autologging_is_recorded(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    done = train(
        tmp_path,
        """
        import mlflow, numpy
        from sklearn.linear_model import LogisticRegression
        mlflow.autolog(log_models=False)
        rows = numpy.arange(40.0).reshape(20, 2)
        LogisticRegression(C=0.5).fit(rows, numpy.arange(20) % 2)
        """,
    )
    assert done.run.row.status is Status.AUDIT_SEALED
    assert done.run.merged("params")["C"] == "0.5"
    assert any(dataset.facts["mlflow_digest"] for dataset in done.run.datasets.values())
