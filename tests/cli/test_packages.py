from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.running import as_process, cognify, environment, json_of
from tests.cli.test_runs import sealed, still_open


def exported(folder: Path) -> Path:
    target = folder / "package.json"
    assert cognify(folder, "export", sealed(folder), "-o", target).exit_code == 0
    return target


def test_export_prints_the_hash_that_sha256sum_prints(mine: Path) -> None:
    done = json_of(mine, "export", sealed(mine), "-o", mine / "package.json")
    assert done["path"] == str(mine / "package.json")
    assert done["package_hash"] == "sha256:" + sha256((mine / "package.json").read_bytes()).hexdigest()
    assert Path(done["receipt"]).is_file()
    assert done["package_hash"] in cognify(mine, "export", sealed(mine), "-o", mine / "again.json").stdout


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("audit.json", "json"),
        ("bill.cdx.json", "cyclonedx"),
        ("README.md", "hf-card"),
        ("AUDIT.JSON", "json"),
        ("x", "json"),
    ],
)
def test_what_is_written_is_what_the_name_of_the_file_says(mine: Path, name: str, format: str) -> None:  # noqa: A002
    done = json_of(mine, "export", sealed(mine), "-o", mine / "to" / name)
    assert done["format"] == format
    assert Path(done["path"]).is_file()


def test_a_file_is_not_given_the_name_of_another_format(mine: Path) -> None:
    result = cognify(mine, "export", sealed(mine), "--format", "json", "-o", mine / "audit.pdf")
    assert result.exit_code == 2
    assert "audit.pdf would hold a .json file: call it so, or ask for the format 'pdf'" in result.stderr
    assert not (mine / "audit.pdf").exists()


def test_an_unknown_format_is_answered_with_the_table_of_those_that_exist(workspace: Path) -> None:
    result = cognify(workspace, "export", sealed(workspace), "--format", "docx")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert {line.split()[0] for line in result.stderr.splitlines()[2:]} >= {"json", "xlsx", "pdf"}


def test_verify_holds_for_a_package_sealed_here(mine: Path) -> None:
    report = json_of(mine, "verify", exported(mine))
    assert report["exit_code"] == 0
    assert report["sections"]["intact"] == report["sections"]["signer"] == "ok"


def test_verify_prints_the_four_sections_and_the_verdict(mine: Path) -> None:
    said = cognify(mine, "verify", exported(mine)).stdout.splitlines()
    assert [line.split()[0] for line in said if line.split()[0] in ("intact", "signer", "ledger", "anchor")] == [
        "intact", "signer", "ledger", "anchor",
    ]  # fmt: skip
    assert said[-1].endswith("(exit code 0)")


def test_verify_holds_for_a_run_in_the_store(workspace: Path) -> None:
    assert json_of(workspace, "verify", sealed(workspace))["run_id"] == sealed(workspace)


def test_a_receipt_is_not_passed_over_where_no_package_is_given(mine: Path) -> None:
    result = cognify(mine, "verify", sealed(mine), "--receipt", mine / "nothing.sigstore.json")
    assert result.exit_code == 2
    assert "a receipt speaks of a package" in result.stderr


@pytest.mark.parametrize("key", ["/dev/zero", "pipe"])
def test_a_key_is_a_file_and_nothing_that_never_ends(mine: Path, key: str) -> None:
    os.mkfifo(mine / "pipe")
    result = cognify(mine, "verify", sealed(mine), "--key", mine / key)
    assert result.exit_code == 2
    assert "it is no regular file" in result.stderr


@pytest.mark.parametrize("command", ["show", "seal", "discard", "export"])
def test_an_empty_name_names_no_run(mine: Path, command: str) -> None:
    words = ("--reason", "a mistake") if command == "discard" else ()
    result = cognify(mine, command, "", *words)
    assert result.exit_code == 2
    assert "no run is named" in result.stderr


def test_a_run_that_is_not_sealed_cannot_be_verified(workspace: Path) -> None:
    assert cognify(workspace, "verify", still_open(workspace)).exit_code == 2


def test_verify_names_a_contradiction_first_and_ends_with_1(mine: Path) -> None:
    package = exported(mine)
    package.write_bytes(package.read_bytes().replace(b"patient_notes", b"patient_votes", 1))
    result = cognify(mine, "verify", package)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("✗"))
    assert first < next(place for place, line in enumerate(lines) if line.startswith("intact"))
    assert json_of(mine, "verify", package, code=1)["exit_code"] == 1


def test_a_signer_that_nobody_pinned_ends_with_2_and_the_command_that_would_do(mine: Path, tmp_path: Path) -> None:
    package = exported(mine)
    result = cognify(tmp_path, "verify", package)
    assert result.exit_code == 2
    assert f"cognify keys trust KEY.pub && cognify verify {package}" in result.stdout
    assert "intact, but the signer is not known here" in result.stdout
    assert cognify(mine, "keys", "export", tmp_path / "signer.pub").exit_code == 0
    assert cognify(tmp_path, "verify", package, "--key", tmp_path / "signer.pub").exit_code == 0
    assert cognify(tmp_path, "keys", "trust", tmp_path / "signer.pub").exit_code == 0
    assert cognify(tmp_path, "verify", package).exit_code == 0


def test_a_package_that_is_not_there_could_not_be_checked(tmp_path: Path) -> None:
    result = cognify(tmp_path, "verify", tmp_path / "missing.json")
    assert result.exit_code == 2
    assert "missing.json" in result.stderr


def test_hostile_text_in_a_package_reaches_no_terminal(mine: Path) -> None:
    package = exported(mine)
    package.write_bytes(package.read_bytes().replace(b"patient_notes", b"[red]\\u001b[31m\\u202e", 1))
    result = cognify(mine, "verify", package)
    assert result.exit_code == 1
    assert not set(result.stdout) & set("\x1b\u202e")


def test_a_note_after_the_seal_makes_a_new_package_with_an_addendum(mine: Path) -> None:
    before = json_of(mine, "export", sealed(mine))
    said = as_process(mine, "note", "fails on negation", "--kind", "limitation", "--run", sealed(mine), "--json")
    after = json.loads(said.stdout)
    assert after["package_hash"] != before["package_hash"]
    assert "note (limitation): fails on negation" in cognify(mine, "show", sealed(mine)).stdout
    assert len(json_of(mine, "show", sealed(mine))["addenda"]) == 1
    assert cognify(mine, "verify", after["path"]).exit_code == 0


def test_an_attestation_goes_into_an_addendum_with_the_digest_of_its_evidence(mine: Path) -> None:
    (mine / "review.txt").write_text("50 outputs reviewed")
    words = ["--by", "A. Person", "--role", "clinical lead", "--evidence", mine / "review.txt", "--run", sealed(mine)]
    after = json_of(mine, "attest", "reviewed 50 outputs", *words)
    digest = sha256(b"50 outputs reviewed").hexdigest()
    assert digest in Path(after["path"]).read_text("utf-8")


def test_a_dataset_can_be_put_on_record_after_the_seal(mine: Path) -> None:
    pytest.importorskip("pyarrow")
    words = ["--name", "patient_notes", "--provenance", "licence=CC0", "--run", sealed(mine)]
    after = json_of(mine, "dataset", mine / "rows.jsonl", *words)
    package = json.loads(Path(after["path"]).read_text("utf-8"))
    assert [node["type"] for node in package["addenda"][0]["nodes"]] == ["dataset"]
    assert "CC0" in Path(after["path"]).read_text("utf-8")


@pytest.fixture
def model(mine: Path, tmp_path: Path) -> Path:
    """A checkpoint that the last run of `mine` recorded where it lies."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"weights")
    script = f"import cognify\nwith cognify.run() as run: run.checkpoint({str(folder)!r}, step=1)\n"
    subprocess.run([sys.executable, "-c", script], env=environment(mine / "home"), check=True, timeout=120)
    return folder


def test_artifacts_that_are_what_they_were_hold(mine: Path, model: Path) -> None:
    assert model.is_dir()
    assert json_of(mine, "verify", "last", "--artifacts")["exit_code"] == 0


def test_an_artifact_that_was_moved_away_is_told_and_is_no_contradiction(mine: Path, model: Path) -> None:
    model.rename(model.with_name("elsewhere"))
    findings = json_of(mine, "verify", "last", "--artifacts", code=2)["findings"]
    assert [finding["verdict"] for finding in findings if "ckpt_step_1" in finding["message"]] == ["unchecked"]


def test_an_artifact_that_was_edited_is_named_and_ends_with_1(mine: Path, model: Path) -> None:
    (model / "weights.bin").write_bytes(b"Weights")
    result = cognify(mine, "verify", "last", "--artifacts")
    assert result.exit_code == 1
    assert "ckpt_step_1" in result.stdout
    assert "weights.bin" in result.stdout


def test_a_dataset_that_cannot_be_hashed_is_recorded_and_ends_with_2(mine: Path) -> None:
    (mine / "bad.parquet").write_bytes(b"PAR1 no table PAR1")
    after = json_of(mine, "dataset", mine / "bad.parquet", "--name", "bad", "--run", sealed(mine), code=2)
    assert after["hash"] is None
    (addendum,) = json_of(mine, "show", sealed(mine))["addenda"]
    assert addendum["complete"] is False
    assert f"addendum 1: {addendum['run_id']}" in cognify(mine, "show", sealed(mine)).stdout


def test_a_file_that_is_no_package_is_said_to_be_none(workspace: Path) -> None:
    result = cognify(workspace, "verify", workspace / "rows.jsonl")
    assert result.exit_code == 1
    assert "this is no package, or a damaged one (exit code 1)" in result.stdout


def test_a_package_too_large_to_be_read_comes_with_the_command_that_reads_it(tmp_path: Path) -> None:
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(300 << 20)
    result = cognify(tmp_path, "verify", tmp_path / "large.json")
    assert result.exit_code == 2
    assert f"COGNIFY_MAX_PACKAGE_BYTES={300 << 20} cognify verify {tmp_path / 'large.json'}" in result.stdout
