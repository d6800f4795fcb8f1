from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.model.events import parse_event
from cognify_core.store.sql import open_store
from tests.store.values import RUN, begin, note

WRITERS = ("rank0", "rank1", "rank2")
EVENTS = 40


@pytest.mark.parametrize("kind", ["ext4", "nfs4"])
def test_processes_that_write_one_run_at_once_leave_one_whole_record(path: Path, tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"23 22 0:2 / {tmp_path} rw - {kind} device rw\n")
    store = open_store(path, mounts=mounts)
    begin(store)
    command = [sys.executable, "-m", "tests.store.writer", str(path), str(mounts)]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen([*command, writer, str(EVENTS)], cwd=root) for writer in WRITERS]
    assert [process.wait() for process in processes] == [0] * len(WRITERS)

    events = [parse_event(event) for event in store.events(RUN)]
    store.close()
    assert [event.seq for event in events] == list(range(1 + len(WRITERS) * EVENTS))
    for writer in WRITERS:
        sent = [note(counter, writer=writer).body for counter in range(EVENTS)]
        assert [event.body for event in events if event.body in sent] == sent
