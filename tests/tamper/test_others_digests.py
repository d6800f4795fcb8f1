"""Each "unchanged although" of other tools, beside theirs where it is installed: their digest stays, ours changes.

And the other way round: what harms nobody (other shards, other chunks, `touch`) changes nothing of ours. That the rows
are named as well is told by `test_rows_others_miss`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.capture.files import file_outcome
from cognify_core.capture.tree import diff_trees, parse_manifest, tree_outcome
from cognify_core.capture.weights import weights_from_files
from cognify_core.errors import CaptureError
from tests.factories import sealed_run
from tests.tamper.attacking import Home, report_of
from tests.tamper.packaging import assert_contradicts, edited, package, verify

datasets = pytest.importorskip("datasets")
np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore:Starting with pandas version 4.0")  # MLflow asks pandas 3 the old way
SIZE = 12_000


@pytest.fixture(autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


def ours(data: Any) -> str:
    from cognify_core.capture.rows import rows_outcome

    outcome = rows_outcome(data)
    assert outcome.hash is not None, outcome.reason
    return str(outcome.hash)


def text(rows: int = SIZE, **changed: str) -> Any:
    words = [changed.get(f"row_{number}", f"note {number}") for number in range(rows)]
    return datasets.Dataset.from_dict({"text": words, "label": [number % 5 for number in range(rows)]})


def chat(answer: str = "yes", question: str = "?") -> Any:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return datasets.Dataset.from_dict({"messages": [turns] * 2_000})


def tokens(first: int) -> Any:
    return datasets.Dataset.from_dict({"input_ids": [[first + number] * 8 for number in range(2_000)]})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda: text(), lambda: text(row_10000="changed")),
        (lambda: text(), lambda: text(10_000)),
        (lambda: text(), lambda: text(4 * SIZE)),
        (lambda: chat("yes"), lambda: chat("no")),
        (lambda: chat("yes"), lambda: chat("why", "how")),
        (lambda: tokens(0), lambda: tokens(1)),
    ],
    ids=["a late row", "rows deleted", "rows appended", "every answer", "another chat", "every token"],
)
def test_mlflow_of_a_dataset(before: Callable[[], Any], after: Callable[[], Any]) -> None:
    old, new = before(), after()
    assert ours(old) != ours(new)
    mlflow = pytest.importorskip("mlflow.data")
    assert mlflow.from_huggingface(old, path="x").digest == mlflow.from_huggingface(new, path="x").digest


def test_mlflow_of_a_data_frame_and_of_an_array() -> None:
    old = text(4 * SIZE).to_pandas()
    new = old.copy()
    new.loc[20_000, "label"] = 99
    before, after = np.zeros((50_000, 20), dtype=np.float32), np.zeros((50_000, 20), dtype=np.float32)
    after[25_000, 0] = 1  # element 500,000
    assert ours(old) != ours(new)
    assert ours([{"x": row} for row in before[24_900:25_100]]) != ours([{"x": row} for row in after[24_900:25_100]])
    mlflow = pytest.importorskip("mlflow.data")
    assert mlflow.from_pandas(old).digest == mlflow.from_pandas(new).digest
    assert mlflow.from_numpy(before).digest == mlflow.from_numpy(after).digest


def test_mlflow_of_a_stream_raises_and_ours_says_why_it_has_no_digest() -> None:
    from cognify_core.capture.rows import rows_outcome

    stream = text(100).to_iterable_dataset()
    with pytest.raises(CaptureError, match="stream"):
        rows_outcome(stream)
    mlflow = pytest.importorskip("mlflow.data")
    with pytest.raises(Exception, match=r"(?i)stream|iterable"):  # of MLflow's own kind
        mlflow.from_huggingface(stream, path="x").digest  # noqa: B018


def test_rows_that_were_cached_before_the_file_was_edited_are_told_from_the_file(home: Home, tmp_path: Path) -> None:
    """`load_dataset("json")` looks at the time of the file. What was fed is recorded, and it is not what lies there."""
    source = tmp_path / "train.jsonl"
    source.write_text("".join(json.dumps({"text": f"row {number}"}) + "\n" for number in range(100)))
    times = source.stat()
    options: dict[str, Any] = {"data_files": str(source), "cache_dir": str(tmp_path / "cache"), "split": "train"}
    first = datasets.load_dataset("json", **options)
    source.write_text(source.read_text().replace("row 57", "rOw 57"))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    stale = datasets.load_dataset("json", **options)
    assert stale._fingerprint == first._fingerprint
    assert stale[57] == {"text": "row 57"}
    with api.run() as run:
        run.dataset(stale, name="fed")
        run.dataset(source, name="file", role="source")
    lineage = api.show(run.id).lineage
    assert lineage is not None
    rows = {node["id"]: node["hash"] for node in lineage["nodes"] if node["type"] == "dataset"}
    fed = rows["ds_fed_v1"]
    assert fed == ours(first)
    assert list(rows.values()).count(fed) == 1
    (cached,) = {file["filename"] for file in stale.cache_files}
    assert [str(line) for line in api.diff(Path(cached), source).lines()] == ["row 57: changed in text"]
    assert home.path in api.this_session().workspace.settings.store_path.parents


def test_wandb_of_the_same_rows_in_two_shards_instead_of_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    text(1_000).save_to_disk(one, num_shards=1)
    text(1_000).save_to_disk(two, num_shards=2)
    assert ours(datasets.load_from_disk(one)) == ours(datasets.load_from_disk(two))
    before, after = tree_outcome(one), tree_outcome(two)
    assert before.manifest is not None
    assert after.manifest is not None
    assert (
        "data-00001-of-00002.arrow" in diff_trees(parse_manifest(before.manifest), parse_manifest(after.manifest)).added
    )
    wandb = pytest.importorskip("wandb")
    digests = set()
    for folder in (one, two):
        artifact = wandb.Artifact("rows", "dataset")
        artifact.add_dir(str(folder), policy="immutable")
        digests.add(artifact.digest)
    assert len(digests) == 2


def test_a_folder_hashed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "adapter.bin").write_bytes(b"weights")
    (tmp_path / "notes.txt").write_text("kept")
    theirs, before = sha256(str(tmp_path).encode()).hexdigest(), tree_outcome(tmp_path)
    (tmp_path / "adapter.bin").write_bytes(b"Weights")
    assert sha256(str(tmp_path).encode()).hexdigest() == theirs
    after = tree_outcome(tmp_path)
    assert before.manifest is not None
    assert after.manifest is not None
    assert before.hash != after.hash
    assert diff_trees(parse_manifest(before.manifest), parse_manifest(after.manifest)).changed == ("adapter.bin",)


def test_a_chain_of_hashes_without_an_anchor_whose_last_events_are_cut_off() -> None:
    events = sealed_run().events
    chain = [sha256(b"").hexdigest()]
    for event in events:
        chain.append(sha256(chain[-1].encode() + event).hexdigest())
    links = list(zip(events, chain[:-1], chain[1:], strict=True))
    assert all(sha256(before.encode() + event).hexdigest() == after for event, before, after in links[:-2])
    report = verify(edited(package(), lambda value: value["record"]["events"].__delitem__(slice(-2, None))))
    assert_contradicts(report, "run_closed", "it is missing")
    assert_contradicts(report, "seal_record", "the seal was made over 6 events")


def test_what_harms_nobody_changes_nothing(tmp_path: Path) -> None:
    save = pytest.importorskip("safetensors.numpy").save_file
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    tensors = {name: np.arange(6, dtype=np.float32).reshape(2, 3) + number for number, name in enumerate("abcd")}
    save(tensors, whole / "model.safetensors", metadata={"format": "pt"})
    shards = {name: f"model-0000{1 + number // 2}-of-00002.safetensors" for number, name in enumerate("abcd")}
    for shard in set(shards.values()):
        save({name: tensors[name] for name, of in shards.items() if of == shard}, parts / shard)
    (parts / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    assert weights_from_files(whole).hash == weights_from_files(parts).hash is not None
    before = tree_outcome(whole).hash, file_outcome(whole / "model.safetensors").hash
    for path in (whole, whole / "model.safetensors"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert (tree_outcome(whole).hash, file_outcome(whole / "model.safetensors").hash) == before
    rows = text(3_000)
    for same in (
        rows.to_pandas(),
        rows.to_list(),
        rows.with_format("numpy"),
        rows.select(range(3_000)),
        rows.shard(1, 0),
    ):
        assert ours(same) == ours(rows)
    assert ours(rows.shuffle(seed=1)) != ours(rows)


@pytest.mark.slow
def test_a_row_a_file_and_a_tensor_edited_on_disk_are_named_from_the_package_and_from_the_store(
    home: Home, tmp_path: Path
) -> None:
    save = pytest.importorskip("safetensors.numpy").save_file
    checkpoint, rows = tmp_path / "checkpoint-1", tmp_path / "train.jsonl"
    checkpoint.mkdir()
    tensors = {"lora_A": np.zeros(8, dtype=np.float32), "lora_B": np.ones(8, dtype=np.float32)}
    save(tensors, checkpoint / "adapter_model.safetensors")
    (checkpoint / "trainer_state.json").write_text("{}")
    rows.write_text("".join(json.dumps({"text": f"row {number}"}) + "\n" for number in range(300)))
    with api.run() as run:
        run.dataset(rows, name="notes")
        run.checkpoint(checkpoint, step=1)
    exported = api.export_audit(run.id)
    assert api.verify(exported, artifacts=True).verdict("artifacts") == "ok"
    _restoring_times(rows, lambda: rows.write_text(rows.read_text().replace("row 217", "roW 217")))
    tensors["lora_B"][3] = 2
    _restoring_times(
        checkpoint / "adapter_model.safetensors",
        lambda: save(tensors, checkpoint / "adapter_model.safetensors"),
    )
    for target in (exported, run.id):
        report = report_of(target, artifacts=True)
        told = " ".join(finding.message for finding in report.contradictions)
        assert report.exit_code == 1
        assert report.verdict("intact") == report.verdict("signer") == "ok"
        assert re.search(r"ds_notes_v1: .*row 217 changed", told), told
        assert re.search(r"ckpt_step_1: .*changed: adapter_model\.safetensors", told), told
    assert home.path.is_dir()


def test_a_run_without_places_is_not_said_to_have_its_artifacts(home: Home) -> None:
    report = report_of(home.other, artifacts=True)
    assert (report.exit_code, report.verdict("artifacts")) == (2, "unchecked")
    assert "artifact_none" in report.codes


def _restoring_times(path: Path, edit: Callable[[], object]) -> None:
    times = path.stat()
    edit()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
