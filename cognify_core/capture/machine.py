"""The machine: operating system, processor, memory, GPUs. No framework is asked, and no serial number is taken."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from cognify_core.canonical import Json

_DRIVER = Path("/proc/driver/nvidia")
_SECONDS = 10
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")


def describe_machine() -> dict[str, Json]:
    """Facts by which another machine can be told to be alike; sizes in bytes."""
    system = os.uname()
    driver, gpus = describe_gpus()
    return {
        "os": _field(_text(Path("/etc/os-release")), r'^PRETTY_NAME="?([^"\n]*)'),
        "kernel": f"{system.sysname} {system.release}",
        "architecture": system.machine,
        "cpu": _field(_text(Path("/proc/cpuinfo")), r"^(?:model name|Model|cpu model)\s*:\s*(.+)$"),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": gpus,
        "gpu_driver": driver,
    }


def describe_gpus(query: tuple[str, ...] = _QUERY, driver: Path = _DRIVER) -> tuple[str | None, list[Json]]:
    """The NVIDIA driver's version and one entry per GPU, from `nvidia-smi` or else the kernel; none, `(None, [])`."""
    try:
        answer = subprocess.run(
            query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return _from_kernel(driver)
    rows = [[field.strip() for field in line.split(",")] for line in answer.splitlines()]
    rows = [row for row in rows if len(row) == 3]
    gpus: list[Json] = [{"name": name, "memory_mib": int(size) if size.isdigit() else None} for name, size, _ in rows]
    return (rows[0][2] if rows else None), gpus


def _from_kernel(driver: Path) -> tuple[str | None, list[Json]]:
    version = _field(_text(driver / "version"), r"Kernel Module(?: for \S+)?\s+([\d.]+)")
    models = [_field(_text(entry), r"^Model:\s*(.+)$") for entry in sorted(driver.glob("gpus/*/information"))]
    return version, [{"name": model, "memory_mib": None} for model in models]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _field(text: str, pattern: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else None
