"""Disks that are full or read-only, and a store that somebody else keeps locked."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.errors import StoreError
from cognify_core.store.places import locked
from cognify_core.store.sql import SqlStore, open_store
from cognify_core.store.sqlite import Sqlite
from tests.store.programs import run
from tests.store.values import RUN, begin, note, notes


def mount(*arguments: str) -> None:
    """Mount something, or skip the test where this user may not."""
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command on this machine")
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this user may not mount file systems: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(disk))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def read_only_disk(tmp_path: Path, empty_store: Path) -> Iterator[Path]:
    """A read-only disk with a store on it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    shutil.copy(empty_store, disk / "cognify.db")
    mount("--bind", str(disk), str(disk))
    mount("-o", "remount,bind,ro", str(disk))
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no free block on `disk`; return the file that takes them all."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"0" * 4096):
            pass
    return ballast


def test_a_full_disk_is_named_and_nothing_is_lost(small_disk: Path, empty_store: Path) -> None:
    path = Path(shutil.copy(empty_store, small_disk))
    store = open_store(path)
    begin(store)
    store.append(RUN, [note(1)])
    ballast = fill(small_disk)
    with pytest.raises(StoreError, match=rf"the store {path} failed: the disk is full; free some space"):
        store.append(RUN, notes(*range(2, 200)))
    assert list(store.events(RUN))[1:] == [note(1).at(RUN, 1).encode()]
    ballast.unlink()
    assert store.append(RUN, notes(*range(2, 200))) == 200
    store.close()


def test_no_store_can_be_created_on_a_full_disk(small_disk: Path) -> None:
    ballast = fill(small_disk)
    path = small_disk / "cognify.db"
    with pytest.raises(StoreError, match=rf"the store {path} failed: (the disk is full|its disk is full or failing)"):
        open_store(path)
    ballast.unlink()
    open_store(path).close()


def test_a_file_that_may_not_grow_is_named_and_nothing_is_lost(path: Path) -> None:
    program = f"""
import resource
from cognify_core.errors import StoreError
from cognify_core.store.sql import open_store
from tests.store.programs import run
from tests.store.values import RUN, begin, note, notes
store = open_store({str(path)!r})
begin(store)
resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
held, error = 1, None
while error is None:
    try:
        held = store.append(RUN, notes(*range(held, held + 50)))
    except StoreError as caught:
        error = caught
assert "cognify.db failed: its disk is full or failing" in str(error), error
assert store.run(RUN).size == held
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.append(RUN, [note(held)]) == held + 1
"""
    run(program)


def test_a_store_on_a_read_only_disk_is_named(read_only_disk: Path) -> None:
    path = read_only_disk / "cognify.db"
    with pytest.raises(StoreError, match=rf"the store {path} failed: it is read-only; make the file and its folder"):
        open_store(path)


def test_no_store_can_be_created_on_a_read_only_disk(read_only_disk: Path) -> None:
    path = read_only_disk / "other" / "cognify.db"
    with pytest.raises(StoreError, match=rf"the store {path} failed: {path.parent}: Read-only file system; mend that"):
        open_store(path)


def test_a_lock_file_that_is_kept_too_long_is_named(path: Path, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"23 22 0:2 / {tmp_path} rw - nfs4 server:/home rw\n")
    database = Sqlite(path, mounts, wait_seconds=0.05)
    lock = path.with_name("cognify.db.lock")
    with locked(lock, 0), pytest.raises(StoreError, match=rf"failed: {lock}: another process holds the lock"):
        SqlStore(database).runs()
    database.close()


def test_a_store_that_is_kept_locked_too_long_is_named(store: SqlStore, path: Path) -> None:
    begin(store)
    patient = Sqlite(path)
    with patient.writing():
        hasty = Sqlite(path, wait_seconds=0.05)
        with pytest.raises(StoreError, match="another process has kept it locked for too long"):
            SqlStore(hasty).append(RUN, [note(1)])
        hasty.close()
    patient.close()


def test_a_file_that_was_moved_away_is_lost_and_one_that_came_back_is_not(store: SqlStore, path: Path) -> None:
    told = [store.lost]
    path.rename(path.with_name("elsewhere.db"))
    told.append(store.lost)
    path.with_name("elsewhere.db").rename(path)
    told.append(store.lost)
    assert [each is None for each in told] == [True, False, True]
    assert f"{path} was removed or replaced" in str(told[1])


def test_readers_do_not_wait_for_a_writer(store: SqlStore, path: Path) -> None:
    begin(store)
    writer = Sqlite(path)
    seen: list[int] = []
    with writer.writing():
        reader = threading.Thread(target=lambda: seen.append(store.run(RUN).size))
        reader.start()
        reader.join(timeout=10)
    writer.close()
    assert seen == [1]
