"""Every system call of a seal, an export and a ledger's append fails in turn: `make test-faults`.

A child is forked for each fault, strace attaches to it and has the n-th call of a kind fail (EIO, ENOSPC) or kills the
process there (SIGKILL); then a fresh child looks at what is left, goes on, and says what is lost. Prints a table, and
ends with 1 where something is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.acting import act, check, let_be_traced, make

CALLS: dict[str, tuple[str, ...]] = {
    "openat": ("EIO", "ENOSPC", "KILL"),
    "mkdir": ("EIO", "ENOSPC", "KILL"),
    "write": ("EIO", "ENOSPC", "KILL"),
    "pwrite64": ("EIO", "ENOSPC", "KILL"),
    "pread64": ("EIO", "KILL"),
    "read": ("EIO", "KILL"),
    "fsync": ("EIO", "ENOSPC", "KILL"),
    "fdatasync": ("EIO", "ENOSPC", "KILL"),
    "ftruncate": ("EIO", "ENOSPC", "KILL"),
    "rename": ("EIO", "ENOSPC", "KILL"),
    "link": ("EIO", "ENOSPC", "KILL"),
    "unlink": ("EIO", "KILL"),
    "mmap": ("ENOMEM", "KILL"),
    "fcntl": ("EIO", "KILL"),
    "close": ("EIO", "KILL"),
}
MOST = 40
"""Of more calls of one kind than these, so many are spread over all of them, the first and the last among them."""
READING = frozenset({"openat", "pread64", "read", "mmap", "fcntl", "close"})
"""Kinds of which a third of that is enough: nothing is written by them."""
SECONDS = 60


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of a kind fails, or is the process's last."""

    call: str
    error: str
    number: int

    @property
    def injection(self) -> str:
        what = "signal=SIGKILL" if self.error == "KILL" else f"error={self.error}"
        return f"inject={self.call}:{what}:when={self.number}"

    def __str__(self) -> str:
        return f"{self.call} {self.number}: {self.error}"


def main(most: int) -> int:
    """Try the faults, of each kind of call `most` at the most; return the exit code."""
    if not _may_trace():
        print("strace cannot trace a process here: no faults were injected", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cognify-faults-") as name:
        folder = Path(name)
        _in_child(lambda: make(folder / "template"))
        counted = _count(folder)
        found: list[tuple[Fault, Told]] = []
        for fault in _faults(counted, most):
            found.append((fault, _try(folder, fault)))
            for what in found[-1][1].wrong:
                print(f"{fault}: {what}", flush=True)
    wrong = [what for _, told in found for what in told.wrong]
    _print_table(found, counted)
    print(f"{len(found)} faults in {time.monotonic() - began:.0f} s, {len(wrong)} things wrong")
    return 1 if wrong else 0


@dataclass(frozen=True)
class Told:
    """What became of one fault."""

    outcome: str
    """How the one ended in which the fault was: `done`, `refused`, `killed`."""
    wrong: tuple[str, ...]


def _try(folder: Path, fault: Fault) -> Told:
    home = folder / "home"
    shutil.copytree(folder / "template", home)
    try:
        status, acknowledged = _traced(folder, home, "-e", f"trace={fault.call}", "-e", fault.injection)
        wrong = [f"raised {acknowledged['raised']}"] if "raised" in acknowledged else []
        if status not in (0, signal.SIGKILL):
            wrong.append(f"ended with {status}")
        report = folder / "report"
        report.write_text("[]")
        ended = _in_child(lambda: _write(report, check(home, acknowledged)))
        wrong += (
            json.loads(report.read_bytes()) if ended == 0 else [f"what is left cannot be used: {report.read_text()}"]
        )
        outcome = "killed" if status else "refused" if acknowledged.keys() & {"refused", "raised"} else "done"
        return Told(outcome, tuple(wrong))
    finally:
        shutil.rmtree(home)


def _write(report: Path, wrong: list[str]) -> None:
    report.write_text(json.dumps(wrong))


def _count(folder: Path) -> dict[str, int]:
    """How many calls of each kind there are where nothing fails."""
    home = folder / "home"
    shutil.copytree(folder / "template", home)
    _, acknowledged = _traced(folder, home, "-e", f"trace={','.join(CALLS)}")
    assert acknowledged.keys() == {"sealed", "exported", "begun"}, acknowledged
    shutil.rmtree(home)
    lines = (folder / "strace.log").read_text().splitlines()
    return Counter(line.split("(")[0].split()[-1] for line in lines if "(" in line and "resumed" not in line)


def _faults(counted: dict[str, int], limit: int) -> Iterator[Fault]:
    for call, errors in CALLS.items():
        most = counted.get(call, 0)
        many = max(2, limit // 3) if call in READING else limit
        spread = {1 + place * (most - 1) // (many - 1) for place in range(many)}
        numbers = range(1, most + 1) if most <= many else sorted(spread)
        for error in errors:
            yield from (Fault(call, error, number) for number in numbers)


def _traced(folder: Path, home: Path, *options: str) -> tuple[int, dict[str, str]]:
    """Do it under strace; return how it ended, and what was acknowledged."""
    ready, go = os.pipe()
    told = folder / "told"
    acknowledgements = os.open(told, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    child = os.fork()
    if not child:
        try:
            os.close(go)
            let_be_traced()
            with suppress(OSError):  # the call that waits here may be the one that fails
                os.read(ready, 1)
            act(home, acknowledgements)
            os._exit(0)
        finally:
            os._exit(3)
    os.close(ready)
    os.close(acknowledgements)
    command = ["strace", "-f", "-qq", "-o", str(folder / "strace.log"), *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        try:
            _await_tracer(child, tracer)
            with suppress(BrokenPipeError):  # the one call that it waits in may be its last
                os.write(go, b"!")
            status = _wait(child)
        finally:
            os.close(go)
            tracer.terminate()
    lines = told.read_text().splitlines()
    return status, dict(json.loads(line) for line in lines if line.endswith("]"))


def _await_tracer(child: int, tracer: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while "TracerPid:\t0\n" in Path(f"/proc/{child}/status").read_text():
        if tracer.poll() == 0:  # it has attached, and seen the end
            return
        if tracer.poll() is not None or time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise RuntimeError(f"strace does not attach: {tracer.stderr.read() if tracer.stderr else ''}")
        time.sleep(0.001)


def _wait(child: int) -> int:
    """How a child ended: 0, its exit code, or the signal; one that goes on for ever is killed, and told."""
    deadline = time.monotonic() + SECONDS
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return abs(code)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -1
        time.sleep(0.002)


def _in_child(call: Callable[[], object]) -> int:
    """Do something in a process of its own, so that this one has neither threads nor connections when it forks."""
    child = os.fork()
    if not child:
        try:
            call()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child ends here, whatever it was
            import traceback

            traceback.print_exc()
        finally:
            os._exit(3)
    return _wait(child)


def _may_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True)
    return done.returncode == 0


def _print_table(found: list[tuple[Fault, Told]], counted: dict[str, int]) -> None:
    print("| call | there are | faults | done all the same | refused | killed | wrong |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for call in CALLS:
        mine = [told for fault, told in found if fault.call == call]
        outcomes = Counter(told.outcome for told in mine)
        wrong = sum(bool(told.wrong) for told in mine)
        cells = (len(mine), outcomes["done"], outcomes["refused"], outcomes["killed"], wrong)
        print(f"| {call} | {counted.get(call, 0)} | {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else MOST))
