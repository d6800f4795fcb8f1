"""Errors as RFC 9457 problem details: what went wrong, in the words of the error, and nothing of the inside.

Whoever asked for a page is answered with one.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cognify_core.errors import (
    CannotVerifyError,
    CognifyError,
    ConfigurationError,
    FloorError,
    FormatError,
    PolicyChangedError,
    RecordError,
    RunNotFoundError,
    RunStateError,
    VaultError,
    VerificationError,
)

MEDIA_TYPE = "application/problem+json"
PROGRAMS = ("/v2", "/healthz", "/metrics", "/static")
"""What programs ask for. Everything else is pages."""
Page: TypeAlias = Callable[[Request, int, str, Mapping[str, str]], Response]
"""The page of an error: its status, what it says, its headers."""
_MEANT = {"date": "a day is meant, as in 2026-11-29", "int": "a whole number is meant", "bool": "yes or no is meant"}
"""By the beginning of what the validation calls an error."""
_log = logging.getLogger("cognify.server")

_STATUSES: tuple[tuple[type[CognifyError], int], ...] = (
    (RunNotFoundError, 404),
    (RunStateError, 409),
    (RecordError, 409),
    (PolicyChangedError, 409),
    (FloorError, 409),
    (ConfigurationError, 422),
    (FormatError, 422),
    (VerificationError, 409),
    (CannotVerifyError, 422),
    (VaultError, 502),
)


class Problem(HTTPException):
    """A request that is refused, and why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))


def install(app: FastAPI, page: Page) -> None:
    """Have every error of `app` answered as a problem, or by a `page` where one was asked for."""
    answers = _Answers(page)
    app.exception_handler(HTTPException)(answers.refused)
    app.exception_handler(RequestValidationError)(answers.invalid)
    app.exception_handler(CognifyError)(answers.ours)
    app.exception_handler(Exception)(answers.unforeseen)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """The answer to a request that is refused."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: CognifyError) -> int:
    """The status that answers an error of ours."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 503)


def _is_of_programs(request: Request) -> bool:
    return request.url.path.startswith(PROGRAMS)


def _meant(wrong: Mapping[str, Any]) -> str:
    """What should have been said, in words."""
    kind = str(wrong["type"])
    return next((told for start, told in _MEANT.items() if kind.startswith(start)), str(wrong["msg"])[:200])


class _Answers:
    """What each kind of error is answered with."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def refused(self, request: Request, error: HTTPException) -> Response:
        return self._answer(request, error.status_code, str(error.detail), error.headers)

    async def invalid(self, request: Request, error: RequestValidationError) -> Response:
        found = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
        told = "; ".join(f"{each['at']}: {each['message']}" for each in found)
        if not _is_of_programs(request):
            return self._misread(request, error)
        return self._answer(request, 422, told[:2000], errors=found[:100])

    def _misread(self, request: Request, error: RequestValidationError) -> Response:
        """An address that says what a page cannot mean, told to somebody who reads it."""
        wrong = error.errors()
        if any(each["loc"][0] == "path" for each in wrong):
            return self._answer(request, 404, "Nothing is called so: the address was mistyped, or cut short.")
        told = [f"“{each['loc'][-1]}” says “{str(each.get('input', ''))[:60]}”: {_meant(each)}." for each in wrong[:5]]
        whose = "the address" if wrong[0]["loc"][0] == "query" else "what was sent"
        return self._answer(request, 422, f"In {whose}, {' '.join(told)}")

    async def ours(self, request: Request, error: CognifyError) -> Response:
        status = status_of(error)
        if status < 500:
            return self._answer(request, status, str(error))
        return self._unnamed(request, status, error)

    async def unforeseen(self, request: Request, error: Exception) -> Response:
        return self._unnamed(request, 500, error)

    def _unnamed(self, request: Request, status: int, error: Exception) -> Response:
        """What is wrong here is for the log; the number under which it stands there is for the caller."""
        number = secrets.token_hex(4)
        _log.error("%s: %s: %s", number, type(error).__name__, error, exc_info=error)
        told = f"the server could not do it; its log says why, under {number}"
        return self._answer(request, status, told, number=number)

    def _answer(
        self, request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Response:
        if _is_of_programs(request):
            return problem(status, detail, headers, **more)
        return self._page(request, status, detail, headers or {})
