from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from tests.cli.running import cognify, json_of


def test_the_key_that_signs_here_is_trusted_here(workspace: Path) -> None:
    own = json_of(workspace, "keys", "show")
    assert own["key_id"] in [key["key_id"] for key in json_of(workspace, "keys", "list")["keys"]]
    assert own["key_id"] in cognify(workspace, "keys", "list").stdout


def test_the_keys_that_sign_now_are_marked(mine: Path) -> None:
    def marked() -> tuple[set[str], set[str]]:
        keys = json_of(mine, "keys", "list")["keys"]
        signing = {key["key_id"] for key in keys if key["signs"]}
        lines = cognify(mine, "keys", "list").stdout.splitlines()
        assert {line.split()[-1] for line in lines if " now " in line} == signing
        return {key["of"] for key in keys if key["signs"]}, signing

    assert marked()[0] == {"signer", "log"}
    done = json_of(mine, "keys", "rotate", "--reason", "a year has passed")
    of, signing = marked()
    assert of == {"signer", "log"}
    assert done["new"] in signing
    assert done["old"] not in signing
    assert done["old"] in [key["key_id"] for key in json_of(mine, "keys", "list")["keys"]]


def test_a_key_that_signs_and_is_not_trusted_is_named(mine: Path) -> None:
    gone = json_of(mine, "keys", "show")["key_id"]
    json_of(mine, "keys", "distrust", gone)
    listed = cognify(mine, "keys", "list")
    assert (listed.exit_code, f"{gone} signs here, and is not trusted here" in listed.stdout) == (0, True)


def test_a_list_of_keys_makes_none(tmp_path: Path) -> None:
    assert json_of(tmp_path, "keys", "list") == {"keys": []}
    assert not list((tmp_path / "home").glob("keys/*"))


def test_a_key_id_is_what_sha256sum_prints_for_the_exported_file(workspace: Path, tmp_path: Path) -> None:
    done = json_of(workspace, "keys", "export", tmp_path / "signer.pub")
    assert done["key_id"] == sha256((tmp_path / "signer.pub").read_bytes()).hexdigest()


def test_keys_export_overwrites_nothing(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "signer.pub").write_text("mine")
    result = cognify(workspace, "keys", "export", tmp_path / "signer.pub")
    assert result.exit_code == 2
    assert (tmp_path / "signer.pub").read_text() == "mine"


def test_a_key_can_be_trusted_shown_and_distrusted(workspace: Path, tmp_path: Path) -> None:
    cognify(workspace, "keys", "export", tmp_path / "colleague.pub")
    trusted = json_of(tmp_path, "keys", "trust", tmp_path / "colleague.pub")
    assert trusted["name"] == "colleague"
    assert json_of(tmp_path, "keys", "show", "colleague")["key_id"] == trusted["key_id"]
    assert json_of(tmp_path, "keys", "distrust", "colleague") == {"distrusted": [trusted["key_id"]]}
    assert json_of(tmp_path, "keys", "list") == {"keys": []}


def test_a_file_that_is_no_key_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "no.pub").write_text("not a key")
    assert "it is no regular file" in cognify(tmp_path, "keys", "trust", "/dev/zero").stderr
    result = cognify(tmp_path, "keys", "trust", tmp_path / "no.pub")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_a_key_that_nobody_trusts_is_answered_with_those_that_are(workspace: Path) -> None:
    result = cognify(workspace, "keys", "show", "nobody")
    assert result.exit_code == 2
    assert "this-machine" in result.stderr


def test_doctor_finds_this_machine_in_order(workspace: Path) -> None:
    checks = json_of(workspace, "doctor")["checks"]
    assert [check["name"] for check in checks if check["ok"] is False] == []
    assert "store" in cognify(workspace, "doctor").stdout


def test_doctor_says_what_mends_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    result = cognify(tmp_path, "doctor")
    assert result.exit_code == 2
    assert result.stdout.count("set COGNIFY_HOME") == 1


def test_doctor_says_of_a_key_under_a_passphrase_that_it_is_the_key(mine: Path) -> None:
    (mine / "passphrase").write_text("not told to anybody\n")
    (mine / "passphrase").chmod(0o600)
    cognify(mine, "keys", "passphrase", "--file", mine / "passphrase")
    result = cognify(mine, "doctor")
    assert result.exit_code == 2
    assert "BAD  signing key: the private key in" in result.stdout
    assert "can be written" not in result.stdout


def test_doctor_does_not_say_that_a_newer_store_cannot_be_written(mine: Path) -> None:
    with closing(sqlite3.connect(mine / "home" / "cognify.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    result = cognify(mine, "doctor")
    assert result.exit_code == 2
    assert "pip install --upgrade cognify-audit" in result.stdout
    assert "can be written" not in result.stdout
