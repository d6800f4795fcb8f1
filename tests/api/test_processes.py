"""How processes end, each in a process of its own, and what is left of the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cognify_core.errors import RunStateError
from cognify_core.model.record import Status
from cognify_core.store.protocol import RunRow
from cognify_core.store.sql import open_store

BEGIN = """
import os, sys, signal, time, pathlib
from cognify_core import api
api.init(quiet=True)
folder = pathlib.Path(sys.argv[1])
(folder / "step").mkdir()
(folder / "step" / "weights").write_bytes(b"w" * 5000)
"""


def _start(program: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    script = folder / "script.py"
    script.write_text(BEGIN + textwrap.dedent(program))
    return subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env=os.environ | {"COGNIFY_HOME": str(folder / "home"), "PYTHONPATH": str(Path.cwd())} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _begun(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has done what `program` says, and then sleeps."""
    with _start(f"{program}\nprint('begun', flush=True)\ntime.sleep(60)", folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process


def _runs(folder: Path) -> list[RunRow]:
    """The runs as the next start finds them."""
    from cognify_core.api.session import Session

    session = Session()
    session.init(home=folder / "home", quiet=True)
    rows = session.workspace.store.runs()
    session.workspace.close()
    return rows


def _after(program: str, folder: Path, expect: int = 0) -> RunRow:
    process = _start(program, folder)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == expect, errors
    (row,) = _runs(folder)
    return row


def test_a_script_that_ends_without_ending_its_run_leaves_it_interrupted(tmp_path: Path) -> None:
    row = _after("live = api.this_session().begin()\nlive.run.log(1, {'loss': 0.5})", tmp_path)
    assert (row.status, row.complete) == (Status.INTERRUPTED, True)


def test_an_exception_nobody_catches_leaves_the_run_interrupted(tmp_path: Path) -> None:
    row = _after("api.this_session().begin()\nraise ValueError('a bug of the user')", tmp_path, expect=1)
    assert row.status is Status.INTERRUPTED


@pytest.mark.parametrize(
    ("death", "code"),
    [
        ("os._exit(7)", 7),
        ("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(30)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(30)", -signal.SIGKILL),
        ("os.execv('/bin/true', ['true'])", 0),
    ],
    ids=["_exit", "sigterm", "sigkill", "exec"],
)
def test_evidence_is_durable_before_a_death_that_no_handler_sees(tmp_path: Path, death: str, code: int) -> None:
    program = f"""
run = api.this_session().begin().run
run.checkpoint(folder / "step", step=1)
run.wait(); run.flush()
{death}
"""
    row = _after(program, tmp_path, expect=code)
    assert (row.status, row.complete) == (Status.INTERRUPTED, False)
    store = open_store(tmp_path / "home" / "cognify.db")
    assert any(b'"kind":"checkpoint"' in event for event in store.events(row.run_id))
    store.close()


def test_a_run_whose_process_lives_is_left_alone(tmp_path: Path) -> None:
    with _begun("api.this_session().begin()", tmp_path) as process:
        (row,) = _runs(tmp_path)
        assert row.status is Status.RUNNING
        process.kill()
    (row,) = _runs(tmp_path)
    assert row.status is Status.INTERRUPTED


def test_ctrl_c_at_the_end_of_a_block_leaves_a_record_that_can_be_sealed(tmp_path: Path) -> None:
    program = """
with api.run() as run:
    run.checkpoint(folder / "step", step=1)
    print("begun", flush=True)
    time.sleep(60)
"""
    with _begun(program, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    (row,) = _runs(tmp_path)
    assert row.status is Status.INTERRUPTED
    sealing = _start(f"print(api.seal('{row.run_id}').complete)", _renewed(tmp_path))
    assert sealing.communicate(timeout=120)[0] == "True\n"


def _renewed(folder: Path) -> Path:
    (folder / "step" / "weights").unlink()
    (folder / "step").rmdir()
    return folder


def test_a_child_that_forks_and_ends_writes_nothing_into_its_parents_run(tmp_path: Path) -> None:
    row = _after(
        """
        with api.run() as run:
            child = os.fork()
            if child == 0:
                run.log({"loss": 1.5}, step=1)
                sys.exit(0)
            os.waitpid(child, 0)
            run.log({"loss": 0.5}, step=2)
        """,
        tmp_path,
    )
    assert row.status is Status.AUDIT_SEALED
    store = open_store(tmp_path / "home" / "cognify.db")
    metrics = [event for event in store.events(row.run_id) if b'"kind":"metrics"' in event]
    store.close()
    assert len(metrics) == 1
    assert b"[2," in metrics[0]


def test_a_note_at_the_end_of_a_script_is_sealed_and_exported_at_exit(tmp_path: Path) -> None:
    row = _after("with api.run():\n    pass\napi.note('said last')", tmp_path)
    packages = sorted(path.name for path in (tmp_path / "home" / "packages" / row.run_id).glob("*.json"))
    assert f"{row.run_id}.a1.json" in packages


def test_no_worker_outlives_its_process(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    pytest.importorskip("pyarrow")
    with _begun("api.this_session().begin()", tmp_path) as process:
        workers = psutil.Process(process.pid).children()
        process.kill()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert (len(gone), alive) == (len(workers), [])


def test_two_processes_record_into_one_store_at_once(tmp_path: Path) -> None:
    program = """
    for _ in range(3):
        with api.run() as run:
            for step in range(100):
                run.log({"loss": 0.5}, step=step)
    """
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    processes = [_start(program, folder, COGNIFY_HOME=str(tmp_path / "home")) for folder in folders]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    rows = _runs(tmp_path)
    assert [row.status for row in rows] == [Status.AUDIT_SEALED] * 6


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_stops_no_loop_and_the_seal_says_so(tmp_path: Path) -> None:
    disk = tmp_path / "home"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        process = _start(
            """
            with api.run() as run:
                live = api.this_session().current
                live.run.wait(); live.run.flush()
                filler = folder / "home" / "filler"
                with filler.open("wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(b"x" * 4096)
                    except OSError:
                        pass
                run.checkpoint(folder / "step", step=1)
                for step in range(2000):
                    run.log({"loss": 0.5}, step=step)
                print("flushed:", live.run.flush(), flush=True)
                filler.unlink()
            """,
            tmp_path,
        )
        output, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
        assert "flushed: False" in output
        assert "training goes on" in errors
        (row,) = _runs(tmp_path)
        assert (row.status, row.complete) == (Status.AUDIT_SEALED, False)
        store = open_store(disk / "cognify.db")
        assert any(b'"kind":"checkpoint"' in event for event in store.events(row.run_id))
        store.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_run_of_another_process_is_not_sealed_under_it(tmp_path: Path) -> None:
    from cognify_core.api.requests import seal_now
    from cognify_core.api.session import Session

    session = Session()
    session.init(home=tmp_path / "home", quiet=True)
    with _begun("api.this_session().begin()", tmp_path) as process:
        with pytest.raises(RunStateError, match="RUNNING in another process"):
            seal_now(session, "last")
        process.kill()
    session.workspace.close()


def test_the_end_of_a_process_does_not_wait_for_ever(tmp_path: Path) -> None:
    program = """
    from cognify_core.model.events import CodeSeen
    live = api.this_session().begin()
    live.run.artifact(CodeSeen, "never", lambda done: None)
    """
    process = _start(program, tmp_path, COGNIFY_EXIT_SECONDS="2")
    process.communicate(timeout=120)
    (row,) = _runs(tmp_path)
    assert (row.status, row.complete) == (Status.INTERRUPTED, False)
