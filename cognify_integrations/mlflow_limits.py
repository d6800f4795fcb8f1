"""What fetching may cost: so many bytes for a run, for so long; what is fetched is hashed, and not one byte kept."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from math import inf

from cognify_core.api import this_session
from cognify_core.capture.redaction import is_secret_text, strip_credentials
from cognify_core.errors import CaptureError

_LOOK_SECONDS = 0.1
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>()]+")
_QUERY = re.compile(r"\?[^\s'\"<>()]+")
"""Where a signed URL has its signature; messages of urllib3 give it without the host."""


def never() -> float:
    """The time that never comes."""
    return inf


def exit_of_process() -> float:
    """The time by which this process has to be done with what it records; infinite until it ends."""
    return this_session().exit_by


class Allowance:
    """How many bytes may be fetched for one run; what was asked for counts, though it fails on the way."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit
        self._lock = threading.Lock()

    def take(self, size: int, shown: str | None = None) -> None:
        """Use up `size` bytes, which a refusal calls `shown`.

        Raises:
            CaptureError: so many are not left.
        """
        with self._lock:
            if size > self._left:
                raise CaptureError(
                    f"too large: {shown or size} bytes, and {self._limit} a run are fetched (COGNIFY_ARTIFACT_LIMIT)"
                )
            self._left -= size


class Deadline:
    """Until when something may be fetched: for `seconds` from now, and no longer than the exit of the process waits.

    Args:
        seconds: from now.
        exit_by: the monotonic time by which a process that ends has to have it; infinite while none ends.
    """

    def __init__(self, seconds: float, exit_by: Callable[[], float] = never) -> None:
        self._seconds, self._until, self._exit_by = seconds, time.monotonic() + seconds, exit_by

    @property
    def left(self) -> float:
        """Seconds that are left; 0 when the time is up."""
        return max(0.0, min(self._until, self._exit_by()) - time.monotonic())

    @property
    def reason(self) -> str:
        """Why nothing more is fetched."""
        if time.monotonic() < self._until:
            return "not fetched before the process ended (COGNIFY_EXIT_SECONDS)"
        return f"not fetched within {self._seconds:g} s (COGNIFY_ARTIFACT_SECONDS)"

    def allows(self, job: Callable[[], object]) -> bool:
        """Do `job` in a thread of its own, which is left alone once the time is up; whether it has ended."""
        thread = threading.Thread(target=job, name="cognify-fetch", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # an interpreter that ends starts none, and waits for this one as long as it will
            job()
            return True
        while thread.is_alive() and (left := self.left):
            thread.join(min(left, _LOOK_SECONDS))  # the exit may begin meanwhile
        return not thread.is_alive()


class Sink:
    """Takes the bytes of one file, hashes them and keeps none."""

    def __init__(self, allowance: Allowance, deadline: Deadline) -> None:
        self._allowance, self._deadline = allowance, deadline
        self._digest = sha256()
        self._expected: int | None = None
        self.size = 0

    @property
    def seconds_left(self) -> float:
        """How long it is worth waiting for the next bytes."""
        return self._deadline.left

    def expect(self, size: int) -> None:
        """So many bytes will come. Raises `CaptureError` where so many are not to be fetched."""
        self._allowance.take(size)
        self._expected = size

    def write(self, chunk: bytes) -> int:
        """Take the next bytes.

        Raises:
            CaptureError: the time is up, or they are too many.
        """
        if not self._deadline.left:
            raise CaptureError(self._deadline.reason)
        if self._expected is None:
            self._allowance.take(len(chunk), f"more than {self.size}")
        self._digest.update(chunk)
        self.size += len(chunk)
        return len(chunk)

    def hexdigest(self) -> str:
        """The SHA-256 of all that came. Raises `CaptureError` where it is not as much as was promised."""
        if self._expected not in (None, self.size):
            raise CaptureError(f"ended after {self.size} of {self._expected} bytes")
        return self._digest.hexdigest()


def reason_of(error: Exception) -> str:
    """The first line of what went wrong, with no credentials in it."""
    if isinstance(error, CaptureError):
        return error.reason
    name, text = type(error).__name__, (str(error).splitlines() or [""])[0]
    text = _QUERY.sub("", _URL.sub(lambda url: strip_credentials(url[0]), text))
    return name if is_secret_text(text) else f"{name}: {text[:300]}"
