"""HTTP/1.1 with patience that ends: for a request that does not come, and for an answer that nobody takes.

uvicorn waits for ever for the rest of a request's head, for a body that no route reads, and for a client that does not
read. Each such connection is one of those that a server can have. Bodies that a route reads are for `limits`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS = 20.0
"""From the first moment of a connection, or the first byte of a later request, to the end of its head."""
STALLED_SECONDS = 60.0
"""In which nothing of an answer is taken."""


class Wire(H11Protocol):
    """A connection."""

    head_seconds = HEAD_SECONDS
    stalled_seconds = STALLED_SECONDS
    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.head_seconds, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait on only while a request is being answered."""
        super().data_received(data)
        if _is_answering(self.cycle):
            self._wait_for_no_head()
        elif self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(self.head_seconds, self._give_up)

    def pause_writing(self) -> None:
        """Nobody reads the answer."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stalled_seconds, self._give_up)

    def resume_writing(self) -> None:
        """Somebody reads on."""
        super().resume_writing()
        self._wait_for_no_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._wait_for_no_head()
        self._wait_for_no_reader()
        super().connection_lost(exc)

    def _wait_for_no_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _wait_for_no_reader(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        self.transport.abort()


def _is_answering(cycle: RequestResponseCycle | None) -> bool:
    return cycle is not None and not cycle.response_complete
