"""Model files that a script opened: told apart from data, recorded as what they are, and not where that is done."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cognify_integrations.observed_models import model_files
from tests.integrations.scripted import run

SAVE = """
from pathlib import Path
from tests.integrations import tiny
tiny.model().save_pretrained("tiny_bert")
Path("tiny_bert", "tokenizer_config.json").write_text('{"model_max_length": 16}')
Path("tiny_bert", "train.csv").write_text("text")
"""
LOAD = """
from pathlib import Path
from tests.integrations import tiny
from transformers import AutoModelForSequenceClassification
def load():
    for name in ("tokenizer_config.json", "train.csv"):
        Path("tiny_bert", name).read_text()
    return AutoModelForSequenceClassification.from_pretrained("tiny_bert")
"""
LOOP = f"""{LOAD}
import cognify
load()
with cognify.run():
    MEANWHILE
"""
TRAIN = f"""{LOAD}
tiny.trainer(Path("out"), callbacks=[], model=load(), eval_strategy="steps", eval_steps=2, max_steps=4,
             load_best_model_at_end=True).train()
"""
RESUME = """
from pathlib import Path
from tests.integrations import tiny
tiny.trainer(Path("out"), callbacks=[], max_steps=STEPS).train(resume_from_checkpoint=FROM)
"""


def recorded(folder: Path, program: str, *, prepare: str = SAVE) -> tuple[Path, dict[str, Any]]:
    """The folder of a program, and the one package of what it did after what prepares it, which nobody watched."""
    watched = f"""
import os, subprocess, sys
environment = {{name: value for name, value in os.environ.items() if name != "COGNIFY_AUTO"}}
subprocess.run([sys.executable, "-c", {prepare!r}], check=True, env=environment)
{program}"""
    ran = run(folder / "ran", "-c", watched, recorded=True)
    assert ran.code == 0, ran.stderr
    (package,) = ran.packages
    assert package["complete"], package["reasons"]
    return ran.folder, package


def bodies(package: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The events of a kind, by the node that they ask for."""
    events = map(json.loads, package["record"]["events"])
    return {event["id"]: event for event in events if event["kind"] == kind}


def tree(package: dict[str, Any], node: str) -> str:
    """The manifest of a node, as a text that `sha256sum -c` reads."""
    manifest: str = package["manifests"][bodies(package, "base_model")[node]["hash"]]
    return manifest


def line_of(folder: Path, name: str) -> str:
    return f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}"


@pytest.mark.slow
def test_a_models_files_are_one_node_of_their_own_and_data_beside_them_stays_data(tmp_path: Path) -> None:
    folder, package = recorded(tmp_path, LOOP.replace("MEANWHILE", "pass"))
    assert bodies(package, "dataset").keys() == {"ds_train_csv_v1"}
    assert bodies(package, "base_model").keys() == {"base_tiny_bert_files"}
    names = ["config.json", "model.safetensors", "tokenizer_config.json"]
    assert tree(package, "base_tiny_bert_files").splitlines()[1:] == [
        line_of(folder / "tiny_bert", name) for name in names
    ]
    (node,) = bodies(package, "base_model").values()
    assert node["name"].endswith("/tiny_bert")
    assert node["facts"]["observed"].keys() == set(names)
    assert not [edge for edge in package["edges"] if "base_tiny_bert_files" in edge.values()]


@pytest.mark.slow
def test_a_model_file_that_changed_before_it_was_hashed_is_a_gap(tmp_path: Path) -> None:
    meanwhile = "os.system('echo >> tiny_bert/tokenizer_config.json; rm tiny_bert/config.json')"
    _, package = recorded(tmp_path, LOOP.replace("MEANWHILE", meanwhile))
    changed = [gap["subject"] for gap in package["gaps"] if gap["reason"].startswith("changed or went away")]
    assert sorted(Path(each).name for each in changed) == ["config.json", "tokenizer_config.json"]
    assert [line.split()[1] for line in tree(package, "base_tiny_bert_files").splitlines()[1:]] == ["model.safetensors"]


@pytest.mark.slow
@pytest.mark.training
def test_weights_that_the_base_model_covers_are_not_hashed_again(tmp_path: Path) -> None:
    """Nor is the best checkpoint, which is read back at the end."""
    folder, package = recorded(tmp_path, TRAIN)
    base = bodies(package, "base_model")["base_tiny_bert"]
    assert base["manifest"] == "cognify.weights/v1"
    assert base["facts"]["matched"] == base["facts"]["total"]
    names = ["config.json", "tokenizer_config.json"]
    assert tree(package, "base_tiny_bert_files").splitlines()[1:] == [
        line_of(folder / "tiny_bert", name) for name in names
    ]
    assert {body["name"] for body in bodies(package, "dataset").values()} == {"train.csv", "train", "eval"}


@pytest.mark.slow
@pytest.mark.training
def test_of_a_checkpoint_that_is_recorded_as_a_tree_nothing_is_added(tmp_path: Path) -> None:
    first = RESUME.replace("STEPS", "2").replace("FROM", "None")
    _, package = recorded(tmp_path, RESUME.replace("STEPS", "4").replace("FROM", "'out/checkpoint-2'"), prepare=first)
    assert bodies(package, "checkpoint")["ckpt_step_2"]["facts"]["resumed"]
    assert not [node for node in bodies(package, "base_model") if node.endswith("_files")]
    assert {body["name"] for body in bodies(package, "dataset").values()} == {"train"}


@pytest.mark.slow
def test_a_model_in_the_hubs_cache_is_called_by_its_name(tmp_path: Path) -> None:
    program = """
from pathlib import Path
import cognify
snapshot = Path.home() / ".cache/huggingface/hub/models--acme--tiny-bert/snapshots/0f3c"
blob = snapshot.parents[1] / "blobs" / "77aa"
snapshot.mkdir(parents=True)
blob.parent.mkdir()
blob.write_text("{}")
(snapshot / "config.json").symlink_to(blob)
(snapshot / "config.json").read_text()
with cognify.run():
    pass
"""
    _, package = recorded(tmp_path, program, prepare="")
    assert bodies(package, "base_model").keys() == {"base_tiny_bert_files"}
    assert tree(package, "base_tiny_bert_files").splitlines()[1:] == [f"{sha256(b'{}').hexdigest()}  config.json"]


NAMES = {
    "data/config.json": False,
    "data/vocab.txt": False,
    "data/train.bin": False,
    "data/embeddings.safetensors": False,
    "data/model.safetensors": True,
    "data/llama.Q4_K.gguf": True,
    "data/epoch=1-step=10.ckpt": True,
    "described/config.json": True,
    "described/vocab.txt": True,
    "described/embeddings.safetensors": True,
    "described/train.csv": False,
    "described/train.bin": False,
    "described/notes.json": False,
    "adapter/adapter_model.safetensors": True,
    "adapter/adapter_config.json": True,
    "sharded/pytorch_model-00001-of-00002.bin": True,
    "sharded/pytorch_model.bin.index.json": True,
    "sharded/optimizer.pt": True,
    "sharded/merges.txt": True,
    "sharded/rows.jsonl": False,
    "sentences/modules.json": True,
    "sentences/1_Pooling/config.json": True,
    "sentences/rows/config.json": True,
    "hub/models--a--b/snapshots/0f/anything.txt": True,
    "hub/datasets--a--b/snapshots/0f/config.json": False,
    "torch/hub/checkpoints/resnet50.pth": True,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_file_is_known_by_its_name_and_its_folder(name: str, tmp_path: Path) -> None:
    contents = {"data/config.json": '{"batch": 8}', "described/config.json": '{"model_type": "bert"}'}
    for each in [*NAMES, "sharded/config.json", "broken/config.json"]:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_text(contents.get(each, "{"))
    if name.startswith("data/"):
        for other in ("model.safetensors", "llama.Q4_K.gguf", "epoch=1-step=10.ckpt"):
            (tmp_path / "data" / other).unlink()  # by which the folder would be a model's
    assert model_files()(tmp_path / name) == NAMES[name]


@pytest.mark.slow
def test_what_the_hub_keeps_for_itself_is_not_listed(tmp_path: Path) -> None:
    program = """
from pathlib import Path
import cognify
cache = Path.home() / ".cache" / "huggingface"
for name in ("token", "stored_tokens", "hub/models--a--b/refs/main", "hub/datasets--a--b/.no_exist/0f/x.json"):
    (cache / name).parent.mkdir(parents=True, exist_ok=True)
    (cache / name).write_text("a")
    (cache / name).read_text()
with cognify.run():
    pass
"""
    _, package = recorded(tmp_path, program, prepare="")
    assert not bodies(package, "dataset")
    assert not bodies(package, "base_model")
