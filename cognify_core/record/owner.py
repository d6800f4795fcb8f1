"""Which processes write a run, and whether they still live."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from cognify_core.store.protocol import Owner

_STARTED = 19  # field 22 of /proc/<pid>/stat, counted from the one after the command's closing bracket


NOBODY = Owner("", "", 0, "")
"""Stands for all processes of a server, each of which may write the run: it is never taken for dead."""


def this_process(rank: int = 0) -> Owner:
    """The process that asks, which is `rank` of those that train together."""
    return Owner(socket.gethostname(), _boot_id(), os.getpid(), _started(os.getpid()) or "", rank)


def process_name(pid: int) -> str:
    """A name for process `pid` that no other process will ever have: host, boot, number and start."""
    return f"{socket.gethostname()}:{_boot_id()}:{pid}:{_started(pid) or ''}"


def is_alive(owner: Owner) -> bool:
    """Whether that process may still be writing; of another host nothing is known, so it may."""
    if owner.host != socket.gethostname():
        return True
    return owner.boot_id == _boot_id() and _started(owner.pid) == owner.started


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Clock ticks between boot and the start of process `pid`; none where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[_STARTED]
