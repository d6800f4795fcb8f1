"""A web server on loopback with a page for each way in which one can go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NOTES = b"text,label\nno acute distress,0\n"
ETAG, MODIFIED = '"9f3a"', "Wed, 10 Sep 2025 08:00:00 GMT"


class Web:
    """The server; where it is, and what it was asked for."""

    def __init__(self) -> None:
        asked = self.asked = list[str]()

        class Pages(_Pages):
            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = self.path.partition("?")[0].strip("/").replace("-", "_").replace(".", "_")
        getattr(self, page, self.nothing)()

    def notes_csv(self) -> None:
        self._give(NOTES, ETag=ETAG, **{"Last-Modified": MODIFIED})

    def large(self) -> None:
        self._give(b"x" * 5000)

    def endless(self) -> None:
        self._begin(200)
        while True:
            self.wfile.write(b"x" * 1000)

    def slow(self) -> None:
        self._begin(200, **{"Content-Length": "1000"})
        for _ in range(1000):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def silent(self) -> None:
        time.sleep(600)

    def cut_short(self) -> None:
        self._begin(200, **{"Content-Length": "10"})
        self.wfile.write(b"12345")

    def moved(self) -> None:
        self._begin(302, Location="/notes.csv")

    def to_file(self) -> None:
        self._begin(302, Location="file:///etc/passwd")

    def in_a_circle(self) -> None:
        self._begin(302, Location="/in-a-circle")

    def nothing(self) -> None:
        self._begin(404)

    def _give(self, data: bytes, **headers: str) -> None:
        self._begin(200, **{"Content-Length": str(len(data))}, **headers)
        self.wfile.write(data)

    def _begin(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def handle_one_request(self) -> None:
        """As always; whoever asked may be gone by the time that the answer comes."""
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's own name
        pass


@contextmanager
def web() -> Iterator[Web]:
    """A server for as long as the block."""
    one = Web()
    threading.Thread(target=one.server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
