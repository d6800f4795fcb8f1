"""Small files over HTTP, with patience, and with an end to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

ATTEMPTS = 4
_WAIT, _LONGEST_WAIT = 0.1, 2.0
_BUSY = frozenset({408, 425, 429})
_GONE = frozenset({404, 410})
_MOST_OF_A_NO = 10_000
"""Bytes that are read of an answer that says no."""


class AnswerError(OSError):
    """Who was asked says no, or cannot now."""

    def __init__(self, status: int, reason: str, body: bytes) -> None:
        super().__init__(f"HTTP Error {status}: {reason}")
        self.status, self.body = status, body


def send(
    method: str,
    url: str,
    data: bytes | None,
    *,
    seconds: float,
    most: int,
    headers: Mapping[str, str] | None = None,
    follow: bool = True,
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
        follow: whether an answer may send us elsewhere, headers and all.

    Raises:
        AnswerError: who was asked says no, or still cannot.
        OSError: nobody answers.
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
        return _send(method, url, data, max(0.05, deadline - time.monotonic()), most, headers or {}, follow)

    answer: bytes | None = retrying(once)
    return answer


def reason_of(error: OSError) -> str:
    """Why, in words: a `URLError` wraps what happened there, an `HTTPError` says it itself."""
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, OSError) else error)


def _send(
    method: str, url: str, data: bytes | None, seconds: float, most: int, headers: Mapping[str, str], follow: bool
) -> bytes | None:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Staying(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            """Go nowhere else."""

    request = Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310 - http or https
    try:
        with build_opener(*(() if follow else (Staying,))).open(request, timeout=seconds) as answer:
            told: bytes = answer.read(most)
            if answer.length and len(told) < most:  # `read` with a number says nothing of it
                raise ConnectionError(f"it broke off {answer.length} bytes before the end of the answer")
    except HTTPError as error:
        with error:
            if error.code in _GONE:
                return None
            raise AnswerError(error.code, str(error.reason), error.read(_MOST_OF_A_NO)) from error
    except HTTPException as error:
        raise ConnectionError(f"it broke off: {error!r}") from error
    return told


def _may_pass(error: Any) -> bool:
    """Whether asking again may help: not where somebody said no."""
    if isinstance(error, AnswerError):
        return error.status >= 500 or error.status in _BUSY
    return isinstance(error, OSError)
