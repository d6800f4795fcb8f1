"""A web server that keeps what is PUT there, as WebDAV and object stores do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Kept:
    """What lies there, and how the server behaves."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    refuses: int = 0
    """A status that every PUT is answered with, where it is one."""
    asked: list[str] = field(default_factory=list)


@contextmanager
def putting() -> Iterator[Kept]:
    """The server, until the end of the block."""
    kept = Kept()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = kept.files.get(self.path)
            self._answer(404 if data is None else 200, data or b"")

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if not kept.refuses:
                kept.files[self.path] = data
            self._answer(kept.refuses or 201, b"")

        def _answer(self, status: int, data: bytes) -> None:
            kept.asked.append(f"{self.command} {self.path} {status}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_port}/ledgers/mine"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
