"""What the kernel is asked for, as strace sees it: nothing is said to be durable before it was synced."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from cognify_core.store.sql import open_store
from tests.durability.sending import OPENED, RUN
from tests.installed import the

REPOSITORY = Path(__file__).parents[2]
APPENDS = 30

_CALL = re.compile(r"\d+ +(\w+)\((\d+)<([^>]*)>(.*)")
_PROGRAM = """
import os, sys
from itertools import islice
from pathlib import Path
from cognify_core.store.sql import open_store
from tests.durability.sending import OPENED, RUN, batches
store = open_store(sys.argv[1], mounts=Path(sys.argv[2]))
os.write(1, b"opened ")
if not store.runs():
    store.create(RUN, OPENED)
    os.write(1, b"created ")
for batch in islice(batches("writer"), int(sys.argv[3])):
    store.append(RUN, batch)
    os.write(1, b"appended ")
"""

_LEDGER = """
import os, sys
from pathlib import Path
from cognify_core.store.protocol import Leaf
from cognify_core.store.sql import open_store
from tests.durability.sending import OPENED
store = open_store(sys.argv[1], mounts=Path(sys.argv[2]))
os.write(1, b"created ")
for number in range(int(sys.argv[3])):
    run_id = f"run_20250912_143022_{number:05x}"
    store.create(run_id, OPENED, leaf=Leaf("opened", run_id, b"payload %d" % number, b"body %d" % number))
    os.write(1, b"appended ")
"""


@dataclass(frozen=True)
class Call:
    """One system call on a file: its name, the file, and the rest of the line."""

    name: str
    path: str
    rest: str


def trace(folder: Path, kind: str, appends: int = APPENDS, program: str = _PROGRAM) -> list[Call]:
    """The calls that write and sync, of a process that opens a store at `folder` and appends to it."""
    the("strace")
    permitted = subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True, text=True)
    if permitted.returncode:
        pytest.skip(f"tracing processes is not permitted here: {permitted.stderr.strip()}")
    mounts, log = folder / "mountinfo", folder / "strace.log"
    mounts.write_text(f"23 22 0:2 / {folder} rw - {kind} device rw\n")
    calls = "trace=write,pwrite64,fsync,fdatasync"
    words = [sys.executable, "-c", program, str(folder / "home" / "cognify.db"), str(mounts), str(appends)]
    command = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "16", "-e", calls, "-o", str(log), *words]
    done = subprocess.run(command, check=False, capture_output=True, cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"appended ") == appends
    lines = log.read_text(errors="replace").splitlines()
    return [Call(match[1], match[3], match[2] + match[4]) for line in lines if (match := _CALL.match(line))]


def markers(calls: list[Call], word: str) -> list[int]:
    """Where in the calls the process said `word`."""
    return [place for place, call in enumerate(calls) if call.name == "write" and f'"{word} "' in call.rest]


def unsynced(calls: list[Call]) -> set[str]:
    """The files of the store that were written to, and not synced since."""
    dirty = set()
    for call in calls:
        if "cognify.db" in call.path and call.name in ("write", "pwrite64"):
            dirty.add(Path(call.path).name)
        elif call.name in ("fsync", "fdatasync"):
            dirty.discard(Path(call.path).name)
    return dirty - {"cognify.db-shm"}  # shared memory: rebuilt from the log, never part of what is durable


@pytest.mark.slow
def test_no_append_returns_before_its_events_are_synced(tmp_path: Path) -> None:
    calls = trace(tmp_path, "ext4")
    said = [*markers(calls, "created"), *markers(calls, "appended")]
    assert len(said) == APPENDS + 1
    for before, marker in pairwise(said):
        append = calls[before:marker]
        assert [call.name for call in append if call.path.endswith("-wal")][-1] == "fdatasync"
        assert any(call.name == "pwrite64" and call.path.endswith("-wal") for call in append)
        assert unsynced(calls[:marker]) <= {"cognify.db"}


@pytest.mark.slow
def test_an_append_costs_one_sync(tmp_path: Path) -> None:
    calls = trace(tmp_path, "ext4")
    appends = calls[markers(calls, "created")[0] : markers(calls, "appended")[-1]]
    assert sum(call.name in ("fsync", "fdatasync") for call in appends) == APPENDS


@pytest.mark.slow
def test_a_run_and_its_leaf_in_the_ledger_cost_one_sync(tmp_path: Path) -> None:
    calls = trace(tmp_path, "ext4", program=_LEDGER)
    appends = calls[markers(calls, "created")[0] : markers(calls, "appended")[-1]]
    assert [call.name for call in appends if call.name in ("fsync", "fdatasync")] == ["fdatasync"] * APPENDS
    with closing(sqlite3.connect(tmp_path / "home" / "cognify.db")) as store:
        assert store.execute("SELECT count(*) FROM leaves").fetchone() == (APPENDS,)


@pytest.mark.slow
def test_a_journal_behind_a_network_is_synced_before_an_append_returns(tmp_path: Path) -> None:
    calls = trace(tmp_path, "nfs4")
    for marker in markers(calls, "appended"):
        assert unsynced(calls[:marker]) <= {"cognify.db-journal"}, "the journal is gone by then"
        last = [call.path for call in calls[:marker] if call.name in ("fsync", "fdatasync")][-1]
        assert last == str(tmp_path / "home"), "a journal that comes back would undo what was committed"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext4", "nfs4"])
def test_a_new_store_is_in_its_folder_and_the_folder_in_its_own_before_it_is_open(tmp_path: Path, kind: str) -> None:
    calls = trace(tmp_path, kind)
    synced = [call.path for call in calls[: markers(calls, "opened")[0]] if call.name == "fsync"]
    assert {str(tmp_path), str(tmp_path / "home")} <= set(synced)


@pytest.mark.slow
def test_what_a_process_that_died_has_written_is_synced_before_it_is_built_on(tmp_path: Path) -> None:
    alive = open_store(tmp_path / "alive" / "cognify.db")
    alive.create(RUN, OPENED)
    shutil.copytree(tmp_path / "alive", tmp_path / "home", ignore=shutil.ignore_patterns("*-shm"))
    alive.close()
    with closing(sqlite3.connect(tmp_path / "home" / "cognify.db")) as reader:
        reader.execute("SELECT * FROM runs").fetchall()  # so that no other is the last to close it, which syncs too
        calls = trace(tmp_path, "ext4", appends=0)
    synced = [call.name for call in calls[: markers(calls, "opened")[0]] if call.path.endswith("-wal")]
    assert synced == ["fdatasync"]
