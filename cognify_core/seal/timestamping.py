"""Asking time stamping authorities over HTTP (RFC 3161 §3.4), with patience, and with an end to it.

An authority that is down, slow or lies costs at most the seconds that are allowed, and never the seal.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cognify_core.errors import CognifyError, ConfigurationError, TimestampError
from cognify_core.http import reason_of, send
from cognify_core.seal.authorities import Authority
from cognify_core.seal.timestamps import MAX_BYTES, Timestamp

_HEADERS = {"Content-Type": "application/timestamp-query"}


@dataclass(frozen=True)
class Stamped:
    """What the authorities came to."""

    timestamps: tuple[Timestamp, ...]
    failures: tuple[str, ...]
    """Why one gave none, each with its URL."""


@dataclass(frozen=True)
class Clock:
    """The authorities that are asked, and those that are believed."""

    urls: tuple[str, ...] = ()
    trusted: tuple[Authority, ...] = ()
    """Where there are any, an answer that leads to none of them is not kept."""
    seconds: float = 10.0
    """How long all of them together may take."""

    def stamp(self, message: bytes) -> Stamped:
        """Ask every authority for a timestamp over `message`, all at once. Never raises."""
        deadline = time.monotonic() + self.seconds
        asked = [_Asking(url) for url in self.urls]
        for each in asked:
            each.start(lambda url: ask(url, message, self.trusted, deadline - time.monotonic()))
        for each in asked:
            each.done.wait(max(0.0, deadline - time.monotonic()))
        found = [each.answer for each in asked]
        return Stamped(
            tuple(answer for answer in found if isinstance(answer, Timestamp)),
            tuple(f"{each.url}: {each.why}" for each in asked if not isinstance(each.answer, Timestamp)),
        )


@dataclass
class _Asking:
    """One authority, asked on a thread of its own: looking a name up has no time-out."""

    url: str
    answer: Timestamp | CognifyError | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def start(self, call: Callable[[str], Timestamp]) -> None:
        thread = threading.Thread(target=self._run, args=(call,), name="cognify-timestamp", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, and starts no threads any more
            self._run(call)

    def _run(self, call: Callable[[str], Timestamp]) -> None:
        try:
            self.answer = call(self.url)
        except CognifyError as error:
            self.answer = error
        except Exception as error:  # noqa: BLE001 - nothing that an authority does may cost the seal
            self.answer = TimestampError(f"{type(error).__name__}: {error}")
        finally:
            self.done.set()

    @property
    def why(self) -> str:
        """Why there is no timestamp."""
        return "it did not answer in time" if self.answer is None else str(self.answer)


def ask(url: str, message: bytes, trusted: Sequence[Authority], seconds: float) -> Timestamp:
    """A timestamp over `message` from the authority at `url`, checked as far as it can be.

    Raises:
        TimestampError: it did not answer in time, or with something else.
        CognifyError: the answer does not hold.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder(data=message, hash_algorithm=HashAlgorithm.SHA256).build()
    stamp = Timestamp.parse(_post(url, bytes(request.as_bytes()), seconds))
    if stamp.nonce != request.nonce:
        raise TimestampError("it answered another question (nonce mismatch): an old answer was played again")
    if trusted:
        stamp.check(message, trusted)
    else:
        stamp.check_imprint(message)
    return stamp


def check_url(url: str) -> str:
    """A URL at which an authority can be asked.

    Raises:
        ConfigurationError: it is none, or holds a secret.
    """
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        well = False
    if not well or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{url[:80]!r} is no http:// or https:// URL of a time stamping authority")
    if "@" in parts.netloc:
        raise ConfigurationError("the URL of a time stamping authority holds no user and password: it is printed")
    return url


def _post(url: str, query: bytes, seconds: float) -> bytes:
    try:
        answer = send("POST", check_url(url), query, seconds=seconds, most=MAX_BYTES + 1, headers=_HEADERS)
    except OSError as error:
        raise TimestampError(f"it did not answer: {reason_of(error)}") from error
    if answer is None:
        raise TimestampError("it did not answer: there is nothing under the URL")
    return answer
