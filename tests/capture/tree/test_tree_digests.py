"""`cognify.tree/v1` to the letter, read back by the real `sha256sum`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import NOT_COVERED, diff_trees, parse_manifest, tree_outcome
from cognify_core.model.digest import Digest

ODD_NAMES = [b"a b", b" lead", b"*star", b"#hash", b"\xff\xfe", b"line\nfeed", b"return\r", b"back\\slash", b"\\n"]
ODD_NAMES += ["grün".encode(), "gru\u0308n".encode(), b".hidden", b"sub/.deep/x", b"tab\t", b"\\", b"a\\\nb"]


def make_tree(root: Path, names: list[bytes]) -> Path:
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + name)
    return root


def manifest_of(outcome: Outcome) -> bytes:
    assert outcome.manifest is not None, outcome.reason
    assert outcome.hash == Digest.of(outcome.manifest)
    return outcome.manifest


def test_the_manifest_is_a_header_and_a_line_per_file_in_byte_order(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"b", b"a/z", b"a.txt", b"B"])
    lines = [f"{sha256(b'content of ' + name).hexdigest()}  {name.decode()}" for name in (b"B", b"a.txt", b"a/z", b"b")]
    outcome = tree_outcome(tmp_path)
    assert manifest_of(outcome).decode() == "\n".join(["# cognify.tree/v1", *lines, ""])
    assert outcome.facts == {"files": 4, "bytes": 4 * len(b"content of ") + 10, "empty_directories": 0}
    assert (outcome.assurance, outcome.format, outcome.gaps) == ("content", "cognify.tree/v1", (NOT_COVERED,))


def test_sha256sum_checks_the_manifest_strictly_whatever_the_names(tmp_path: Path) -> None:
    make_tree(tmp_path / "tree", ODD_NAMES)
    (tmp_path / "manifest").write_bytes(manifest_of(tree_outcome(tmp_path / "tree")))
    command = ["sha256sum", "--strict", "--quiet", "-c", str(tmp_path / "manifest")]
    checked = subprocess.run(command, cwd=tmp_path / "tree", capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_sha256sum_names_the_file_that_was_changed(tmp_path: Path) -> None:
    make_tree(tmp_path / "tree", ODD_NAMES)
    (tmp_path / "manifest").write_bytes(manifest_of(tree_outcome(tmp_path / "tree")))
    (tmp_path / "tree" / ".hidden").write_bytes(b"changed")
    command = ["sha256sum", "--strict", "-c", str(tmp_path / "manifest")]
    checked = subprocess.run(command, cwd=tmp_path / "tree", capture_output=True)
    assert checked.returncode == 1
    assert b".hidden: FAILED" in checked.stdout


def test_the_lines_are_those_that_sha256sum_itself_writes(tmp_path: Path) -> None:
    make_tree(tmp_path, ODD_NAMES)
    names = sorted(ODD_NAMES)
    written = subprocess.run([b"sha256sum", b"--", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert manifest_of(tree_outcome(tmp_path)) == b"# cognify.tree/v1\n" + written


def test_a_manifest_read_back_names_every_file(tmp_path: Path) -> None:
    make_tree(tmp_path, ODD_NAMES)
    files = parse_manifest(manifest_of(tree_outcome(tmp_path)))
    assert files == {name: sha256(b"content of " + name).hexdigest() for name in ODD_NAMES}


def test_a_tree_that_was_copied_and_touched_keeps_its_digest(tmp_path: Path) -> None:
    before = tree_outcome(make_tree(tmp_path / "tree", ODD_NAMES))
    (tmp_path / "tree").rename(tmp_path / "moved")
    os.utime(tmp_path / "moved" / "a b", ns=(5, 5))
    (tmp_path / "moved" / "a b").chmod(0o600)
    assert tree_outcome(tmp_path / "moved") == before


def test_every_other_change_is_seen_and_named(tmp_path: Path) -> None:
    before = parse_manifest(manifest_of(tree_outcome(make_tree(tmp_path, [b"a", b"b", b"c"]))))
    (tmp_path / "a").write_bytes(b"changed")
    (tmp_path / "b").rename(tmp_path / "renamed")
    diff = diff_trees(before, parse_manifest(manifest_of(tree_outcome(tmp_path))))
    assert (diff.changed, diff.missing, diff.added) == (("a",), ("b",), ("renamed",))
    assert diff
    assert not diff_trees(before, before)


def test_an_empty_folder_is_legal_and_is_not_the_empty_file(tmp_path: Path) -> None:
    outcome = tree_outcome(tmp_path)
    assert manifest_of(outcome) == b"# cognify.tree/v1\n"
    assert outcome.hash != Digest.of(b"")


def test_empty_directories_are_counted_and_not_covered(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"a"])
    before = tree_outcome(tmp_path)
    (tmp_path / "empty" / "within").mkdir(parents=True)
    after = tree_outcome(tmp_path)
    assert after.hash == before.hash
    assert after.facts["empty_directories"] == 1


def test_a_symlink_inside_the_tree_counts_as_its_file(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"a", b"sub/b"])
    (tmp_path / "link").symlink_to("sub/b")
    (tmp_path / "chain").symlink_to("link")
    files = parse_manifest(manifest_of(tree_outcome(tmp_path)))
    assert files[b"link"] == files[b"chain"] == files[b"sub/b"]


def test_a_tree_reached_through_a_symlink_is_that_tree(tmp_path: Path) -> None:
    make_tree(tmp_path / "tree", [b"a"])
    (tmp_path / "link").symlink_to("tree")
    assert tree_outcome(tmp_path / "link") == tree_outcome(tmp_path / "tree")


def test_hard_links_are_files_of_their_own_names(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"a"])
    os.link(tmp_path / "a", tmp_path / "b")
    outcome = tree_outcome(tmp_path)
    files = parse_manifest(manifest_of(outcome))
    assert files[b"a"] == files[b"b"]
    assert outcome.facts["files"] == 2


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("../outside", "symlink that leaves the tree: link"),
        ("../tree-too/a", "symlink that leaves the tree: link"),
        ("/dev/null", "symlink that leaves the tree: link"),
        ("nothing", "symlink to nothing: link"),
        ("link", "symlink loop: link"),
        ("sub", "symlink to what is no regular file: link"),
        (".", "symlink that leaves the tree: link"),
        ("a/x", "vanished: link"),
    ],
)
def test_any_other_symlink_leaves_the_tree_unresolved(tmp_path: Path, target: str, reason: str) -> None:
    make_tree(tmp_path, [b"outside", b"tree/a", b"tree/sub/b", b"tree-too/a"])
    (tmp_path / "tree" / "link").symlink_to(target)
    outcome = tree_outcome(tmp_path / "tree")
    assert (outcome.assurance, outcome.hash, outcome.reason) == ("unresolved", None, reason)


def test_a_wider_boundary_admits_symlinks_into_it(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"outside", b"tree/a"])
    (tmp_path / "tree" / "link").symlink_to("../outside")
    files = parse_manifest(manifest_of(tree_outcome(tmp_path / "tree", boundary=tmp_path)))
    assert files[b"link"] == sha256(b"content of outside").hexdigest()


@pytest.mark.parametrize("below", ["", "onnx"])
def test_a_hub_snapshot_may_link_into_its_repository(tmp_path: Path, below: str) -> None:
    repository = make_tree(tmp_path / "models--org--name", [b"blobs/aa", b"blobs/bb"])
    snapshot = repository / "snapshots" / "0123"
    (snapshot / "onnx").mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to("../../blobs/aa")
    (snapshot / "onnx" / "model.onnx").symlink_to("../../../blobs/bb")
    names = parse_manifest(manifest_of(tree_outcome(snapshot / below)))
    assert set(names) == ({b"model.onnx"} if below else {b"model.safetensors", b"onnx/model.onnx"})


def test_a_hub_snapshot_may_not_link_out_of_its_repository(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"models--a--b/blobs/aa", b"models--other--c/blobs/bb"])
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").symlink_to("../../../models--other--c/blobs/bb")
    assert tree_outcome(snapshot).reason == "symlink that leaves the tree: config.json"


def test_a_fifo_leaves_the_tree_unresolved(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert tree_outcome(tmp_path).reason == "not a regular file: pipe"


def test_a_socket_leaves_the_tree_unresolved(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert tree_outcome(tmp_path).reason == "not a regular file: s"


def test_a_folder_that_is_not_there_has_vanished(tmp_path: Path) -> None:
    assert tree_outcome(tmp_path / "none").reason == "vanished: none"


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    assert tree_outcome(tmp_path / "f").reason == "not a directory: f"


def test_names_that_are_not_utf8_are_shown_escaped_in_reasons(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).symlink_to("nowhere")
    assert tree_outcome(tmp_path).reason == "symlink to nothing: \\xff"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    make_tree(tmp_path, ODD_NAMES)
    before = len(list(Path("/proc/self/fd").iterdir()))
    tree_outcome(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    tree_outcome(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.slow
def test_a_folder_of_very_many_files_is_hashed(tmp_path: Path) -> None:
    make_tree(tmp_path, [b"%02d/%d" % (number % 50, number) for number in range(20_000)])
    outcome = tree_outcome(tmp_path)
    assert outcome.facts["files"] == 20_000
    shutil.rmtree(tmp_path / "00")
    assert tree_outcome(tmp_path).facts["files"] == 19_600
