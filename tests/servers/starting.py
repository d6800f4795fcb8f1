"""Programs that serve something on loopback while a test needs them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_SECONDS = 60


def free_ports(count: int, *, also: int = 0) -> list[int]:
    """Ports on which nothing listens, nor on those that lie `also` above them."""
    held: list[socket.socket] = []
    found: list[int] = []
    try:
        while len(found) < count:
            held.append(_bound(0))
            port = held[-1].getsockname()[1]
            if port + also < 1 << 16:
                with suppress(OSError):
                    if also:
                        held.append(_bound(port + also))
                    found.append(port)
        return found
    finally:
        for each in held:
            each.close()


def _bound(port: int) -> socket.socket:
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        one.close()
        raise
    return one


@contextmanager
def serving(words: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """A program that runs from when it listens on `port` until the end of the block."""
    with (
        log.open("wb") as said,
        subprocess.Popen([str(word) for word in words], stdout=said, stderr=said, cwd=log.parent) as process,
    ):
        try:
            _await(port, process, log)
            yield
        finally:
            process.kill()


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        time.sleep(0.05)
    raise TimeoutError(log.read_text(errors="replace")[-2000:])
