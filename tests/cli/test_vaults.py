"""`cognify vault`, `export --vault`, `retention`, `sync`, `purge`, on a vault that is a folder."""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from cognify_core.model.digest import Digest
from tests.cli.running import as_process, cognify, in_terminal, json_of
from tests.servers.starting import free_ports
from tests.vault.buckets import in_environment


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'vault'}?immutable=no"


def sealed(folder: Path) -> str:
    runs = json_of(folder, "ls")["runs"]
    return str(next(run["run_id"] for run in runs if run["status"] == "AUDIT_SEALED"))


def test_an_export_into_a_vault_says_plainly_that_nothing_locks_it_and_ends_with_2(mine: Path, folder: str) -> None:
    result = cognify(mine, "export", sealed(mine), "--vault", folder)
    assert result.exit_code == 2
    assert f"package: {folder.partition('?')[0]}" in result.stdout
    assert " unlocked\n" in result.stdout
    assert "NOT what was asked for: GOVERNANCE until 2" in result.stdout
    assert "cognify vault test" in result.stdout


def test_what_was_kept_is_in_the_document_of_an_export(mine: Path, folder: str) -> None:
    done = json_of(mine, "export", sealed(mine), "--vault", folder, code=2)
    assert [each["part"] for each in done["kept"]] == ["package", "receipt", "oms"]
    assert set(done["kept"][0]) == {
        *("run_id", "package_hash", "part", "vault", "key", "version", "state", "mode", "until", "held", "asked"),
        "read_at",
    }
    assert json_of(mine, "export", sealed(mine))["kept"] == []


def test_a_vault_is_named_once_and_used_as_the_default(mine: Path, folder: str) -> None:
    said = json_of(mine, "vault", "set", folder)
    assert said == {"vault": folder, "kind": "file", "place": folder.partition("?")[0], "mode": "GOVERNANCE"}
    json_of(mine, "export", sealed(mine), "--vault", "default", code=2)
    listed = json_of(mine, "vault", "list")
    assert (listed["vault"], len(listed["objects"])) == (folder, 3)
    assert {each["state"] for each in json_of(mine, "vault", "list", "--check", code=2)["objects"]} == {"unlocked"}
    shown = cognify(mine, "vault", "list", sealed(mine)).stdout.splitlines()
    assert shown[0].split()[:3] == ["STATE", "MODE", "UNTIL"]
    assert [line.split()[0] for line in shown[1:]] == ["unlocked"] * 3


def test_a_copy_that_was_changed_is_told_as_missing(mine: Path, folder: str, tmp_path: Path) -> None:
    kept = json_of(mine, "export", sealed(mine), "--vault", folder, code=2)["kept"]
    json_of(mine, "vault", "set", folder)
    copy = tmp_path / "vault" / kept[0]["key"]
    copy.chmod(0o600)
    copy.write_bytes(b"{}")
    states = [each["state"] for each in json_of(mine, "vault", "list", "--check", code=2)["objects"]]
    assert states == ["missing", "unlocked", "unlocked"]


def test_a_test_of_a_folder_finds_that_it_does_not_lock(mine: Path, folder: str) -> None:
    found = json_of(mine, "vault", "test", folder, code=2)["findings"]
    assert {each["name"]: each["ok"] for each in found}["read back"] is False
    assert json_of(mine, "vault", "test", folder, "--no-put")["findings"][0]["name"] == "folder"


@pytest.mark.parametrize("uri", ["bucket", "s3://k:secret@b/x", "file:///x?mode=COMPLIANCE", "s3://bucket/../x"])
def test_what_names_no_vault_is_refused_in_a_line(mine: Path, uri: str) -> None:
    for words in (("vault", "set", uri), ("export", sealed(mine), "--vault", uri)):
        result = cognify(mine, *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
        assert "secret" not in result.stderr


def test_compliance_mode_shows_the_day_and_is_not_entered_unasked(mine: Path) -> None:
    (port,) = free_ports(1)
    uri = f"s3://bucket/x?mode=COMPLIANCE&endpoint_url=http://127.0.0.1:{port}&region=us-east-1"
    told = as_process(mine, "export", sealed(mine), "--vault", uri)
    assert told.returncode == 2
    assert "s3://bucket/x: COMPLIANCE until 20" in told.stderr
    assert "nobody is there to be asked: say --yes" in told.stderr
    assert json_of(mine, "retention", "show")["outbox"] == []
    result = cognify(mine, "vault", "set", uri)
    assert (result.exit_code, "COMPLIANCE: what goes into s3://bucket/x" in result.stderr) == (2, True)
    assert json_of(mine, "vault", "set", uri, "--yes")["mode"] == "COMPLIANCE"


def test_compliance_mode_asks_in_a_terminal(mine: Path) -> None:
    shown = in_terminal(mine, "vault", "set", "s3://bucket/x?mode=COMPLIANCE", columns=200, says="n\n")
    assert "This cannot be undone. Go on? [y/N]" in shown
    assert json_of(mine, "vault", "list")["vault"].startswith("file://")


def test_a_vault_that_does_not_answer_waits_in_the_outbox_and_sync_tries_again(mine: Path) -> None:
    pytest.importorskip("boto3")
    (port,) = free_ports(1)
    uri = f"s3://bucket/x?endpoint_url=http://127.0.0.1:{port}&region=us-east-1"
    with in_environment({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}):
        result = cognify(mine, "export", sealed(mine), "--vault", uri)
    assert (result.exit_code, "waits in the outbox" in result.stderr) == (2, True)
    (job,) = json_of(mine, "retention", "show")["outbox"]
    assert (job["what"]["vault"].partition("?")[0], job["attempts"]) == ("s3://bucket/x", 0)
    (delivery,) = json_of(mine, "sync", code=2)["deliveries"]
    assert (delivery["attempts"], delivery["states"]) == (1, [])
    assert delivery["error"]
    (job,) = json_of(mine, "retention", "show")["outbox"]
    assert (job["attempts"], job["last_error"]) == (1, delivery["error"])


@pytest.mark.skipif(find_spec("reportlab") is None, reason="needs the extra pdf")
def test_a_reason_against_a_floor_is_for_what_is_sealed_from_then_on(mine: Path) -> None:
    cognify(mine, "export", sealed(mine), "--format", "pdf", "--template", "eu_ai_act")
    time.sleep(1)  # what is said in the second of a seal counts as said before it
    told = cognify(mine, "retention", "set", "--years", "3", "--reason", "is never placed on the market").stdout
    assert "Art. 18(1)), but for what is sealed under this: is never placed on the market" in told
    assert "another day" not in told


def test_retention_is_shown_and_changed(mine: Path) -> None:
    before = json_of(mine, "retention", "show")
    assert {name: before[name] for name in ("retention_years", "archive_after_days", "version")} == {
        "retention_years": 10,
        "archive_after_days": None,
        "version": 0,
    }
    words = ["--years", "12", "--archive-after-days", "90", "--auto-export", "--auto-export-format", "json"]
    after = json_of(mine, "retention", "set", *words)
    assert (after["retention_years"], after["archive_after_days"], after["auto_export_on_seal"]) == (12, 90, True)
    assert (after["version"], after["kept_longer"]) == (1, 1)
    assert "kept for 12 years after the seal" in cognify(mine, "retention", "show").stdout


def test_what_is_to_be_archived_is_told_to_the_vault_and_stays_readable(mine: Path, folder: str) -> None:
    json_of(mine, "vault", "set", folder)
    json_of(mine, "retention", "set", "--archive-after-days", "90")
    cognify(mine, "export", sealed(mine), "--vault", folder)
    assert ["90 days" in line for line in json_of(mine, "sync")["done"]] == [True]
    assert {each["state"] for each in json_of(mine, "vault", "list", "--check", code=2)["objects"]} == {"unlocked"}


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--years", "-1"), "retention_years cannot be '-1'"),
        (("--years", "101"), "retention_years cannot be '101'"),
        (("--archive-after-days", "0"), "archive_after_days cannot be '0'"),
        (("--auto-export-format", "docx"), "there is no export of format 'docx'"),
    ],
)
def test_a_retention_that_cannot_be_is_refused(mine: Path, words: tuple[str, ...], because: str) -> None:
    result = cognify(mine, "retention", "set", *words)
    assert result.exit_code == 2
    assert because in result.stderr
    assert json_of(mine, "retention", "show")["version"] == 0


def test_a_sealed_run_delivers_itself_where_so_set(mine: Path, folder: str, tmp_path: Path) -> None:
    json_of(mine, "vault", "set", folder)
    json_of(mine, "retention", "set", "--auto-export")
    run = json_of(mine, "seal", "last")["run_id"]
    json_of(mine, "sync")
    (package,) = [path for path in (tmp_path / "vault" / run).rglob("*.json") if "sigstore" not in path.name]
    assert json.loads(package.read_bytes())["run_id"] == run
    assert str(Digest.of(package.read_bytes())).removeprefix("sha256:") == package.parent.name
    assert cognify(mine, "sync").stdout == "nothing waits\n"


def test_a_purge_refuses_what_must_be_kept_and_points_to_the_way(mine: Path) -> None:
    two = ["--by", "A. Person", "--approved-by", "B. Person", "--reason", "erasure"]
    result = cognify(mine, "purge", sealed(mine), *two)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is kept until 20" in result.stderr
    assert "docs/deletion.md says who decides, and how" in result.stderr
    assert json_of(mine, "show", sealed(mine))["run"]["status"] == "AUDIT_SEALED"


def test_a_run_that_was_never_sealed_is_discarded_not_purged(mine: Path) -> None:
    assert "`cognify discard` deletes it" in cognify(mine, "purge", "last").stderr
