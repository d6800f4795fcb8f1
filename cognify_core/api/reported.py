"""What the processes under `cognify run` tell it: the runs that they began, the frameworks that they loaded.

They append lines to a file that an environment variable names. Nothing depends on it but what is said at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cognify_core import api
from cognify_core.errors import CognifyError
from cognify_core.store.protocol import RunRow

REPORT = "COGNIFY_AUTO_REPORT"


def report(kind: str, value: str, *, environ: Mapping[str, str] = os.environ) -> None:
    """Tell whoever started us; nobody, where nobody asked. Never raises: a training goes on."""
    if place := environ.get(REPORT):
        line = json.dumps([kind, value]).encode() + b"\n"
        with suppress(OSError):
            target = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(target, line)
            finally:
                os.close(target)


@dataclass(frozen=True, slots=True)
class Told:
    """A run that a process has told of."""

    run_id: str
    row: RunRow | None
    """As its store has it; None in a dry run, and where it lies in another home."""
    package: Path | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """All that was told."""

    runs: tuple[Told, ...]
    frameworks: tuple[str, ...]


def reported(place: Path) -> Reported:
    """What was told, with what has become of it. A line that is no such thing is passed over."""
    told: dict[str, dict[str, None]] = {"run": {}, "framework": {}}
    for line in place.read_bytes().splitlines() if place.exists() else ():
        with suppress(ValueError, KeyError, TypeError):
            kind, value = json.loads(line)
            told[kind][str(value)] = None
    return Reported(tuple(map(_told, told["run"])), tuple(told["framework"]))


def _told(run_id: str) -> Told:
    store = api.this_session().workspace.store
    try:
        row = store.run(run_id)
        receipts = store.receipts(run_id)
    except (CognifyError, OSError):
        return Told(run_id, None)
    return Told(run_id, row, Path(receipts[-1].path) if receipts else None)
