from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cognify_core.model.events import parse_event
from cognify_core.store.sql import open_store
from tests.store.programs import REPOSITORY, run
from tests.store.values import MEETING, RUN, begin, note

WRITERS = ("rank0", "rank1", "rank2")
EVENTS = 40
RANKS = 8


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


@pytest.mark.parametrize("kind", ["ext4", "nfs4"])
def test_of_processes_that_create_under_one_meeting_at_once_one_succeeds(path: Path, tmp_path: Path, kind: str) -> None:
    """All have the store open and wait for the word to start, then each creates a run of its own."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"23 22 0:2 / {tmp_path} rw - {kind} device rw\n")
    run(f"""
import os
from pathlib import Path
from cognify_core.errors import MeetingTakenError
from cognify_core.store.protocol import Owner
from cognify_core.store.sql import open_store
from tests import factories
from tests.store.values import draft

def opened():
    return open_store({str(path)!r}, mounts=Path({str(mounts)!r}))

def come(store, meeting, rank):
    mine = f"run_20250912_14302{{meeting}}_0000{{rank}}"
    owner = Owner("host", "boot", os.getpid(), "1", rank)
    try:
        store.create(mine, draft(factories.opened()), owner, meeting=f"job-{{meeting}}")
    except MeetingTakenError as taken:
        assert taken.run_id == store.met(f"job-{{meeting}}") != mine
        store.set_owner(taken.run_id, owner)
        return f"late {{taken.run_id}}"
    assert store.met(f"job-{{meeting}}") == mine
    return f"first {{mine}}"

for meeting in range(5):
    wait, start = os.pipe()
    hear, tell = os.pipe()
    children = []
    for rank in range({RANKS}):
        children.append(os.fork())
        if children[-1] == 0:
            status = 1
            try:
                os.close(start)
                store = opened()
                assert store.met(f"job-{{meeting}}") is None
                os.write(tell, b".")
                os.read(wait, 1)  # until the parent lets all go at once
                os.write(tell, (come(store, meeting, rank) + "\\n").encode())
                status = 0
            finally:
                os._exit(status)
    os.close(tell)
    told = os.fdopen(hear)
    assert told.read({RANKS}) == "." * {RANKS}
    os.close(start)
    store = opened()
    learnt = sorted(told.read().splitlines())
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * {RANKS}
    run_id = store.met(f"job-{{meeting}}")
    assert learnt == [f"first {{run_id}}"] + [f"late {{run_id}}"] * {RANKS - 1}
    assert len(store.runs()) == meeting + 1
    assert [(owner.rank, owner.pid) for owner in store.owners(run_id)] == list(enumerate(children))
    store.close()
""")


def test_a_meeting_outlives_the_process_that_was_killed_right_after_it(path: Path) -> None:
    program = f"""
import os, signal
from cognify_core.store.sql import open_store
from tests.store.values import RUN, begin_met
begin_met(open_store({str(path)!r}), RUN)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, cwd=REPOSITORY)
    assert killed.returncode == -signal.SIGKILL
    store = open_store(path)
    assert store.met(MEETING) == RUN
    assert [owner.rank for owner in store.owners(RUN)] == [0]
    store.close()
