"""The program that trains, as git and the file system know it."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core.canonical import parse
from cognify_core.capture.code import collect_code
from cognify_core.capture.git import WorkTree, find_work_tree
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CaptureError

SECRET = "hf_" + "aB3" * 10


def git(root: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "A"}
    return subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=root,
        env=os.environ | identity | {"GIT_COMMITTER_EMAIL": "a@b.c", "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    (root / "train.py").write_text("print('train')\n")
    git(root, "add", "train.py")
    git(root, "commit", "-q", "-m", "first")
    return root


def work_tree(directory: Path) -> WorkTree:
    tree = find_work_tree(directory)
    assert tree is not None
    return tree


def code_of(outcome: Outcome) -> Any:
    assert outcome.manifest is not None
    return parse(outcome.manifest)["config"]


def test_a_clean_work_tree_is_its_commit(repository: Path) -> None:
    tree = work_tree(repository)
    assert (tree.commit, tree.branch) == (git(repository, "rev-parse", "HEAD"), "main")
    assert (tree.remote, tree.diff, tree.diff_digest, tree.untracked) == (None, b"", None, 0)


def test_a_folder_below_belongs_to_the_work_tree(repository: Path) -> None:
    (repository / "sub").mkdir()
    assert work_tree(repository / "sub") == work_tree(repository)


def test_uncommitted_changes_are_a_patch_that_git_applies(repository: Path, tmp_path: Path) -> None:
    git(repository, "clone", "-q", str(repository), str(tmp_path / "clone"))
    (repository / "train.py").write_text("print('changed')\n")
    (repository / "weights.bin").write_bytes(bytes(range(256)))
    git(repository, "add", "weights.bin")
    tree = work_tree(repository)
    assert tree.diff_digest == f"sha256:{sha256(tree.diff).hexdigest()}"
    (tmp_path / "patch").write_bytes(tree.diff)
    git(tmp_path / "clone", "apply", "--index", str(tmp_path / "patch"))
    assert (tmp_path / "clone" / "train.py").read_text() == "print('changed')\n"
    assert (tmp_path / "clone" / "weights.bin").read_bytes() == bytes(range(256))


def test_the_patch_does_not_follow_the_users_settings(repository: Path) -> None:
    (repository / "train.py").write_text("print('changed')\n")
    before = work_tree(repository).diff
    for setting in ("diff.noprefix=true", "diff.mnemonicPrefix=true", "color.ui=always", "diff.algorithm=patience"):
        git(repository, "config", *setting.split("="))
    git(repository, "config", "diff.external", "false")
    assert work_tree(repository).diff == before


def test_asking_writes_nothing_into_the_repository(repository: Path) -> None:
    (repository / "train.py").touch()
    before = {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")}
    work_tree(repository)
    assert {path: path.stat().st_mtime_ns for path in (repository / ".git").rglob("*")} == before


def test_files_that_git_does_not_track_are_counted_unless_ignored(repository: Path) -> None:
    (repository / ".gitignore").write_text("ignored\n")
    (repository / "ignored").touch()
    (repository / "line\nfeed").touch()
    assert work_tree(repository).untracked == 2


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@example.org/x.git", "https://example.org/x.git"),
        (f"https://{SECRET}@example.org/x.git", "https://example.org/x.git"),
        ("git@example.org:x.git", "git@example.org:x.git"),
        (str(Path.home() / "repositories" / "x.git"), "~/repositories/x.git"),
    ],
)
def test_the_remote_is_shown_without_credentials_and_home(repository: Path, url: str, shown: str) -> None:
    git(repository, "remote", "add", "origin", url)
    assert work_tree(repository).remote == shown


def test_a_repository_without_a_commit_is_dirty(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    tree = work_tree(tmp_path)
    assert (tree.commit, tree.branch, tree.diff) == (None, "main", b"")
    assert collect_code(["x"], tmp_path / "x.py").outcome.facts["git"]["dirty"] is True


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert work_tree(repository).branch is None


def test_a_folder_outside_any_repository_has_none(tmp_path: Path) -> None:
    assert find_work_tree(tmp_path) is None


def test_a_repository_that_git_cannot_read_is_no_missing_one(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(CaptureError, match="could not be read"):
        find_work_tree(tmp_path)


def test_the_entry_script_is_named_within_the_repository_and_hashed(repository: Path) -> None:
    outcome, openings = collect_code(["train.py", "--lr=1"], repository / "train.py")
    digest = sha256(b"print('train')\n").hexdigest()
    assert code_of(outcome)["entry"] == {"path": "train.py", "hash": f"sha256:{digest}"}
    assert code_of(outcome)["argv"] == ["train.py", "--lr=1"]
    assert (outcome.assurance, outcome.gaps, openings) == ("content", (), ())
    assert outcome.facts == code_of(outcome)


def test_the_same_code_has_the_same_digest(repository: Path) -> None:
    entry = repository / "train.py"
    assert collect_code(["x"], entry).outcome == collect_code(["x"], entry).outcome


def test_secrets_and_the_home_directory_are_not_in_the_command_line(tmp_path: Path) -> None:
    argv = ["train.py", "--hub_token", "abc", f"--x={SECRET}", f"--out={Path.home()}/out", "\udcff"]
    facts = collect_code(argv, tmp_path / "train.py").outcome.facts
    assert facts["argv"] == ["train.py", "--hub_token", "[redacted]", "--x=[redacted]", "--out=~/out", "\\xff"]


def test_changes_are_recorded_only_where_that_was_asked_for(repository: Path) -> None:
    (repository / "train.py").write_text("print('changed')\n")
    entry = repository / "train.py"
    without, with_diff = collect_code(["x"], entry).outcome, collect_code(["x"], entry, record_diff=True).outcome
    assert "diff" not in code_of(without)
    assert "+print('changed')" in code_of(with_diff)["diff"]
    assert "diff" not in with_diff.facts
    assert with_diff.facts["git"]["diff"] == f"sha256:{sha256(code_of(with_diff)['diff'].encode()).hexdigest()}"


def test_changes_that_hold_a_secret_are_left_out_and_that_is_a_gap(repository: Path) -> None:
    (repository / "train.py").write_text(f"token = '{SECRET}'\n")
    outcome = collect_code(["x"], repository / "train.py", record_diff=True).outcome
    assert outcome.manifest is not None
    assert SECRET.encode() not in outcome.manifest
    assert outcome.gaps == ("left out because it looks like a secret: /diff",)


def test_changes_that_are_too_long_are_only_hashed(repository: Path) -> None:
    (repository / "train.py").write_text("# long\n" * 200_000)
    outcome = collect_code(["x"], repository / "train.py", record_diff=True).outcome
    assert code_of(outcome)["diff"] is None
    assert "only their hash" in outcome.gaps[0]


def test_what_is_not_there_is_a_gap(tmp_path: Path) -> None:
    outcome = collect_code([], tmp_path / "gone.py").outcome
    assert outcome.gaps == ("the code lies in no git repository", "the entry script: vanished: gone.py")


def test_untracked_files_are_a_gap(repository: Path) -> None:
    (repository / "helper.py").touch()
    gaps = collect_code([], repository / "train.py").outcome.gaps
    assert gaps == ("1 files that git does not track are not covered",)


def test_without_arguments_this_process_describes_itself() -> None:
    assert collect_code().outcome.assurance == "content"
