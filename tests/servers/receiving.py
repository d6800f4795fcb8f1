"""A receiver of webhooks on loopback: it keeps what comes, and answers as a test says."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.web import certificate

Answer = int | bytes | Callable[[], bytes]
"""A status; or the answer's own bytes, whole or in parts that are asked for one by one until there are none."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """Where it is, what came, and what is answered next; after the last of `answers`, 204."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    connections: int = 0

    def ids(self, event: str | None = None) -> list[str]:
        """The ids of the messages that came, in their order, of one type where it is named."""
        wanted = b"" if event is None else f'"type":"{event}"'.encode()
        return [each.headers["webhook-id"] for each in self.told if wanted in each.body]

    def within(self, count: int, seconds: float = 30.0, event: str | None = None) -> list[str]:
        """The ids, once so many messages have come."""
        until = time.monotonic() + seconds
        while len(self.ids(event)) < count:
            assert time.monotonic() < until, f"{len(self.ids(event))} of {count} messages came"
            time.sleep(0.02)
        return self.ids(event)


@contextmanager
def receiving(tls: Path | None = None) -> Iterator[Receiver]:
    """The receiver, until the end of the block; over TLS where there is a folder to lay its certificate in."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who asked went away
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(tls))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    receiver.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.told.append(Told(self.path, headers, body, time.monotonic()))
            answer = receiver.answers.pop(0) if receiver.answers else 204
            with suppress(OSError):
                self._answer(answer)

        def _answer(self, answer: Answer) -> None:
            self.close_connection = True
            if isinstance(answer, int):
                self.wfile.write(f"HTTP/1.1 {answer} Said\r\nContent-Length: 0\r\n\r\n".encode())
            elif isinstance(answer, bytes):
                self.wfile.write(answer)
            else:
                while part := answer():
                    self.wfile.write(part)
                    self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
