"""A stretch of network before a server, which can be cut or go silent under a program that is using it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_HELD_SECONDS = 600


class Forwarding:
    """Gives to `port` what comes in on a port of its own, until `folder` has a file called `cut` or `silent`."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port, self._folder = port, folder
        self._ended = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listening.getsockname()[1]
        return port

    def serve(self) -> None:
        """Take connections until the end."""
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                for each, other in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(each, other), daemon=True).start()

    def end(self) -> None:
        """Take no more, and let go of what is held."""
        self._ended.set()
        self.listening.close()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), closing(one), closing(other):
            while data := one.recv(65536):
                if (self._folder / "silent").exists():
                    self._ended.wait(_HELD_SECONDS)
                if (self._folder / "cut").exists() or self._ended.is_set():
                    return
                other.sendall(data)


@contextmanager
def forwarding(port: int, folder: Path) -> Iterator[int]:
    """The port of a stretch of network for as long as the block."""
    one = Forwarding(port, folder)
    threading.Thread(target=one.serve, daemon=True).start()
    try:
        yield one.port
    finally:
        one.end()
