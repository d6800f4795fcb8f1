"""Servers as processes of their own, which can be killed; and a stretch of network that holds a put back."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx

from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.settings import load
from cognify_core.store.sql import open_store
from tests.cli.running import PROGRAM, environment
from tests.server.serving import Served, url_of
from tests.servers.starting import free_ports


@dataclass
class Process:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    served: Served
    log: Path

    def kill(self) -> None:
        """End it as the system does that has no memory left."""
        self.process.kill()
        self.process.wait()


@contextmanager
def server_process(home: Path, place: Path | str, said: Mapping[str, str], lease: int = 2) -> Iterator[Process]:
    """`cognify serve` on a store, with what is `said` in its environment; killed at the end, if it still runs.

    Work is its own for so many seconds.
    """
    (port,) = free_ports(1)
    store = open_store(place)
    environ = environment(home, COGNIFY_QUIET="1", COGNIFY_LEASE_SECONDS=str(lease), **said)
    if isinstance(place, str):
        environ["COGNIFY_STORE"] = place
    log = home / f"server-{port}.log"
    home.mkdir(exist_ok=True)
    with (
        log.open("wb") as out,
        subprocess.Popen([*PROGRAM, "serve", "--port", str(port)], stdout=out, stderr=out, env=environ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            _await(client, process, log)
            yield Process(process, Served(client, load(home=home, quiet=True), store, url_of(place)), log)
        finally:
            process.kill()
            store.close()


def _await(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(httpx.HTTPError):
            if client.get("/healthz").status_code == 200:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise TimeoutError(log.read_text())


def admin_key(place: Path | str) -> str:
    """The key of an administrator of all workspaces."""
    store = open_store(place)
    given = issue(store, Role.ADMIN, workspace=None, label="of a test", created_by="a test", days=None)
    store.close()
    return given.key


@dataclass
class Weir:
    """Holds the first put back: its request before it has reached the server, or the answer to it."""

    holds: Literal["request", "answer"]
    port: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pause(self, what: Literal["request", "answer"]) -> None:
        """Wait, where this is what is held."""
        if what == self.holds and not self.opened.is_set():
            self.reached.set()
            self.opened.wait(60)


@contextmanager
def weir(port: int, holds: Literal["request", "answer"]) -> Iterator[Weir]:
    """A way to the server on `port` of this machine, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = Weir(holds, listening.getsockname()[1])
        threading.Thread(target=_accept, args=(listening, port, one), daemon=True).start()
        yield one
        one.opened.set()


def _accept(listening: socket.socket, port: int, one: Weir) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_converse, args=(client, port, one), daemon=True).start()


def _converse(client: socket.socket, port: int, one: Weir) -> None:
    putting = threading.Event()
    with suppress(OSError), client, socket.create_connection(("127.0.0.1", port)) as upstream:
        threading.Thread(target=_send, args=(client, upstream, putting, one), daemon=True).start()
        while data := upstream.recv(1 << 16):
            if putting.is_set() and not data.startswith(b"HTTP/1.1 100"):
                one.pause("answer")
            client.sendall(data)


def _send(client: socket.socket, upstream: socket.socket, putting: threading.Event, one: Weir) -> None:
    with suppress(OSError):
        while data := client.recv(1 << 16):
            if data.startswith(b"PUT "):
                putting.set()
                one.pause("request")
            elif data.startswith((b"GET ", b"HEAD ")):
                putting.clear()
            upstream.sendall(data)
        upstream.shutdown(socket.SHUT_WR)
