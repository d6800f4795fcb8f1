"""Network file systems are told by /proc/self/mountinfo."""

from __future__ import annotations

import pytest

from cognify_core.capture.mounts import free_bytes, is_network

MOUNTS = b"""\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:30 / /mnt/nfs rw shared:2 - nfs4 server:/x rw
31 30 254:1 / /mnt/nfs/local rw - xfs /dev/vdb rw
32 22 0:31 / /mnt/with\\040space rw - fuse.sshfs host:/ rw
33 22 0:32 / /mnt/cifs rw - cifs //host/x rw
34 33 0:33 / /mnt/cifs rw - tmpfs tmpfs rw
35 22 0:34 / /mnt/lustre rw master:1 propagate_from:2 - lustre x rw
36 22 8:17 / /mnt/usb rw - fuseblk /dev/sdb1 rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "network"),
    [
        (b"/", False),
        (b"/home/x", False),
        (b"/mnt/nfs", True),
        (b"/mnt/nfs/out/checkpoint-1", True),
        (b"/mnt/nfs-not", False),
        (b"/mnt/nfs/local/out", False),
        (b"/mnt/with space/out", True),
        (b"/mnt/cifs/out", False),
        (b"/mnt/lustre/out", True),
        (b"/mnt/usb/out", False),
    ],
)
def test_the_innermost_and_latest_mount_decides(path: bytes, network: bool) -> None:
    assert is_network(path, MOUNTS) is network


def test_this_machine_can_be_asked() -> None:
    assert is_network(b"/proc") is False
    assert free_bytes(b"/") > 0
