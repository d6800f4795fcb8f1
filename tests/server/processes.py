"""`cognify serve` as a process of its own, which can be killed and started again."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cognify_core.settings import load
from cognify_core.store.sql import open_store
from tests.cli.running import PROGRAM, environment
from tests.server.serving import Served, url_of


@dataclass
class ServerProcess:
    """A server of one home on one port. What it says goes to a file."""

    home: Path
    port: int
    place: str | None = None
    """The URL of its store; none: a file in its home."""
    more: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    @property
    def said(self) -> Path:
        """All that its processes wrote to stdout and stderr."""
        return self.home.parent / f"served-{self.port}.log"

    @contextmanager
    def asked(self) -> Iterator[Served]:
        """Somebody who asks it, and opens its store beside it."""
        settings = load(home=self.home, quiet=True)
        store = open_store(self.place or settings.store_path)
        try:
            with httpx.Client(base_url=self.url, timeout=60) as client:
                yield Served(client, settings, store, url_of(self.place or settings.store_path))
        finally:
            store.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [*PROGRAM, "serve", "--port", str(self.port), *(("--store", self.place) if self.place else ())]
        with self.said.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment(self.home, **self.more), stdout=log, stderr=subprocess.STDOUT
            )
        for _ in range(2400):
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the server does not answer: {self.said.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it, with no time for anything."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
