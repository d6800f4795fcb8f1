from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.store.places import locked, network_file_system, put_all_in_place

ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"


def mounts(folder: Path, *lines: str) -> Path:
    table = folder / "mountinfo"
    table.write_text("\n".join((ROOT, *lines)) + "\n")
    return table


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "beegfs", "9p", "fuse.gcsfuse"]
)
def test_a_network_file_system_is_known_by_its_type(tmp_path: Path, kind: str) -> None:
    table = mounts(tmp_path, f"40 22 0:50 / /home rw shared:9 - {kind} server:/home rw,vers=4.2")
    assert network_file_system(Path("/home/ada/.cognify/cognify.db"), table) == kind
    assert network_file_system(Path("/homework/cognify.db"), table) is None


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", "zfs"])
def test_a_local_file_system_is_none(tmp_path: Path, kind: str) -> None:
    table = mounts(tmp_path, f"40 22 0:50 / /home rw - {kind} /dev/vdb rw")
    assert network_file_system(Path("/home/ada/cognify.db"), table) is None


def test_the_innermost_mount_counts(tmp_path: Path) -> None:
    table = mounts(
        tmp_path,
        "41 40 0:51 / /home/ada/scratch rw - xfs /dev/vdb rw",
        "40 22 0:50 / /home rw - nfs4 server:/home rw",
    )
    assert network_file_system(Path("/home/ada/scratch/cognify.db"), table) is None
    assert network_file_system(Path("/home/ada/cognify.db"), table) == "nfs4"


def test_of_two_mounts_on_one_point_the_later_counts(tmp_path: Path) -> None:
    table = mounts(
        tmp_path,
        "40 22 0:50 / /home rw - autofs systemd-1 rw",
        "41 40 0:51 / /home rw - nfs4 server:/home rw",
    )
    assert network_file_system(Path("/home/ada/cognify.db"), table) == "nfs4"


def test_a_mount_point_with_a_space_is_understood(tmp_path: Path) -> None:
    table = mounts(tmp_path, r"40 22 0:50 / /mnt/my\040share rw - cifs //server/share rw")
    assert network_file_system(Path("/mnt/my share/cognify.db"), table) == "cifs"


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    table = mounts(tmp_path, f"40 22 0:50 / {tmp_path / 'far'} rw - nfs4 server:/ rw")
    assert network_file_system(tmp_path / "near" / "cognify.db", table) == "nfs4"


def test_without_a_mount_table_every_place_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "missing") is None


def test_this_machines_own_mount_table_can_be_read(tmp_path: Path) -> None:
    assert network_file_system(Path("/proc/self")) is None


def test_a_lock_that_somebody_holds_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 0),
        pytest.raises(TimeoutError, match="another process holds the lock"),
        locked(tmp_path / "lock", 0.05),
    ):
        pass


def test_a_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock", 0), locked(tmp_path, 0):
            pass


def test_a_lock_ends_with_the_block_although_a_child_has_inherited_it(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 0):
        links = [link for link in Path("/proc/self/fd").iterdir() if _leads_to(link, tmp_path)]
        inherited = [os.dup(int(link.name)) for link in links]
    assert len(inherited) == 1
    with locked(tmp_path / "lock", 0):
        os.close(inherited[0])


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    program = f"""
import os
from pathlib import Path
from cognify_core.store.places import locked
with locked(Path({str(lock)!r}), 0):
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _leads_to(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder / "lock"
    except FileNotFoundError:
        return False


def test_several_files_are_put_in_place_and_no_draft_is_left(tmp_path: Path) -> None:
    files = {f"{number}.json": str(number).encode() for number in range(20)}
    (tmp_path / "3.json").write_bytes(b"old")
    put_all_in_place(tmp_path, files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_where_one_of_several_files_cannot_be_written_none_is_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OSError, match="name too long"):
        put_all_in_place(tmp_path, {"a": b"new", "b" * 300: b"new"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]
