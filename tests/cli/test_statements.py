"""`release`, `attest` in a form, `note` with a kind, `dataset RUN DATASET`, and an export that needs what they say."""

from __future__ import annotations

import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core.model.digest import Digest
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.statement import ReceiptStatement
from tests.cli.running import PROGRAM, ROOT, cognify, environment, in_terminal, json_of
from tests.cli.test_runs import sealed

pytest.importorskip("pyarrow")

WHO = ["--by", "A. Person", "--role", "privacy officer"]
SHOWING = """
class Showing:
    name, version, formats, shows_personal_data = "showing", "1", frozenset({"json"}), True

    def compose(self, dossier):
        raise NotImplementedError


TEMPLATE = Showing()
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH in which somebody else's template is installed; it shows personal data."""
    folder = tmp_path / "plugin"
    installed = folder / "showing-1.dist-info"
    installed.mkdir(parents=True)
    (folder / "showing.py").write_text(SHOWING)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: showing\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[cognify.templates]\nshowing = showing:TEMPLATE\n")
    return folder


def exported(folder: Path, plugin: Path, *words: object) -> dict[str, Any]:
    """What `cognify export --template showing --json` prints."""
    where = environment(folder / "home", PYTHONPATH=f"{ROOT}{os.pathsep}{plugin}")
    command = [*PROGRAM, "export", sealed(folder), "--template", "showing", *map(str, words), "--json"]
    done = subprocess.run(command, cwd=folder, env=where, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def openings_of(package: dict[str, Any]) -> Digest | None:
    receipt = Bundle.parse(Path(package["receipt"]).read_bytes()).payload
    return ReceiptStatement.parse(receipt).predicate.openings


def accesses_in(package: dict[str, Any]) -> list[dict[str, Any]]:
    whole = json.loads(Path(package["path"]).read_text())
    events = [json.loads(event) for addendum in whole["addenda"] for event in addendum["record"]["events"]]
    return [event for event in events if event["kind"] == "access"]


def test_a_run_is_released_and_the_package_says_so(mine: Path) -> None:
    words = ["--approved-by", "C. Officer", "--role", "head", "--ran-by", "B. Engineer", "--market-date", "2026-03-01"]
    said = json_of(mine, "release", sealed(mine), *words, "--date", "2026-02-28")
    assert (said["approved_by"], said["on"], said["supersedes"]) == ("C. Officer", "2026-02-28", None)
    assert '\\"kind\\":\\"release\\"' in Path(said["path"]).read_text()
    assert cognify(mine, "verify", said["path"]).exit_code == 0
    shown = cognify(mine, "release", sealed(mine), *words).stdout
    assert "approved by C. Officer, head; ran by B. Engineer" in shown


def test_nobody_releases_what_they_ran(mine: Path) -> None:
    result = cognify(mine, "release", sealed(mine), "--approved-by", "B.", "--role", "x", "--ran-by", "b.")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a run is released by somebody else than who ran it" in result.stderr
    assert json_of(mine, "show", sealed(mine))["addenda"] == []


def test_a_phi_attestation_prints_back_what_was_signed(mine: Path) -> None:
    words = ["--basis", "safe_harbor", "--identifiers", "A-Q=removed,R=absent", "--no-actual-knowledge"]
    result = cognify(mine, "attest", "phi", sealed(mine), *words, *WHO)
    assert result.exit_code == 0, result.stderr
    assert "A. Person, privacy officer, 20" in result.stdout
    assert "bound to sha256:" in result.stdout
    (said,) = json_of(mine, "show", sealed(mine))["attestations"]
    assert (said["form"], said["facts"]["basis"], len(said["facts"]["identifiers"])) == ("phi", "safe_harbor", 18)
    assert len(said["datasets"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["phi"], "the basis of a phi attestation is missing; it is one of no_phi"),
        (["phi", "--basis", "safe_harbour"], "did you mean 'safe_harbor'"),
        (["phi", "--basis", "safe_harbor", "--identifiers", "A=removed"], "missing: B, C"),
        (["phi", "--basis", "safe_harbor", "--identifiers", "A"], "--identifiers takes key=value"),
        (["encryption", "--location", "s3://b", "--algorithm", "AES"], "says custodian="),
        (["encryption", "--location", "s3://b"], "says its exact words with --claim"),
        (["sign-off"], "says its exact words with --claim"),
        (["reviewed", "--form", "sign_of"], "did you mean 'sign_off'"),
        (["reviewed", "--date", "31.1.2026"], "on: "),
    ],
)
def test_an_attestation_that_lacks_something_is_none(mine: Path, words: list[str], message: str) -> None:
    what, *rest = words
    result = cognify(mine, "attest", what, sealed(mine), *rest, *WHO)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert json_of(mine, "show", sealed(mine))["attestations"] == []


def test_encryption_is_attested_for_a_location(mine: Path) -> None:
    words = ["--location", "s3://bucket/ckpt", "--algorithm", "AES-256-GCM", "--custodian", "KMS key 1"]
    said = json_of(mine, "attest", "encryption", sealed(mine), *words, *WHO)
    assert said["facts"] == {"algorithm": "AES-256-GCM", "custodian": "KMS key 1", "encrypted": True}
    assert (said["form"], said["subject"]) == ("encryption_at_rest", "s3://bucket/ckpt")
    none = ["--fact", "encrypted=false", "--fact", "alternative=locked room", "--fact", "rationale=air-gapped"]
    said = json_of(
        mine, "attest", "encryption", sealed(mine), "--location", "/mnt", *none, "--claim", "Not encrypted.", *WHO
    )
    assert said["facts"]["encrypted"] is False


def test_a_misspelt_kind_of_note_is_refused(mine: Path) -> None:
    result = cognify(mine, "note", "x", "--kind", "limitatoin", "--run", sealed(mine))
    assert result.exit_code == 2
    assert "documents look for 'limitation'" in result.stderr


def test_where_a_dataset_comes_from_is_said_without_hashing_it(mine: Path) -> None:
    (mine / "rows.jsonl").unlink()
    words = ["--source-category", "private_licensed", "--licence", "CC0", "--provenance", "languages=de"]
    said = json_of(mine, "dataset", sealed(mine), "patient_notes", *words)
    assert said["name"] == "patient_notes"
    package = json.loads(Path(said["path"]).read_text())
    (declared,) = (json.loads(e) for e in package["addenda"][0]["record"]["events"] if '"kind":"dataset"' in e)
    assert declared["provenance"] == {"source_category": "private_licensed", "licence": "CC0", "languages": "de"}
    assert cognify(mine, "verify", said["path"]).exit_code == 0
    assert "no dataset called 'x'" in cognify(mine, "dataset", sealed(mine), "x", "--licence", "y").stderr
    assert "a dataset has a name" in cognify(mine, "dataset", mine / "model").stderr


def test_help_ends_with_the_table_of_what_can_be_exported(workspace: Path) -> None:
    said = cognify(workspace, "export", "--help").stdout
    assert said.index("Which formats and templates there are") < said.index("json        (none)")


def test_the_profile_goes_into_an_addendum_before_a_document(mine: Path, plugin: Path) -> None:
    json_of(mine, "profile", "set", "system_name=Triage", "--project", "clinical-nlp")
    assert json_of(mine, "export", sealed(mine))["refreshed"] is None
    package = exported(mine, plugin)
    assert "holds the profile, which has changed" in package["refreshed"]
    assert package["addenda"] == 1
    whole = json.loads(Path(package["path"]).read_text())
    assert any('"kind":"profile"' in event for event in whole["addenda"][0]["record"]["events"])


def test_a_template_that_shows_personal_data_takes_the_access_log_with_it(unread: Path, plugin: Path) -> None:
    cognify(unread, "show", sealed(unread))
    package = exported(unread, plugin)
    assert package["personal_data"] is True
    assert "the access log since the last one (1 more)" in package["refreshed"]
    assert [(event["action"], event["observed_by"]) for event in accesses_in(package)] == [("show", "machine")]
    assert openings_of(package) is not None
    assert json_of(unread, "export", sealed(unread))["personal_data"] is False


def test_without_a_refresh_the_same_package_comes_again(unread: Path, plugin: Path) -> None:
    cognify(unread, "show", sealed(unread))
    first = exported(unread, plugin)
    again = exported(unread, plugin, "--no-refresh", "-o", unread / "again.json")
    assert (again["package_hash"], again["refreshed"]) == (first["package_hash"], None)
    assert openings_of(again) == openings_of(first)
    assert exported(unread, plugin)["addenda"] == 2  # both exports are in the log by now


def test_what_was_erased_is_no_input(unread: Path, plugin: Path) -> None:
    from cognify_core.store.sql import open_store

    cognify(unread, "show", sealed(unread))
    store = open_store(unread / "home" / "cognify.db")
    assert store.erase_openings(sealed(unread)) > 0
    store.close()
    package = exported(unread, plugin)
    assert len(accesses_in(package)) == 1
    empty = b'{"format":"cognify.openings/v1","openings":[]}'
    assert openings_of(package) == Digest(sha256(empty).hexdigest())
    assert cognify(unread, "verify", sealed(unread)).exit_code == 0


def test_in_a_terminal_an_export_says_what_it_is_doing(mine: Path) -> None:
    shown = in_terminal(mine, "export", sealed(mine), columns=100)
    assert "exporting" in shown
    assert "sha256:" in shown
