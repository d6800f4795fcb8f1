"""The Hugging Face callback where a training is resumed: which checkpoint it came from, and whether that is so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api

pytest.importorskip("transformers")

from cognify_integrations.huggingface import CognifyCallback
from tests.integrations.test_huggingface import MakeTrainer, last_run, nodes_of

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home")]


def test_a_resumed_training_names_its_checkpoint_matched_by_weights(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(callbacks=[CognifyCallback()], max_steps=4).train()
    make_trainer(callbacks=[CognifyCallback()], max_steps=6).train(
        resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-4")
    )
    view = last_run()
    resumed = [node for node in nodes_of(view, "checkpoint") if node["id"] == "ckpt_step_4"]
    assert [node["assurance"] for node in resumed] == ["content"]
    assert {"from": "ckpt_step_4", "to": "ckpt_step_6"} in view.lineage["edges"]
    assert len(api.runs()) == 2


def test_a_checkpoint_that_the_resumed_training_rotates_away_is_hashed(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    make_trainer(max_steps=4).train()

    class RotateAtOnce(CognifyCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            super().on_train_begin(*args, **kwargs)
            shutil.rmtree(tmp_path / "out" / "checkpoint-4")

    make_trainer(callbacks=[RotateAtOnce()], max_steps=6).train(resume_from_checkpoint=True)
    view = last_run()
    assert {node["id"]: node["assurance"] for node in nodes_of(view, "checkpoint")}["ckpt_step_4"] == "content"
    assert view.row.complete


def test_a_checkpoint_of_another_folder_is_found_where_the_arguments_name_it(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    make_trainer(max_steps=4).train()
    named = str(tmp_path / "out" / "checkpoint-4")
    make_trainer("further", callbacks=[CognifyCallback()], max_steps=6, resume_from_checkpoint=named).train(
        resume_from_checkpoint=named
    )
    (resumed,) = [node for node in nodes_of(last_run(), "checkpoint") if node["id"] == "ckpt_step_4"]
    assert resumed["assurance"] == "content"


def test_a_checkpoint_whose_weights_are_others_is_only_declared(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    make_trainer(callbacks=[CognifyCallback()], max_steps=4).train()
    folder = tmp_path / "out" / "checkpoint-4"

    class SwapBehindTheTrainersBack(CognifyCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            tensors = load_file(folder / "model.safetensors")
            save_file(
                {key: tensor + torch.ones_like(tensor) for key, tensor in tensors.items()}, folder / "model.safetensors"
            )
            super().on_train_begin(*args, **kwargs)

    make_trainer(callbacks=[SwapBehindTheTrainersBack()], max_steps=6).train(resume_from_checkpoint=str(folder))
    resumed = [node for node in nodes_of(last_run(), "checkpoint") if node["id"] == "ckpt_step_4"]
    assert [node["assurance"] for node in resumed] == ["declared"]
