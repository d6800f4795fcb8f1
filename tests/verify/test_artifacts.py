"""What became of files, folders, rows and weights since they were recorded. Everything is hashed for real."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core.capture.files import file_outcome
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.export.inputs import SealedRun
from cognify_core.model.evaluation_facts import EvaluationFacts, Samples
from cognify_core.model.events import Artifact
from cognify_core.verify.artifacts import ArtifactFinding, check_artifacts
from cognify_core.verify.package import check_package
from cognify_core.verify.rehash import Rehash
from cognify_core.verify.report import Report
from tests.factories import SIGNER, checkpoint, dataset, evaluation, sealed_run, whole
from tests.tamper.packaging import package


@pytest.fixture
def rehash(tmp_path: Path) -> Iterator[Rehash]:
    with Rehash.rehashing(tmp_path / "indexes") as ready:
        yield ready


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of two files."""
    path = tmp_path / "out" / "checkpoint-20"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    (path / "trainer_state.json").write_text("{}")
    return path


def of_outcome(outcome: Outcome, path: Path | str, **fields: Any) -> dict[str, Any]:
    return {"hash": outcome.hash, "manifest": outcome.format, "location": str(path), "inputs": ()} | fields


def run_of(*artifacts: tuple[Artifact, Outcome]) -> SealedRun:
    manifests = {str(outcome.hash): outcome.manifest for _, outcome in artifacts if outcome.manifest is not None}
    return sealed_run(whole([artifact for artifact, _ in artifacts]), manifests=manifests)


def tree_run(path: Path, location: Path | str | None = None) -> SealedRun:
    outcome = tree_outcome(path)
    return run_of((checkpoint(20, **of_outcome(outcome, location or path)), outcome))


def only(run: SealedRun, rehash: Rehash, **options: Any) -> ArtifactFinding:
    (finding,) = check_artifacts([run], rehash=rehash, **options)
    return finding


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_folder_that_was_only_touched_is_present(folder: Path, rehash: Rehash) -> None:
    run = tree_run(folder)
    os.utime(folder / "model.safetensors", (0, 0))
    assert only(run, rehash).state == "present"


def test_a_changed_added_and_missing_file_are_each_named(folder: Path, rehash: Rehash) -> None:
    run = tree_run(folder)
    (folder / "model.safetensors").write_bytes(b"Weights")
    (folder / "trainer_state.json").unlink()
    (folder / "extra.bin").write_bytes(b"")
    finding = only(run, rehash)
    assert (finding.node, finding.state) == ("ckpt_step_20", "changed")
    assert "changed: model.safetensors; missing: trainer_state.json; added: extra.bin" in finding.message
    assert finding.finding().verdict == "contradiction"


def test_a_folder_that_is_gone_is_missing(folder: Path, rehash: Rehash) -> None:
    run = tree_run(folder)
    folder.rename(folder.with_name("elsewhere"))
    finding = only(run, rehash)
    assert finding.state == "missing"
    assert finding.finding().verdict == "unchecked"


def test_a_folder_that_lies_under_another_root_was_moved(folder: Path, tmp_path: Path, rehash: Rehash) -> None:
    run = tree_run(folder)
    archive = tmp_path / "archive"
    archive.mkdir()
    folder.rename(archive / folder.name)
    assert only(run, rehash, roots=[tmp_path, archive]).state == "moved"
    (archive / folder.name / "model.safetensors").write_bytes(b"other")
    assert only(run, rehash, roots=[archive]).state == "changed"


def test_what_was_kept_of_each_sample_of_an_evaluation_is_looked_at_too(tmp_path: Path, rehash: Rehash) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "samples.jsonl"
    write_rows(path, [{"index": 0, "label": "spam", "correct": True}, {"index": 1, "label": "ham", "correct": False}])
    samples = Samples(digest=rehash(path, "cognify.rows/v1").hash, rows=2, location=str(path))
    run = sealed_run(whole([evaluation(facts=EvaluationFacts(samples=samples).to_facts())]))
    finding = only(run, rehash)
    assert (finding.node, finding.state) == ("eval_final_step_20 (samples)", "present")
    path.write_text(path.read_text().replace("false", "true"))
    assert only(run, rehash).finding().verdict == "contradiction"
    path.unlink()
    assert only(run, rehash).state == "missing"


def test_samples_without_a_place_are_not_looked_for(rehash: Rehash) -> None:
    facts = EvaluationFacts(samples=Samples(rows=2, reason="no space")).to_facts()
    run = sealed_run(whole([evaluation(facts=facts), evaluation(ref="other", facts={"samples": "many"})]))
    assert check_artifacts([run], rehash=rehash) == []


def test_the_home_directory_is_this_users_own(folder: Path, rehash: Rehash) -> None:
    run = tree_run(folder, f"~/{folder.name}")
    assert only(run, rehash, home=folder.parent).state == "present"
    assert only(run, rehash, home=folder).state == "missing"


@pytest.mark.parametrize("location", ["s3://bucket/checkpoint-20", "hf://datasets/imdb", "relative/path", ""])
def test_what_lies_outside_this_file_system_is_unreachable(folder: Path, rehash: Rehash, location: str) -> None:
    outcome = tree_outcome(folder)
    run = run_of((checkpoint(20, **of_outcome(outcome, location)), outcome))
    assert only(run, rehash).state == "unreachable"


def test_a_plain_file_is_compared_by_its_bytes(tmp_path: Path, rehash: Rehash) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("text\nhello\n")
    outcome = file_outcome(path)
    run = run_of((dataset(**of_outcome(outcome, path)), outcome))
    assert only(run, rehash).state == "present"
    path.write_text("text\nHello\n")
    finding = only(run, rehash)
    assert finding.state == "changed"
    assert f"it was {outcome.hash}" in finding.message
    path.unlink()
    path.mkdir()
    assert only(run, rehash).state == "unreachable"


def test_what_was_overwritten_by_another_artifact_of_the_record_is_missing_not_changed(
    folder: Path, rehash: Rehash
) -> None:
    first = tree_outcome(folder)
    (folder / "model.safetensors").write_bytes(b"later")
    second = tree_outcome(folder)
    run = run_of(
        (checkpoint(20, ref="a", **of_outcome(first, folder)), first),
        (checkpoint(20, ref="b", **of_outcome(second, folder)), second),
    )
    states = [finding.state for finding in check_artifacts([run], rehash=rehash)]
    assert states == ["missing", "present"]


def test_an_artifact_without_a_place_or_a_digest_is_not_looked_for(rehash: Rehash) -> None:
    assert check_artifacts([sealed_run()], rehash=rehash) == []


def test_progress_is_told_after_each_artifact(folder: Path, rehash: Rehash) -> None:
    told: list[tuple[int, int]] = []
    check_artifacts([tree_run(folder)], rehash=rehash, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 1)]


def test_a_report_with_artifacts_has_a_fifth_section_that_decides(folder: Path, rehash: Rehash) -> None:
    def with_artifacts(report: Report) -> Report:
        return report.with_findings(one.finding() for one in check_artifacts(report.runs, rehash=rehash))

    report = check_package(package(tree_run(folder)), trusted=[SIGNER.public_key])
    assert report.exit_code == 0
    assert "artifacts" not in report.sections
    present = with_artifacts(report)
    assert (present.exit_code, present.verdict("artifacts")) == (0, "ok")
    (folder / "model.safetensors").write_bytes(b"Weights")
    changed = with_artifacts(report)
    assert changed.exit_code == 1
    assert changed.to_json()["sections"]["artifacts"] == "contradiction"
    (folder / "model.safetensors").unlink()
    folder.joinpath("trainer_state.json").unlink()
    folder.rmdir()
    gone = with_artifacts(report)
    assert gone.exit_code == 2


def write_weights(path: Path, tensors: dict[str, bytes]) -> None:
    """A safetensors file of F32 vectors, written by hand."""
    header: dict[str, Any] = {}
    offset = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(tensors.values()))


def test_a_changed_missing_and_added_tensor_are_each_named(tmp_path: Path, rehash: Rehash) -> None:
    path = tmp_path / "model.safetensors"
    write_weights(path, {"a": b"\0" * 8, "b": b"\0" * 4})
    outcome = rehash(path, "cognify.weights/v1")
    assert outcome.hash is not None, outcome.reason
    run = run_of((checkpoint(20, **of_outcome(outcome, path)), outcome))
    assert only(run, rehash).state == "present"
    write_weights(path, {"a": b"\0" * 7 + b"\x01", "c": b"\0" * 4})
    assert only(run, rehash).message.endswith("changed: a; missing: b; added: c")


def test_a_manifest_of_a_format_that_has_no_path_is_unreachable(tmp_path: Path, rehash: Rehash) -> None:
    assert rehash(tmp_path, "cognify.config/v1").reason == "there is no way to hash 'cognify.config/v1' from a path"


class TestRows:
    """Rows need pyarrow, which is an extra."""

    @pytest.fixture(autouse=True)
    def _arrow(self) -> None:
        pytest.importorskip("pyarrow")

    def recorded(self, path: Path, rehash: Rehash) -> SealedRun:
        outcome = rehash.worker.rows(path, index_folder=rehash.kept_indexes)
        assert outcome.hash is not None, outcome.reason
        return run_of((dataset(**of_outcome(outcome, path)), outcome))

    def test_one_changed_row_is_named(self, tmp_path: Path, rehash: Rehash) -> None:
        rows: list[dict[str, Any]] = [{"text": f"row {number}", "label": number % 2} for number in range(300)]
        path = tmp_path / "train.jsonl"
        write_rows(path, rows)
        run = self.recorded(path, rehash)
        assert only(run, rehash).state == "present"
        rows[217]["label"] = 1 - rows[217]["label"]
        write_rows(path, rows)
        finding = only(run, rehash)
        assert finding.state == "changed"
        assert finding.message.endswith("; row 217 changed")

    def test_inserted_and_dropped_rows_are_placed(self, tmp_path: Path, rehash: Rehash) -> None:
        rows = [{"text": f"row {number}"} for number in range(50)]
        path = tmp_path / "train.jsonl"
        write_rows(path, rows)
        run = self.recorded(path, rehash)
        write_rows(path, [*rows[:10], *rows[12:]])
        assert only(run, rehash).message.endswith("50 rows became 48; rows 10–11 removed")
        write_rows(path, [*rows[:10], {"text": "new"}, *rows[10:]])
        assert only(run, rehash).message.endswith("50 rows became 51; row 10 added")
        write_rows(path, [])
        assert only(run, rehash).state in ("changed", "unreachable")

    def test_a_column_that_came_or_went_is_named(self, tmp_path: Path, rehash: Rehash) -> None:
        path = tmp_path / "train.jsonl"
        write_rows(path, [{"text": "a"}])
        run = self.recorded(path, rehash)
        write_rows(path, [{"text": "a", "label": 1}])
        assert "columns: label" in only(run, rehash).message

    def test_without_an_index_the_change_is_told_and_not_its_place(self, tmp_path: Path, rehash: Rehash) -> None:
        path = tmp_path / "train.jsonl"
        write_rows(path, [{"text": "a"}, {"text": "b"}])
        run = self.recorded(path, rehash)
        for index in (tmp_path / "indexes").iterdir():
            index.write_bytes(index.read_bytes()[:-1] + b"\x00")
        write_rows(path, [{"text": "a"}, {"text": "c"}])
        finding = only(run, rehash)
        assert finding.state == "changed"
        assert "row 1" not in finding.message
