"""Small files over HTTP, with patience, and with an end to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

ATTEMPTS = 4
_WAIT, _LONGEST_WAIT = 0.1, 2.0
_BUSY = frozenset({408, 425, 429})
_GONE = frozenset({404, 410})


def send(
    method: str, url: str, data: bytes | None, *, seconds: float, most: int, headers: Mapping[str, str] | None = None
) -> bytes | None:
    """What is answered, up to `most` bytes; none where there is nothing under the URL.

    Who is busy is asked again.

    Args:
        method: `GET`, `PUT` or `POST`.
        url: an http or https URL, which has been checked.
        data: what is sent.
        seconds: how long all attempts together may take, but for looking the name up.
        most: more than that is not read.
        headers: what else is said.

    Raises:
        OSError: nobody answers, or who answers says no; the message says which.
    """
    import tenacity

    deadline = time.monotonic() + seconds
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(seconds),
        wait=tenacity.wait_exponential(multiplier=_WAIT, max=_LONGEST_WAIT) + tenacity.wait_random(0, _WAIT),
        reraise=True,
    )

    def once() -> bytes | None:
        return _send(method, url, data, max(0.05, deadline - time.monotonic()), most, headers or {})

    answer: bytes | None = retrying(once)
    return answer


def reason_of(error: OSError) -> str:
    """Why, in words: a `URLError` wraps what happened there, an `HTTPError` says it itself."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, OSError) else error)


def _send(
    method: str, url: str, data: bytes | None, seconds: float, most: int, headers: Mapping[str, str]
) -> bytes | None:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310 - http or https
    try:
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310
            told: bytes = answer.read(most)
    except HTTPError as error:
        error.close()
        if error.code in _GONE:
            return None
        raise
    except HTTPException as error:
        raise ConnectionError(f"it broke off: {error!r}") from error
    return told


def _may_pass(error: Any) -> bool:
    """Whether asking again may help: not where somebody said no."""
    from urllib.error import HTTPError

    if isinstance(error, HTTPError):
        return error.code >= 500 or error.code in _BUSY
    return isinstance(error, OSError)
