"""A checkpoint that is one file is held like a folder: deleted right after it was written, it is still hashed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest

from cognify_core.capture.files import file_outcome
from cognify_core.capture.hold import ROTATED
from cognify_core.capture.hold_file import hold_file
from cognify_core.capture.holder import Holder
from cognify_core.capture.outcome import Outcome
from cognify_core.record.hashing import Hashing
from tests.capture.hold.test_holding import checkpoint, descriptors, holder


def written(path: Path, size: int = 100_000) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def test_a_deleted_file_is_still_hashed_as_the_file_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    expected = file_outcome(path)
    held = hold_file(path)
    path.unlink()
    assert held.outcome() == expected
    assert expected.assurance == "content"


def test_a_file_that_was_replaced_is_hashed_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    expected = file_outcome(path)
    held = hold_file(path)
    written(tmp_path / "next").rename(path)
    assert held.outcome() == expected


def test_a_file_that_is_written_meanwhile_is_a_fact(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    held = hold_file(path)
    with path.open("ab") as file:
        file.write(b"late")
    assert held.outcome().reason == "changed while hashed: last.ckpt"


def test_a_link_is_followed_once(tmp_path: Path) -> None:
    path = written(tmp_path / "step=2.ckpt")
    (tmp_path / "last.ckpt").symlink_to(path)
    expected = file_outcome(path)
    held = hold_file(tmp_path / "last.ckpt")
    (tmp_path / "last.ckpt").unlink()
    assert held.outcome() == expected


def test_hashing_closes_the_file(tmp_path: Path) -> None:
    path, before = written(tmp_path / "last.ckpt", 10), descriptors()
    held = hold_file(path)
    assert (held.descriptors, held.size, descriptors()) == (1, 10, before + 1)
    held.outcome()
    assert (held.descriptors, descriptors()) == (0, before)


@pytest.mark.parametrize("limit", [0, 1])
def test_one_that_is_not_held_and_gone_was_rotated(tmp_path: Path, limit: int) -> None:
    path = written(tmp_path / "last.ckpt")
    held = hold_file(path, limit=limit)
    held.let_go()
    path.unlink()
    assert held.outcome().reason == ROTATED


def test_one_that_is_not_held_and_was_replaced_was_rotated(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    held = hold_file(path, limit=0)
    written(tmp_path / "next").rename(path)
    assert held.outcome().reason == ROTATED


def test_one_that_is_not_held_and_changed_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    held = hold_file(path, limit=0)
    path.write_bytes(b"other")
    assert held.outcome().reason == "changed before hashed: last.ckpt"


def test_one_that_is_not_held_and_still_there_is_hashed(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    assert hold_file(path, limit=0).outcome() == file_outcome(path)


def test_what_is_wrong_with_the_file_is_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = descriptors()
    assert hold_file(tmp_path / "pipe").outcome().reason == "not a regular file: pipe"
    assert hold_file(tmp_path / "gone").outcome().reason == "vanished: gone"
    assert descriptors() == before


def test_two_files_count_like_a_folder(tmp_path: Path) -> None:
    holds = holder()
    first, second = (holds.hold(written(tmp_path / name)) for name in ("a.ckpt", "last.ckpt"))
    third = holds.hold(checkpoint(tmp_path / "b"))
    assert holds.held == (first, second, third)
    fourth = holds.hold(written(tmp_path / "c.ckpt"))
    assert holds.held == (second, third, fourth)
    assert first.outcome() == file_outcome(tmp_path / "a.ckpt")


def test_a_file_is_not_held_on_a_network_file_system_nor_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ckpt", 1000)
    for holds in (holder(network=True), holder(free=1999)):
        assert holds.hold(path).descriptors == 0
        assert holds.hold(path).outcome() == file_outcome(path)
    assert holder(free=2000).hold(path).descriptors == 1


def test_what_is_not_held_any_more_is_closed_with_the_holder(tmp_path: Path) -> None:
    before, holds = descriptors(), Holder()
    holds.hold(written(tmp_path / "a.ckpt"))
    holds.close()
    assert descriptors() == before


def test_files_that_are_deleted_before_their_turn_comes_are_hashed(tmp_path: Path) -> None:
    hashing, outcomes, busy = Hashing(tmp_path / "rows", threads=1), Queue[Outcome](), threading.Event()
    hashing.call("a slow disk", lambda: Outcome.unresolved(str(busy.wait(30))), lambda _: None)
    paths = [written(tmp_path / f"{number}.ckpt") for number in range(2)]
    expected = [file_outcome(path) for path in paths]
    for path in paths:
        hashing.checkpoint(path, outcomes.put)
        path.unlink()
    busy.set()
    assert [outcomes.get(timeout=30) for _ in paths] == expected
    hashing.close()


def test_a_process_without_free_descriptors_hashes_by_name_later(tmp_path: Path) -> None:
    path = written(tmp_path / "last.ckpt")
    script = (
        "import os, resource, sys; from pathlib import Path\n"
        "from cognify_core.capture.hold_file import hold_file\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); taken = []\n"
        "try:\n    while True: taken.append(os.open(os.devnull, os.O_RDONLY))\n"
        "except OSError: pass\n"
        "held = hold_file(Path(sys.argv[1])); [os.close(fd) for fd in taken]\n"
        "print(held.descriptors, held.outcome().hash)"
    )
    told = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["0", str(file_outcome(path).hash)]
