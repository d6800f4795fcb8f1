"""`with cognify.run()`, and what people say of a run, against a real store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.errors import (
    ConfigurationError,
    RunNotFoundError,
    RunSealedError,
    RunStateError,
    UnsupportedExportError,
)
from cognify_core.model.record import Status
from cognify_core.store.sql import open_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="tests", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()
    session.declared.clear()


def _checkpoint(folder: Path, step: int) -> Path:
    path = folder / f"step-{step}"
    path.mkdir(parents=True)
    (path / "weights.bin").write_bytes(bytes([step]) * 1000)
    return path


def test_a_block_ends_sealed_and_exported(tmp_path: Path) -> None:
    with api.run("mine", tags={"team": "ml"}) as run:
        run.config({"learning_rate": 0.1})
        run.log({"loss": 0.5}, step=1)
        run.checkpoint(_checkpoint(tmp_path, 1), step=1)
    view = api.show(run.id)
    assert (view.row.status, view.row.complete, view.row.name) == (Status.AUDIT_SEALED, True, "mine")
    assert view.lineage is not None
    assert {"from": "cfg_run", "to": "ckpt_step_1"} in view.lineage["edges"]
    assert view.metrics["loss"]["last"] == 0.5
    assert api.verify(run.id).exit_code == 0


def test_what_comes_after_a_block_is_refused_aloud_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with api.run() as run:
        run.log({"loss": 0.5}, step=1)
    before = api.show(run.id)
    for step in (2, 3):
        run.log({"loss": 0.4}, step=step)
    run.checkpoint(_checkpoint(tmp_path, 2), step=2)
    run.final_weights(tmp_path, step=2)
    run.config({"learning_rate": 0.1}, name="late")
    run.dataset([{"a": 1}], name="late")
    assert api.show(run.id) == before
    assert api.verify(run.id).exit_code == 0
    refused = [record.getMessage() for record in caplog.records if record.name == "cognify"]
    assert [said.partition(", and ")[2].partition(" came after it")[0] for said in refused] == [
        "metrics",
        "the checkpoint of step 2",
        "final weights",
        "the configuration 'late'",
        "the dataset 'late'",
    ]
    assert all(said.startswith(f"Cognify: {run.id} has ended") and "addendum" in said for said in refused)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_store_that_goes_while_a_run_is_recorded_is_named_by_its_seal(home: Path, how: str) -> None:
    with api.run("toy") as run:
        run.log({"loss": 0.5}, step=1)
        shutil.rmtree(home)
        if how == "replaced":
            open_store(home / "cognify.db").close()
        run.log({"loss": 0.4}, step=2)
    package = home / "packages" / run.id / f"{run.id}.json"
    held = json.loads(package.read_bytes())
    assert not held["complete"]
    gone = (
        f"{home / 'cognify.db'} was removed or replaced while it was in use: what was recorded lies in packages alone"
    )
    assert gone in held["reasons"]  # beside what could not be read of it any more


def test_a_block_that_an_exception_leaves_is_failed_and_can_be_sealed() -> None:
    with pytest.raises(ZeroDivisionError), api.run() as run:
        run.log({"loss": 1 / 0}, step=1)
    (row,) = api.runs()
    assert row.status is Status.FAILED
    assert api.seal(row.run_id).complete
    assert api.export_audit(row.run_id).path.exists()


def test_a_block_that_ctrl_c_leaves_is_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), api.run():
        raise KeyboardInterrupt
    assert api.runs()[0].status is Status.INTERRUPTED


def test_what_is_said_in_a_block_is_in_its_record(tmp_path: Path) -> None:
    (tmp_path / "approval.txt").write_text("signed")
    with api.run() as run:
        api.note("fails on negation", kind="limitation")
        api.attest("data reviewed", by="A. Person", role="privacy officer", evidence=tmp_path / "approval.txt")
        api.eval({"accuracy": 0.9}, name="held out", step=3)
    view = api.show(run.id)
    assert [note.text for note in view.notes] == ["fails on negation"]
    assert not view.addenda
    assert view.lineage is not None
    assert [node["id"] for node in view.lineage["nodes"] if node["type"] == "evaluation"] == ["eval_held_out_step_3"]


def test_what_is_said_after_the_seal_is_an_addendum_in_the_next_package() -> None:
    with api.run() as run:
        pass
    first = api.export_audit(run.id)
    api.note("an afterthought", run_id=run.id)
    second = api.export_audit(run.id)
    assert (first.addenda, second.addenda) == (0, 1)
    assert second.package_hash != first.package_hash
    assert first.path.exists()
    assert first.path != second.path
    assert api.export_audit(run.id).package_hash == second.package_hash
    api.note("and another")
    assert api.export_audit().addenda == 2
    assert api.verify(api.export_audit()).exit_code == 0


def test_a_package_that_is_exported_twice_is_the_same_to_the_byte(tmp_path: Path) -> None:
    with api.run() as run:
        run.log({"loss": 0.25}, step=1)
    one, two = api.export_audit(path=tmp_path / "one.json"), api.export_audit(path=tmp_path / "two.json")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.receipt_path.read_bytes() == two.receipt_path.read_bytes()


def test_a_dataset_named_in_a_block_is_an_input_of_its_checkpoints(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "rows.jsonl").write_text('{"text":"a"}\n{"text":"b"}\n')
    with api.run() as run:
        run.dataset(tmp_path / "rows.jsonl", name="notes", schema_version="3")
        run.checkpoint(_checkpoint(tmp_path, 1), step=1)
    lineage = api.show(run.id).lineage
    assert lineage is not None
    assert {"from": "ds_notes_v3", "to": "ckpt_step_1"} in lineage["edges"]
    assert [node["record_count"] for node in lineage["nodes"] if node["type"] == "dataset"] == [2]


def test_the_weights_that_a_block_ends_with_come_from_its_last_checkpoint_and_can_be_found_again(
    tmp_path: Path,
) -> None:
    head = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    (tmp_path / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    with api.run() as run:
        run.checkpoint(_checkpoint(tmp_path, 2), step=2)
        run.final_weights(tmp_path / "model.safetensors", step=2)
    lineage = api.show(run.id).lineage
    assert lineage is not None
    (final,) = [node for node in lineage["nodes"] if node["type"] == "model"]
    assert (final["id"], final["assurance"]) == ("model_final", "content")
    assert {"from": "ckpt_step_2", "to": "model_final"} in lineage["edges"]
    report = api.verify(run.id, artifacts=True)
    assert any("model_final" in finding.message and finding.verdict == "ok" for finding in report.findings)


def test_final_weights_that_are_not_there_are_unresolved(tmp_path: Path) -> None:
    with api.run() as run:
        run.final_weights(tmp_path / "nowhere", step=2)
    lineage = api.show(run.id).lineage
    assert lineage is not None
    assert [node["assurance"] for node in lineage["nodes"] if node["type"] == "model"] == ["unresolved"]


def test_an_empty_dataset_is_recorded(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "none.jsonl").write_text("")
    with api.run() as run:
        run.dataset(tmp_path / "none.jsonl", name="none")
    lineage = api.show(run.id).lineage
    assert lineage is not None
    (node,) = [node for node in lineage["nodes"] if node["type"] == "dataset"]
    assert (node["record_count"], node["assurance"]) == (0, "content")


def test_names_that_are_markup_or_formulas_stay_what_they_are() -> None:
    with api.run("<script>=1+1</script>\x1b[31m") as run:
        api.note("=HYPERLINK(1)")
        run.config({"=cmd": "[red]"}, name="../../x")
    package = api.export_audit()
    assert api.verify(package).exit_code == 0
    assert json.loads(package.path.read_bytes())["run_id"] == run.id


def test_a_format_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with api.run():
        pass
    with pytest.raises(UnsupportedExportError, match=r"(?s)'docx'.*json"):
        api.export_audit(format="docx")
    with pytest.raises(UnsupportedExportError, match=r"(?s)'moonbase'.*json"):
        api.export_audit(template="moonbase")


def test_a_run_that_does_not_exist_is_refused_with_candidates() -> None:
    with api.run() as run:
        pass
    with pytest.raises(RunNotFoundError, match=run.id):
        api.export_audit("run_19990101_000000_00000")
    with pytest.raises(RunNotFoundError, match="no run answers to"):
        api.show("../../etc/passwd")


def test_without_any_run_the_error_says_so() -> None:
    api.this_session().last = None
    with pytest.raises(RunNotFoundError, match="name one with run_id"):
        api.export_audit()


def test_a_run_that_goes_on_is_neither_sealed_nor_exported() -> None:
    with api.run() as run:
        for ask in (api.seal, api.export_audit):
            with pytest.raises(RunStateError, match="is going on"):
                ask(run.id)


def test_a_sealed_run_is_not_discarded() -> None:
    with api.run() as run:
        pass
    with pytest.raises(RunSealedError, match=run.id):
        api.discard(run.id, reason="no longer wanted")


def test_a_discarded_run_leaves_its_tombstone() -> None:
    with pytest.raises(ZeroDivisionError), api.run() as run:
        raise ZeroDivisionError
    assert api.discard(run.id, reason="a mistake").reason == "a mistake"
    assert not api.runs()
    assert [stone.run_id for stone in api.this_session().workspace.store.tombstones()] == [run.id]


def test_a_run_is_discarded_for_a_reason() -> None:
    with pytest.raises(ConfigurationError, match="for a reason"):
        api.discard("last", reason="  ")


def test_a_setting_cannot_change_under_a_run(tmp_path: Path) -> None:
    with api.run() as run, pytest.raises(ConfigurationError, match=run.id):
        api.init(home=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("wrong", "complaint"), [({"mode": "loud"}, "COGNIFY_MODE"), ({"run_tags": {"a": []}}, "COGNIFY_RUN_TAGS")]
)
def test_a_wrong_setting_is_named_with_its_variable(wrong: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        api.init(**wrong)  # type: ignore[arg-type]


def test_a_source_category_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="public, private_licensed"):
        api.dataset([{"a": 1}], name="x", source_category="stolen")
    with pytest.raises(ConfigurationError, match="no such file or folder"):
        api.dataset(tmp_path / "nowhere.jsonl", name="x")


def test_a_checkpoint_that_is_not_there_is_a_reason_and_no_exception(tmp_path: Path) -> None:
    with api.run() as run:
        run.checkpoint(tmp_path / "nowhere", step=1)
    view = api.show(run.id)
    assert view.row.status is Status.AUDIT_SEALED
    assert view.row.complete is False
    assert any(gap.subject == "ckpt_step_1" for gap in view.gaps)


def test_off_lets_everything_be_called_and_does_nothing(tmp_path: Path) -> None:
    api.init(home=tmp_path / "off", mode="off", quiet=True)
    with api.run() as run:
        run.log({"loss": 1.0}, step=1)
        run.checkpoint(tmp_path, step=1)
        run.final_weights(tmp_path, step=1)
        run.config({})
        run.dataset([], name="x")
        api.eval({"accuracy": 1.0}, name="x")
        api.note("x")
        api.attest("x", by="y", role="z")
        api.dataset([{"a": 1}], name="x")
    with pytest.raises(RunStateError, match="COGNIFY_MODE=off"):
        api.export_audit()
    assert not (tmp_path / "off").exists()


def test_nothing_within_a_block_raises_for_what_cannot_be_recorded(tmp_path: Path) -> None:
    with api.run() as run:
        run.dataset(tmp_path / "nowhere.jsonl", name="x")
        run.log({"loss": "low"}, step=1)  # type: ignore[dict-item]
        run.config(object())
    view = api.show(run.id)
    assert view.row.status is Status.AUDIT_SEALED
    assert view.row.complete is False
    assert any("nowhere.jsonl" in reason for reason in view.reasons)
    assert any("metric 'loss'" in reason for reason in view.reasons)


def test_an_evaluation_of_a_step_is_of_the_checkpoint_of_that_step(tmp_path: Path) -> None:
    with api.run() as run:
        api.eval({"accuracy": 0.5}, name="before", step=1)
        run.checkpoint(_checkpoint(tmp_path, 1), step=1)
        api.eval({"accuracy": 0.6}, name="after", step=1)
    lineage = api.show(run.id).lineage
    assert lineage is not None
    for name in ("before", "after"):
        assert {"from": "ckpt_step_1", "to": f"eval_{name}_step_1"} in lineage["edges"]


def test_what_says_nothing_is_refused() -> None:
    with api.run():
        with pytest.raises(ConfigurationError, match="text: "):
            api.note("  ")
        with pytest.raises(ConfigurationError, match="by: "):
            api.attest("reviewed", by="", role="lead")
        with pytest.raises(ConfigurationError, match="'accuracy' is no number"):
            api.eval({"accuracy": "high"}, name="x")


def test_the_personal_values_of_a_run_are_beside_it_and_not_in_it() -> None:
    with api.run() as run:
        pass
    openings = api.this_session().workspace.store.openings(run.id)
    package = api.export_audit(run.id).path.read_bytes()
    assert openings
    for opening in (each for each in openings if each.value != "root"):  # which is also a key of the package
        assert opening.commitment.encode() in package
        assert f'"{opening.value}"'.encode() not in package
        assert f'\\"{opening.value}\\"'.encode() not in package


def test_a_block_inside_a_block_speaks_of_the_outer_ones_run() -> None:
    with api.run("outer") as outer:
        outer.log({"loss": 0.5}, step=1)
        with api.run("inner") as inner:
            assert inner.id == outer.id
            inner.log({"loss": 0.4}, step=2)
        assert api.show(outer.id).row.status is Status.RUNNING
        outer.log({"loss": 0.3}, step=3)
    view = api.show(outer.id)
    assert (view.row.status, view.row.complete) == (Status.AUDIT_SEALED, True)
    assert view.metrics["loss"]["points"] == 3
    assert len(api.runs()) == 1
