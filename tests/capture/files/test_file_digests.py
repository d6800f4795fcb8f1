"""One file's digest, and every way in which there is none."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from cognify_core.capture.files import READ_SIZE, file_outcome, hash_file, hash_open, open_file, shown, stamp_open
from cognify_core.errors import CaptureError


@pytest.mark.parametrize("size", [0, 1, 2048, 65_536, 65_537, READ_SIZE - 1, READ_SIZE, READ_SIZE + 1, 3 * READ_SIZE])
def test_the_digest_is_the_sha256_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    outcome = file_outcome(tmp_path / "f")
    assert (outcome.assurance, outcome.facts) == ("content", {"bytes": size})
    assert outcome.hash is not None
    assert outcome.hash.hex == sha256(data).hexdigest()


def test_a_symlink_is_the_file_that_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "link").symlink_to("f")
    assert file_outcome(tmp_path / "link") == file_outcome(tmp_path / "f")


def test_a_file_that_is_not_there_has_vanished(tmp_path: Path) -> None:
    assert file_outcome(tmp_path / "gone").reason == "vanished: gone"


def test_a_file_below_a_file_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    assert file_outcome(tmp_path / "f" / "g").reason == "vanished: g"


def test_a_folder_is_no_regular_file(tmp_path: Path) -> None:
    assert file_outcome(tmp_path).reason == f"not a regular file: {tmp_path.name}"


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert file_outcome(tmp_path / "pipe").reason == "not a regular file: pipe"


def test_a_device_is_refused() -> None:
    assert file_outcome(Path("/dev/zero")).reason == "not a regular file: zero"


def test_a_symlink_loop_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert file_outcome(tmp_path / "a").reason == "symlink loop: a"


def test_a_name_that_is_too_long_says_so(tmp_path: Path) -> None:
    name = "n" * 300
    assert file_outcome(tmp_path / name).reason == f"cannot be read (File name too long): {name}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_read_permission_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "f").chmod(0)
    assert file_outcome(tmp_path / "f").reason == "unreadable: f"


@pytest.mark.parametrize("size", [10, READ_SIZE * 2])
@pytest.mark.parametrize("after", [-5, 5])
def test_a_file_that_shrank_or_grew_since_it_was_opened_is_unresolved(tmp_path: Path, size: int, after: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * size)
    fd = open_file(bytes(path), b"f")
    try:
        before = stamp_open(fd, b"f")
        os.truncate(path, size + after)
        with pytest.raises(CaptureError, match="changed while hashed: f"):
            hash_open(fd, b"f", before=before)
    finally:
        os.close(fd)


def test_a_file_that_was_rewritten_since_it_was_opened_is_unresolved(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    os.utime(path, ns=(1, 1))
    fd = open_file(bytes(path), b"f")
    try:
        before = stamp_open(fd, b"f")
        path.write_bytes(b"new")
        with pytest.raises(CaptureError, match="changed while hashed: f"):
            hash_open(fd, b"f", before=before)
    finally:
        os.close(fd)


def test_an_unlinked_file_that_is_open_still_has_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"weights")
    fd = open_file(bytes(path), b"f")
    try:
        before = stamp_open(fd, b"f")
        path.unlink()
        assert hash_open(fd, b"f", before=before).hex == sha256(b"weights").hexdigest()
    finally:
        os.close(fd)


def test_hashing_leaves_the_access_time_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    os.utime(path, ns=(1, 10**18))
    file_outcome(path)
    assert path.stat().st_atime_ns == 1


def test_a_descriptor_is_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    fd = open_file(bytes(tmp_path / "f"), b"f")
    try:
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    hash_file(bytes(tmp_path / "f"), b"f")
    file_outcome(tmp_path / "none")
    file_outcome(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_names_are_shown_so_that_any_console_and_any_json_can_hold_them() -> None:
    assert shown("grün/ä b".encode()) == "grün/ä b"
    assert shown(b"\xff\n\x1b[31m") == "\\xff\\n\\x1b[31m"
