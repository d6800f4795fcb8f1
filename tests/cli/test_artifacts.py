from __future__ import annotations

import os
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.running import as_process, cognify, in_terminal, json_of


def test_hash_prints_what_sha256sum_prints_for_a_file(workspace: Path) -> None:
    path = workspace / "rows.jsonl"
    assert cognify(workspace, "hash", path).stdout == f"sha256:{sha256(path.read_bytes()).hexdigest()}  {path}\n"


def test_the_manifest_of_a_folder_is_read_by_sha256sum(workspace: Path, tmp_path: Path) -> None:
    done = json_of(workspace, "hash", workspace / "model", "--manifest", tmp_path / "manifest.txt")["hashes"][0]
    assert done["hash"] == "sha256:" + sha256((tmp_path / "manifest.txt").read_bytes()).hexdigest()
    command = ["sha256sum", "--strict", "--check", str(tmp_path / "manifest.txt")]
    result = subprocess.run(command, cwd=workspace / "model", capture_output=True, text=True, check=True)
    assert result.stdout == "weights.bin: OK\n"


def test_rows_have_a_digest_of_their_own(workspace: Path) -> None:
    pytest.importorskip("pyarrow")
    done = json_of(workspace, "hash", "--as", "rows", workspace / "rows.jsonl")["hashes"][0]
    assert done["manifest"] == "cognify.rows/v1"


def test_what_cannot_be_hashed_ends_with_2_and_its_reason(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "pipe")
    result = cognify(tmp_path, "hash", tmp_path / "folder")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "unresolved" in result.stderr
    assert "pipe" in result.stderr


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = cognify(tmp_path, "hash", tmp_path / "missing")
    assert result.exit_code == 2
    assert "missing" in result.stderr


def test_a_file_name_that_is_not_utf8_is_shown_and_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9\x1b[31m")
    path.write_bytes(b"x")
    result = cognify(tmp_path, "hash", path)
    assert result.exit_code == 0
    assert r"caf\udce9\x1b[31m" in result.stdout


def test_diff_of_equal_folders_holds(workspace: Path) -> None:
    assert cognify(workspace, "diff", workspace / "model", workspace / "model").exit_code == 0


def test_diff_names_the_file_that_differs(mine: Path, workspace: Path) -> None:
    (mine / "model" / "weights.bin").write_bytes(b"other")
    result = cognify(mine, "diff", workspace / "model", mine / "model")
    assert result.exit_code == 1
    assert "weights.bin" in result.stdout


def test_diff_names_the_row_that_differs(mine: Path, workspace: Path) -> None:
    pytest.importorskip("pyarrow")
    rows = mine / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"b"', '"c"'))
    result = cognify(mine, "diff", workspace / "rows.jsonl", rows)
    assert result.exit_code == 1
    assert "row 1" in result.stdout


def test_a_long_hash_shows_how_far_it_is_in_a_terminal_and_leaves_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(1 << 29)
    shown = in_terminal(tmp_path, "hash", path, columns=100)
    assert "hashing large.bin" in shown
    assert "/536.9 MB" in shown
    digest = "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767"
    assert re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", shown).splitlines()[-1].endswith(f"sha256:{digest}  {path}")


def test_a_pipe_gets_no_bar(workspace: Path) -> None:
    assert as_process(workspace, "hash", "rows.jsonl").stderr == ""
