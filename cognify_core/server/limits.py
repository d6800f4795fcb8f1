"""What a request may cost: how many bytes it has, packed and unpacked, how long they take to come, and how many come.

All of it is decided before any route reads a byte. A body that is too large, too slow, or unpacks to too much ends the
request; what was read of it is forgotten.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cognify_core.server.problems import Problem, problem

_GZIP = 16 + zlib.MAX_WBITS
DRAINED_BYTES = 16 << 20
DRAINED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """See each."""

    body_bytes: int = 64 << 20
    """Of a body, unpacked."""
    body_seconds: float = 60.0
    """From its first byte to its last."""
    requests: int = 6000
    """Of one address, a minute."""
    logins: int = 60
    """Attempts of one address to sign in, a minute."""


class Limiting:
    """ASGI middleware that keeps `Limits`, and unpacks gzip."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._rates = Rates(limits.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._rates.take((scope.get("client") or ("?",))[0]):
            await problem(429, "too many requests; wait a moment", {"Retry-After": "1"})(scope, receive, send)
            return
        try:
            body = _Body(scope, receive, self._limits)
        except Problem as refused:
            await _drain(receive)
            await problem(refused.status_code, str(refused.detail), {"Connection": "close"})(scope, receive, send)
            return
        await self._app(body.scope, body.receive, send)


class _Body:
    """The body of one request, as the application receives it."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        headers = {name.lower(): value.strip().lower() for name, value in scope["headers"]}
        self._receive, self._limits = receive, limits
        self._unpack = _unpacker(headers.get(b"content-encoding", b"identity"))
        self._size, self._by = 0, time.monotonic() + limits.body_seconds
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise Problem(400, "nothing is named with NUL: one database ends a text there, another refuses it")
        if b"transfer-encoding" in headers and b"content-length" in headers:
            raise Problem(400, "a request says how long its body is, or that it comes in chunks: not both")
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limits.body_bytes:
            raise Problem(413, f"a body has at most {limits.body_bytes} bytes")
        self.scope = scope
        if self._unpack is not None:
            dropped = (b"content-encoding", b"content-length")
            self.scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() not in dropped]}
        self._ended = False

    async def receive(self) -> Message:
        """The next part."""
        try:
            async with asyncio.timeout(None if self._ended else max(self._by - time.monotonic(), 0.001)):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, f"the body did not come within {self._limits.body_seconds:.0f} seconds") from None
        if message["type"] == "http.request":
            self._ended = not message.get("more_body", False)
            try:
                message = {**message, "body": self._unpacked(message.get("body", b""))}
            except Problem:
                if not self._ended:
                    await _drain(self._receive)
                raise
        return message

    def _unpacked(self, data: bytes) -> bytes:
        most = self._limits.body_bytes - self._size
        if self._unpack is not None:
            try:
                data = self._unpack.decompress(data, most + 1)
            except zlib.error:
                raise Problem(400, "the body is not gzip, although it says so") from None
            if self._unpack.unused_data:
                raise Problem(400, "something follows the gzip in the body: send it as one")
            if self._ended and not self._unpack.eof and not self._unpack.unconsumed_tail:
                raise Problem(400, "the body ends before its gzip does")
        if len(data) > most:
            raise Problem(413, f"a body has at most {self._limits.body_bytes} bytes, unpacked")
        self._size += len(data)
        return data


async def _drain(receive: Receive) -> None:
    """Read on for a moment and forget it: whoever is cut off while they send never reads why."""
    left = DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def _unpacker(encoding: bytes) -> zlib._Decompress | None:
    if encoding in (b"", b"identity"):
        return None
    if encoding != b"gzip":
        raise Problem(415, "a body comes as it is, or as gzip")
    return zlib.decompressobj(_GZIP)


class Rates:
    """A bucket of tokens for each address, filled again a little each moment."""

    _MOST = 10_000

    def __init__(self, a_minute: int) -> None:
        self._most, self._a_second = float(a_minute), a_minute / 60
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Whether one more may come from there now."""
        now = time.monotonic()
        left, at = self._left.pop(address, (self._most, now))
        left = min(self._most, left + (now - at) * self._a_second)
        self._left[address] = (max(left - 1, 0.0), now)
        if len(self._left) > self._MOST:
            self._left.popitem(last=False)
        return left >= 1
