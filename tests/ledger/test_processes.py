"""Several processes on one ledger at once, and processes killed at any moment: what is left always holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cognify_core import api
from cognify_core.seal.bundle import Bundle
from cognify_core.seal.ledger_proof import LedgerProof
from tests.cli.running import environment
from tests.tamper.attacking import leave, use

LIVE = """
import sys
from cognify_core import api
api.init(quiet=True)
for number in range(int(sys.argv[1])):
    with api.run(f"run {number}", seal="manual") as run:
        pass
    if number % 3 == 1:
        api.discard(run.id, reason="a typo")
    elif number % 3 == 2:
        api.export_audit(run.id)
    print(run.id, flush=True)
"""


def start(home: Path, runs: int, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", LIVE, str(runs)], env=environment(home), stdout=stdout, text=True)


def assert_holds(home: Path) -> int:
    """The ledger holds, every bundle proves its place, and what is left unsealed can be sealed; return its size."""
    use(home)
    ledger = api.ledger()
    report = ledger.check()
    assert report.findings == ()
    store = api.this_session().workspace.store
    for row in store.runs():
        bundle = store.bundle(row.run_id)
        if bundle is not None:
            proof = LedgerProof.parse(Bundle.parse(bundle).log_entries[0])
            assert ledger.prove(str(proof.index))[1].index == proof.index
            proof.head.verify(ledger.key)
    return report.size


@pytest.mark.slow
def test_two_processes_append_to_one_ledger(tmp_path: Path) -> None:
    processes = [start(tmp_path / "home", 6, subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(180) for process in processes] == [0, 0]
    try:
        # Of six runs each: six opened, two discarded, two sealed with a receipt.
        assert assert_holds(tmp_path / "home") == 2 * (6 + 2 + 2 * 2)
    finally:
        leave()


@pytest.mark.slow
def test_processes_killed_at_any_moment_leave_a_ledger_that_holds(tmp_path: Path) -> None:
    moments = random.Random(20261128)
    home = tmp_path / "home"
    for _ in range(5):
        process = start(home, 1000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    try:
        assert_holds(home)
        for run in api.ledger().open_runs():
            assert api.seal(run.run_id).run_id == run.run_id
        assert_holds(home)
        assert api.ledger().open_runs() == []
    finally:
        leave()
