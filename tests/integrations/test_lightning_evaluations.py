"""Evaluations and predictions with Lightning, during a training and after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cognify_core import api

pytest.importorskip("lightning")
pytest.importorskip("pytorch_lightning")


from tests.integrations import lightning_tiny as tiny
from tests.integrations.lightning_records import PL, Fit, bodies, both, last, nodes, points

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home"), *tiny.WARNED]


@both
def test_evaluations_during_training_name_rows_and_checkpoint(fit: Fit, namespace: str) -> None:
    fit(namespace, datamodule=tiny.datamodule_class(namespace)(), val_check_interval=2)
    (first, *_) = nodes("evaluation")
    assert [node["id"] for node in nodes("evaluation")] == [f"eval_validation_step_{step}" for step in (2, 4, 6)]
    assert list(first["results"]) == ["val_loss"]
    edges = last().lineage["edges"]
    assert {"from": "ckpt_step_4", "to": "eval_validation_step_4"} in edges
    assert {"from": "ds_validation_v1", "to": "eval_validation_step_4"} in edges
    assert len([node for node in nodes("dataset") if node["role"] == "eval"]) == 1


def test_a_sanity_check_is_no_evaluation(fit: Fit) -> None:
    fit(val=tiny.loader(tiny.tensors(16, shift=1)), num_sanity_val_steps=2, max_steps=2)
    assert nodes("evaluation") == []
    assert not [name for _, name in points() if "val" in name]


def test_each_of_several_validation_loaders_is_told_apart(fit: Fit) -> None:
    near, far = tiny.loader(tiny.tensors(8, shift=1)), tiny.loader(tiny.tensors(8, shift=50))
    fit(val=[near, far], val_check_interval=6)
    edges = last().lineage["edges"]
    for number in (0, 1):
        assert {"from": f"ds_validation_{number}_v1", "to": f"eval_validation_{number}_step_6"} in edges
    assert [list(node["results"]) for node in nodes("evaluation")] == [["val_loss"], ["val_loss"]]


@both
def test_a_test_after_the_seal_goes_into_an_addendum_with_the_final_weights(fit: Fit, namespace: str) -> None:
    data = tiny.datamodule_class(namespace)()
    trainer = fit(namespace, datamodule=data)
    (told,) = trainer.test(trainer.lightning_module, data, verbose=False)
    trainer.validate(trainer.lightning_module, data, verbose=False)
    package = api.export_audit()
    assert package.addenda == 1
    (addendum,) = last().addenda
    tested, validated = [body for body in bodies(addendum.run_id) if body.kind == "evaluation"]
    assert (tested.id, validated.id) == ("eval_test_step_6", "eval_validation_step_6")
    assert tested.inputs[-1] == "@model_final"
    assert tested.results["test_loss"] == pytest.approx(told["test_loss"])
    assert len([body for body in bodies(addendum.run_id) if body.kind == "dataset"]) == 2
    assert api.verify(package).exit_code == 0


def test_a_validation_on_other_rows_after_the_fit_names_those(fit: Fit) -> None:
    trainer = fit(val=tiny.loader(tiny.tensors(16, shift=1)), val_check_interval=6)
    trainer.validate(trainer.lightning_module, tiny.loader(tiny.tensors(24, shift=9)), verbose=False)
    api.export_audit()
    (addendum,) = last().addenda
    (rows,) = [body for body in bodies(addendum.run_id) if body.kind == "dataset"]
    assert rows.record_count == 24


def test_an_evaluation_of_a_checkpoint_names_the_checkpoint(fit: Fit, tmp_path: Path) -> None:
    data = tiny.datamodule_class(PL)()
    trainer = fit(datamodule=data)
    trainer.test(datamodule=data, verbose=False)  # Lightning takes the best one
    trainer.test(datamodule=data, ckpt_path=str(tmp_path / "out" / "step=4.ckpt"), verbose=False)
    api.export_audit()
    found = [body for body in bodies(last().addenda[0].run_id) if body.kind == "evaluation"]
    assert [(each.id, each.inputs[-1]) for each in found] == [
        ("eval_test_step_6", "@ckpt_step_6"),
        ("eval_test_step_4", "@ckpt_step_4"),
    ]


def test_an_evaluation_of_another_module_claims_no_weights(fit: Fit) -> None:
    data = tiny.datamodule_class(PL)()
    trainer = fit(datamodule=data)
    trainer.test(tiny.module(PL), datamodule=data, verbose=False)
    api.export_audit()
    (evaluation,) = [body for body in bodies(last().addenda[0].run_id) if body.kind == "evaluation"]
    assert (evaluation.id, evaluation.step) == ("eval_test", None)
    assert not [ref for ref in evaluation.inputs if ref.startswith("@")]
    assert "not the one that was trained" in str(evaluation.facts)


def test_predictions_name_their_rows(fit: Fit) -> None:
    trainer = fit()
    trainer.predict(trainer.lightning_module, tiny.loader(tiny.tensors(24, shift=9)))
    api.export_audit()
    found = {body.kind: body for body in bodies(last().addenda[0].run_id)}
    assert (found["dataset"].record_count, found["evaluation"].name) == (24, "predict")


@both
def test_an_evaluation_with_no_run_of_ours_is_nothing_to_observe(namespace: str, tmp_path: Path) -> None:
    data = tiny.datamodule_class(namespace)()
    trainer = tiny.trainer(namespace, tmp_path, [tiny.callback_of(namespace)()])
    trainer.test(tiny.module(namespace), datamodule=data, verbose=False)
    trainer.validate(tiny.module(namespace), datamodule=data, verbose=False)
    trainer.predict(tiny.module(namespace), tiny.loader())
    assert api.runs() == []
