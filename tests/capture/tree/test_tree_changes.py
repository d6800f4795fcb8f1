"""What changes while a tree is hashed is a fact, and leaves it unresolved."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.capture.tree import LARGE, parse_manifest, tree_outcome

BIG = 160 << 20  # long enough to hash (some 100 ms) that another thread gets its turn meanwhile


def outcome_while(tree: Path, change: Callable[[], None]) -> str | None:
    """The reason of a tree's outcome, where `change` happens while its large file is hashed, after all others were."""
    opened = threading.Event()

    def is_open() -> bool:
        for fd in Path("/proc/self/fd").iterdir():
            try:
                if fd.readlink() == tree / "a-big":
                    return True
            except FileNotFoundError:
                continue
        return False

    def watch() -> None:
        while not opened.is_set():
            if is_open():
                time.sleep(0.02)  # to look at its stamp it is opened too, for less than that
                if is_open():
                    change()
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return tree_outcome(tree).reason
    finally:
        opened.set()
        watcher.join()


@pytest.fixture(params=[0.0, 2.1], ids=["just made", "made some seconds ago"])
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder; of one that has been as it is for two seconds, the times are trusted to tell whether names stayed."""
    (tmp_path / "a-big").write_bytes(bytes(BIG))
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "a").write_bytes(b"old")
    for name in "ab":
        os.utime(tmp_path / name, ns=(1, 1))
    time.sleep(request.param)
    return tmp_path


def test_a_file_that_is_added_meanwhile_is_named(tree: Path) -> None:
    def add() -> None:
        (tree / "new").touch()

    assert outcome_while(tree, add) == "added while hashed: new"


def test_a_file_that_vanishes_meanwhile_is_named(tree: Path) -> None:
    assert outcome_while(tree, (tree / "b").unlink) in ("vanished: b", "vanished while hashed: b")


def test_large_files_hashed_side_by_side_have_the_digests_that_they_have_alone(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"part-{number}").write_bytes(bytes([number]) * (LARGE + number))
    os.link(tmp_path / "part-4", tmp_path / "another name of part-4")
    (tmp_path / "small").write_bytes(b"small")
    manifest = tree_outcome(tmp_path).manifest
    assert manifest is not None
    expected = {os.fsencode(path.name): sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert dict(parse_manifest(manifest)) == expected


def test_a_file_that_vanishes_after_it_was_hashed_is_named(tree: Path) -> None:
    assert outcome_while(tree, (tree / "a").unlink) == "vanished while hashed: a"


def test_a_file_that_takes_the_place_of_another_of_the_same_size_and_times_is_named(tree: Path) -> None:
    def replace() -> None:
        (tree.parent / "other").write_bytes(b"new")
        os.utime(tree.parent / "other", ns=(1, 1))
        (tree.parent / "other").rename(tree / "a")

    assert outcome_while(tree, replace) == "changed while hashed: a"


def test_a_file_that_changes_after_it_was_hashed_is_named(tree: Path) -> None:
    def change() -> None:
        (tree / "a").write_bytes(b"new")

    assert outcome_while(tree, change) == "changed while hashed: a"


def test_a_file_that_shrinks_while_it_is_read_is_named(tree: Path) -> None:
    def shrink() -> None:
        os.truncate(tree / "a-big", 10)

    assert outcome_while(tree, shrink) == "changed while hashed: a-big"


def test_a_file_that_grows_while_it_is_read_is_named(tree: Path) -> None:
    def grow() -> None:
        os.truncate(tree / "a-big", BIG + 1)

    assert outcome_while(tree, grow) == "changed while hashed: a-big"
