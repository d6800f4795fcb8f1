"""Base models out of the Hub's cache, laid out as the Hub's library lays it out: their commit, and their licence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from packaging.version import Version

from cognify_core import api
from cognify_core.model.events import BaseModelSeen, parse_event
from cognify_integrations.hub_snapshots import MOST_READ, MOST_SAID, licence_in, snapshot_of
from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import tiny
from tests.integrations.scripted import minilm, run

MAIN, TAGGED = "0f3c" * 10, "a1b2" * 10
CARD = "---\nlanguage: en\nlicense: apache-2.0\ntags:\n- sentence-similarity\n---\n\n# A model\n"
KEEPS_COMMITS = Version(version("transformers")) < Version("5")
MakeTrainer = Callable[..., Any]

TRAIN = """
from pathlib import Path
import cognify
from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import tiny
from transformers import AutoModelForSequenceClassification
model = AutoModelForSequenceClassification.from_pretrained("acme/minilm", num_labels=2)
tiny.trainer(Path("out"), callbacks=[CognifyCallback()], model=model, max_steps=1).train()
cognify.export_audit(format="hf-card", path="card.md")
cognify.export_audit(format="cyclonedx", path="bom.cdx.json")
"""
TRAIN_TAGGED = """
from pathlib import Path
from cognify_integrations.huggingface import CognifyCallback
from peft import LoraConfig, TaskType, get_peft_model
from tests.integrations import tiny
from transformers import AutoModelForSequenceClassification
base = AutoModelForSequenceClassification.from_pretrained("acme/minilm", revision="v1.0")
targets = ["query", "value"]
model = get_peft_model(base, LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=targets, revision="v1.0"))
tiny.trainer(Path("out"), callbacks=[CognifyCallback()], model=model, max_steps=1).train()
"""


def cached(cache: Path, model: Path, commit: str, card: str | None, ref: str = "main") -> Path:
    """Put a model's folder into a cache of the Hub, as files named by their digests; return its snapshot."""
    repository = cache / "models--acme--minilm"
    snapshot = repository / "snapshots" / commit
    for folder in (snapshot, repository / "blobs", repository / "refs"):
        folder.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / ref).write_text(commit)
    files = {name: (model / name).read_bytes() for name in ("config.json", "model.safetensors")}
    for name, data in (files | ({} if card is None else {"README.md": card.encode()})).items():
        digest = sha256(data).hexdigest()
        (repository / "blobs" / digest).write_bytes(data)
        (snapshot / name).symlink_to(f"../../blobs/{digest}")
    return snapshot


def saved(folder: Path, *, shift: float = 0.0) -> Path:
    """A tiny model's folder; with a shift, of other weights."""
    model = tiny.model()
    for parameter in model.parameters():
        parameter.data += shift
    model.save_pretrained(folder)
    return folder


def recorded() -> BaseModelSeen:
    """The base model of the last run of this process."""
    events = api.this_session().workspace.store.events(api.show("last").row.run_id)
    (found,) = [body for body in (parse_event(data).body for data in events) if isinstance(body, BaseModelSeen)]
    return found


def base_of(package: dict[str, Any]) -> dict[str, Any]:
    (found,) = [event for event in map(json.loads, package["record"]["events"]) if event["kind"] == "base_model"]
    facts: dict[str, Any] = found["facts"]
    return facts


@pytest.mark.slow
@pytest.mark.training
def test_a_model_of_the_hub_is_recorded_with_its_commit_and_its_licence_and_exports_show_both(tmp_path: Path) -> None:
    cached(tmp_path / "hub", minilm(), MAIN, CARD)
    ran = run(tmp_path / "ran", "-c", TRAIN, recorded=False, HF_HUB_CACHE=str(tmp_path / "hub"))
    assert ran.code == 0, ran.stderr
    package, *_ = ran.packages
    facts = base_of(package)
    who = "transformers" if KEEPS_COMMITS else "the Hub's cache"
    assert (facts["revision"], facts["revision_by"], facts["license"]) == (MAIN, who, "apache-2.0")
    assert facts["matched"] > 100
    assert MAIN in (ran.folder / "card.md").read_text()
    (base,) = [
        each
        for each in json.loads((ran.folder / "bom.cdx.json").read_text())["components"]
        if each["name"] == "acme/minilm"
    ]
    assert (base["version"], base["licenses"][0]["license"]["name"]) == (MAIN, "apache-2.0")


@pytest.mark.slow
@pytest.mark.training
def test_the_revision_that_an_adapter_names_is_where_the_files_of_its_base_are_looked_for(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    cached(tmp_path / "hub", saved(tmp_path / "new", shift=0.5), MAIN, CARD)
    cached(tmp_path / "hub", saved(tmp_path / "old"), TAGGED, CARD.replace("apache-2.0", "mit"), ref="v1.0")
    ran = run(tmp_path / "ran", "-c", TRAIN_TAGGED, recorded=False, HF_HUB_CACHE=str(tmp_path / "hub"))
    assert ran.code == 0, ran.stderr
    facts = base_of(ran.packages[0])
    assert facts["matched"] == facts["total"]
    assert (facts["revision"], facts["license"]) == (TAGGED, "mit")


@pytest.mark.training
@pytest.mark.usefixtures("home")
def test_a_snapshots_folder_tells_the_commit_too(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    snapshot = cached(tmp_path / "hub", saved(tmp_path / "tiny"), MAIN, CARD)
    model = BertForSequenceClassification.from_pretrained(snapshot)
    make_trainer(callbacks=[CognifyCallback()], model=model, max_steps=1).train()
    assert (recorded().facts["revision"], recorded().facts["license"]) == (MAIN, "apache-2.0")


@pytest.mark.training
@pytest.mark.usefixtures("home")
@pytest.mark.skipif(not KEEPS_COMMITS, reason="transformers 5 keeps no commit in a model")
def test_a_commit_is_told_by_transformers_where_the_files_lie_elsewhere(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    from transformers import BertForSequenceClassification

    cached(tmp_path / "elsewhere", saved(tmp_path / "tiny"), MAIN, CARD)
    model = BertForSequenceClassification.from_pretrained("acme/minilm", cache_dir=tmp_path / "elsewhere")
    make_trainer(callbacks=[CognifyCallback()], model=model, max_steps=1).train()
    facts = recorded().facts
    assert (facts["revision"], facts["revision_by"], facts.get("license")) == (MAIN, "transformers", None)


@pytest.mark.training
@pytest.mark.usefixtures("home")
def test_of_weights_that_are_not_those_of_the_snapshot_neither_is_said(
    make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    from transformers import BertForSequenceClassification

    snapshot = cached(tmp_path / "hub", saved(tmp_path / "tiny"), MAIN, CARD)
    model = BertForSequenceClassification.from_pretrained(snapshot)
    for parameter in model.parameters():
        parameter.data += 0.25
    make_trainer(callbacks=[CognifyCallback()], model=model, max_steps=1).train()
    assert recorded().facts["matched"] == 0
    assert not recorded().facts.keys() & {"revision", "revision_by", "license"}


@pytest.mark.training
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("card", [None, f"---\nlicense: {'x' * 1_000_000}\n---\n"], ids=["none", "hostile"])
def test_a_folder_whose_card_tells_nothing_is_recorded_as_before(
    make_trainer: MakeTrainer, tmp_path: Path, card: str | None
) -> None:
    from transformers import BertForSequenceClassification

    folder = saved(tmp_path / "tiny_bert")
    if card is not None:
        (folder / "README.md").write_text(card)
    model = BertForSequenceClassification.from_pretrained(folder)
    make_trainer(callbacks=[CognifyCallback()], model=model, max_steps=1).train()
    assert recorded().assurance == "content"
    assert not recorded().facts.keys() & {"revision", "revision_by", "license"}


SAYS = {
    "mit": "license: mit",
    "apache-2.0": "model-index:\n- name: x\n  license: gpl\n? [a, b]\n: c\nlicense: 'apache-2.0'",
    "mit, cc-by-4.0": "license:\n- mit\n- cc-by-4.0",
    "other (acme-research)": "license: other\nlicense_name: acme-research",
    "llama3.1": "other: &a [x]\nmore: *a\nlicense: llama3.1",
    "<b>mit</b> [x](javascript:y)": "license: '<b>mit</b> [x](javascript:y)'",
    "!!python/object/apply:os.system": "license: '!!python/object/apply:os.system'",
}


@pytest.mark.parametrize(("licence", "text"), SAYS.items())
def test_the_licence_is_what_the_front_matter_says(tmp_path: Path, licence: str, text: str) -> None:
    (tmp_path / "README.md").write_text(f"---\r\n{text}\n---\nlicense: wrong\n", newline="")
    assert licence_in(tmp_path) == licence


SAYS_NOTHING = {
    "no front matter": b"# A model\nlicense: mit\n",
    "no end": b"---\nlicense: mit\n",
    "empty": b"---\nlicense:\n---\n",
    "null": b"---\nlicense: null\n---\n",
    "a map": b"---\nlicense: {a: b}\n---\n",
    "an alias": b"---\na: &x mit\nlicense: *x\n---\n",
    "a list of lists": b"---\nlicense: [[mit]]\n---\n",
    "no map": b"---\n- license: mit\n---\n",
    "inside another": b"---\nx: {license: mit}\n---\n",
    "no YAML": b"---\nlicense: mit\nx: [}\n---\n",
    "no text": b"---\nlicense: mit\nx: \xff\n---\n",
    "control characters": b'---\nlicense: "a\\x1b[31m"\n---\n',
    "two lines": b"---\nlicense: |\n  a\n  b\n---\n",
    "right to left": "---\nlicense: \u202emit\n---\n".encode(),
    "half of a character": b'---\nlicense: "\\uD800"\n---\n',
    "too long": b"---\nlicense: " + b"x" * (MOST_SAID + 1) + b"\n---\n",
    "too much": b"---\nx: " + b"y" * MOST_READ + b"\nlicense: mit\n---\n",
    "deep": b"---\nlicense: mit\nx: " + b"[" * 100_000 + b"\n---\n",
    "deep maps": b"---\nlicense: mit\nx: " + b"{a: " * 50_000 + b"\n---\n",
    "growing": b"---\na: &a [x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (i, i) for i in range(5000)) + b"---\n",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("data", SAYS_NOTHING.values(), ids=SAYS_NOTHING.keys())
def test_what_names_no_licence_in_one_line_names_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "README.md").write_bytes(data)
    assert licence_in(tmp_path) is None


@pytest.mark.timeout(20)
def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    assert licence_in(tmp_path) is None
    os.mkfifo(tmp_path / "README.md")
    assert licence_in(tmp_path) is None
    (tmp_path / "README.md").unlink()
    (tmp_path / "README.md").mkdir()
    assert licence_in(tmp_path) is None
    shutil.rmtree(tmp_path / "README.md")
    (tmp_path / "README.md").symlink_to("/dev/zero")
    assert licence_in(tmp_path) is None


def test_a_snapshot_is_told_from_other_folders(tmp_path: Path) -> None:
    for place, commit in (
        (f"models--a--b/snapshots/{MAIN}", MAIN),
        (f"datasets--a--b/snapshots/{MAIN}", None),
        (f"models--a--b/{MAIN}", None),
        ("models--a--b/snapshots/main", None),
    ):
        (tmp_path / place).mkdir(parents=True)
        assert snapshot_of(tmp_path / place) == commit
