"""A checkpoint that is rotated away is still hashed, and what is held is bounded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cognify_core.capture.hold import ROTATED, HeldTree, hold_tree
from cognify_core.capture.holder import Holder
from cognify_core.capture.tree import tree_outcome


def checkpoint(path: Path, files: int = 3, size: int = 1000) -> Path:
    path.mkdir(parents=True)
    for number in range(files):
        (path / f"file-{number}").write_bytes(os.urandom(size))
    return path


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def holder(trees: int = 2, files: int = 256, free: int = 1 << 60, network: bool = False) -> Holder:
    return Holder(trees=trees, descriptors=files, free=lambda _: free, network=lambda _: network)


def test_a_rotated_checkpoint_is_still_hashed(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    expected = tree_outcome(path)
    held = hold_tree(path)
    shutil.rmtree(path)
    assert held.outcome() == expected


def test_a_checkpoint_that_was_replaced_is_hashed_as_it_was(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    expected = tree_outcome(path)
    held = hold_tree(path)
    shutil.rmtree(path)
    checkpoint(path)
    assert held.outcome() == expected


def test_many_rotated_checkpoints_give_no_wrong_digest(tmp_path: Path) -> None:
    for number in range(12):
        path = checkpoint(tmp_path / f"ckpt-{number}", files=4)
        expected, held = tree_outcome(path), hold_tree(path)
        shutil.rmtree(path)
        assert held.outcome() == expected


def test_hashing_closes_every_file_it_held(tmp_path: Path) -> None:
    before = descriptors()
    held = hold_tree(checkpoint(tmp_path / "ckpt"))
    assert (held.descriptors, descriptors()) == (3, before + 3)
    held.outcome()
    assert (held.descriptors, descriptors()) == (0, before)


def test_hard_links_are_counted_once_and_hashed_alike(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt", files=1)
    os.link(path / "file-0", path / "again")
    held = hold_tree(path)
    assert (held.descriptors, held.size) == (2, 1000)
    assert held.outcome() == tree_outcome(path)


def test_a_held_file_that_is_written_meanwhile_is_a_fact(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = hold_tree(path)
    with (path / "file-1").open("ab") as file:
        file.write(b"late")
    assert held.outcome().reason == "changed while hashed: file-1"
    assert held.descriptors == 0


def test_a_release_is_the_reason_that_there_is_no_digest(tmp_path: Path) -> None:
    held = hold_tree(checkpoint(tmp_path / "ckpt"))
    held.release("the run was discarded")
    assert held.descriptors == 0
    assert held.outcome().reason == "the run was discarded"


def test_one_that_was_let_go_and_is_still_there_is_hashed_by_its_path(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = hold_tree(path)
    assert held.let_go()
    assert held.descriptors == 0
    assert held.outcome() == tree_outcome(path)


def let_go(path: Path) -> HeldTree:
    held = hold_tree(path)
    held.let_go()
    return held


def test_one_that_was_let_go_and_is_gone_was_rotated(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = let_go(path)
    shutil.rmtree(path)
    assert held.outcome().reason == ROTATED == "rotated before hashed"


def test_one_that_was_let_go_and_replaced_was_rotated(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = let_go(path)
    path.rename(tmp_path / "elsewhere")
    checkpoint(path)
    assert held.outcome().reason == ROTATED


def test_one_that_was_let_go_and_lost_a_file_was_rotated(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = let_go(path)
    (path / "file-2").unlink()
    assert held.outcome().reason == ROTATED


def test_one_that_was_let_go_and_changed_names_the_file(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt")
    held = let_go(path)
    (path / "file-2").write_bytes(b"other")
    assert held.outcome().reason == "changed before hashed: file-2"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: os.mkfifo(path / "pipe"), "not a regular file: pipe"),
        (lambda path: (path / "link").symlink_to("link"), "symlink loop: link"),
        (shutil.rmtree, "vanished: ckpt"),
    ],
)
def test_what_is_wrong_with_the_folder_is_the_reason(
    tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    path = checkpoint(tmp_path / "ckpt")
    spoil(path)
    before = descriptors()
    assert hold_tree(path).outcome().reason == reason
    assert descriptors() == before


def test_a_folder_of_more_files_than_the_limit_is_not_held_but_hashed(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt", files=5)
    held = hold_tree(path, limit=4)
    assert held.descriptors == 0
    assert held.outcome() == tree_outcome(path)


def test_holding_a_large_checkpoint_reads_none_of_it(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "ckpt", files=15)
    os.truncate(path / "file-0", 280 << 20)
    before = bytes_read()
    held = hold_tree(path)
    assert bytes_read() - before < 1 << 20
    held.release()


def bytes_read() -> int:
    """How much this process has read since it began, from the page cache too."""
    return int(Path("/proc/self/io").read_text("ascii").split()[1])


def test_a_third_checkpoint_lets_the_oldest_go(tmp_path: Path) -> None:
    holds = holder()
    first, second, third = (holds.hold(checkpoint(tmp_path / name)) for name in "abc")
    assert holds.held == (second, third)
    assert first.outcome() == tree_outcome(tmp_path / "a")


def test_a_checkpoint_that_is_hashed_makes_room(tmp_path: Path) -> None:
    holds = holder()
    first, second = (holds.hold(checkpoint(tmp_path / name)) for name in "ab")
    first.outcome()
    third = holds.hold(checkpoint(tmp_path / "c"))
    assert holds.held == (second, third)


def test_descriptors_are_bounded_over_all_checkpoints(tmp_path: Path) -> None:
    holds = holder(files=5)
    holds.hold(checkpoint(tmp_path / "a"))
    second = holds.hold(checkpoint(tmp_path / "b"))
    assert holds.held == (second,)


def test_nothing_is_held_when_the_disk_has_less_than_twice_its_size(tmp_path: Path) -> None:
    holds = holder(free=6 * 1000)
    first = holds.hold(checkpoint(tmp_path / "a"))
    assert first.descriptors == 3
    second = holds.hold(checkpoint(tmp_path / "b"))
    assert [tree.path.name for tree in holds.held] == []
    assert second.outcome() == tree_outcome(tmp_path / "b")


def test_nothing_is_held_on_a_network_file_system(tmp_path: Path) -> None:
    holds = holder(network=True)
    held = holds.hold(checkpoint(tmp_path / "a"))
    assert (held.descriptors, holds.held) == (0, ())
    assert held.outcome() == tree_outcome(tmp_path / "a")


def test_closing_lets_everything_go(tmp_path: Path) -> None:
    before, holds = descriptors(), holder()
    holds.hold(checkpoint(tmp_path / "a"))
    holds.close()
    assert (holds.held, descriptors()) == ((), before)


def test_the_real_disk_admits_a_small_checkpoint(tmp_path: Path) -> None:
    holds = Holder()
    assert holds.hold(checkpoint(tmp_path / "a")).descriptors in (0, 3)
    holds.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_holds_nothing(tmp_path: Path) -> None:
    holds = holder()
    holds.hold(checkpoint(tmp_path / "a"))
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"%d" % sum(tree.descriptors for tree in holds.held))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"0"
    assert len(holds.held) == 1
    os.close(read)
    os.close(write)
    holds.close()
