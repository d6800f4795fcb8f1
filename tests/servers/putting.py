"""A web server that keeps what is PUT there, as WebDAV and object stores do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.answering import Answering, listening


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

    class Handler(Answering):
        def do_GET(self) -> None:  # noqa: N802 - http.server's own name
            data = kept.files.get(self.path)
            self._told(404 if data is None else 200, data or b"")

        def do_PUT(self) -> None:  # noqa: N802 - http.server's own name
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if not kept.refuses:
                kept.files[self.path] = data
            self._told(kept.refuses or 201, b"")

        def _told(self, status: int, data: bytes) -> None:
            kept.asked.append(f"{self.command} {self.path} {status}")
            self.answer(status, data)

    with listening(Handler) as url:
        kept.url = f"{url}/ledgers/mine"
        yield kept
