"""`cognify serve`, as a process of its own."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.cli.running import PROGRAM, environment

_SAID = re.compile(r"Cognify serves (http\S+)/v2 from (.*) \(Ctrl-C ends it\)\n")


@dataclass
class Started:
    """A server's first process, and where it listens."""

    process: subprocess.Popen[str]
    url: str
    store: str
    log: Path

    def children(self) -> list[int]:
        """The processes that it has begun to serve with."""
        told = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(each) for each in told if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]

    def end(self, signal: int) -> int:
        """Send it a signal; its exit code."""
        self.process.send_signal(signal)
        return self.process.wait(300)


@contextmanager
def started(home: Path, *words: object, port: int = 0, **more: str) -> Iterator[Started]:
    """Serve `home` from when it is well until the end of the block; then it has ended, or is killed."""
    log = home.with_name(f"{home.name}.log")
    command = [*PROGRAM, "serve", "--port", str(port), *map(str, words)]
    with (
        log.open("w") as said,
        subprocess.Popen(
            command, env=environment(home, **more), stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        assert process.stdout is not None
        told = _SAID.fullmatch(process.stdout.readline())
        assert told is not None, log.read_text()
        try:
            _await(told[1], process)
            yield Started(process, told[1], told[2], log)
        finally:
            process.kill()


def _await(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not is_well(url):
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.1)


def is_well(url: str) -> bool:
    """Whether a server says so; it may just be beginning."""
    try:
        return httpx.get(f"{url}/healthz", timeout=20).status_code == 200
    except httpx.HTTPError:
        return False
