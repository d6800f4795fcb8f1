"""Errors as RFC 9457 problem details: what went wrong, in the words of the error, and nothing of the inside."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cognify_core.errors import (
    CannotVerifyError,
    CognifyError,
    ConfigurationError,
    FloorError,
    FormatError,
    RecordError,
    RunNotFoundError,
    RunStateError,
    VaultError,
    VerificationError,
)

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("cognify.server")

_STATUSES: tuple[tuple[type[CognifyError], int], ...] = (
    (RunNotFoundError, 404),
    (RunStateError, 409),
    (RecordError, 409),
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


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem."""
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(CognifyError)(_ours)
    app.exception_handler(Exception)(_unforeseen)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """The answer to a request that is refused."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: CognifyError) -> int:
    """The status that answers an error of ours."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 503)


async def _refused(_request: Request, error: HTTPException) -> JSONResponse:
    return problem(error.status_code, str(error.detail), error.headers)


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    found = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
    told = "; ".join(f"{each['at']}: {each['message']}" for each in found)
    return problem(422, told[:2000], errors=found[:100])


async def _ours(_request: Request, error: CognifyError) -> JSONResponse:
    status = status_of(error)
    if status < 500:
        return problem(status, str(error))
    return _unnamed(status, error)


async def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    return _unnamed(500, error)


def _unnamed(status: int, error: Exception) -> JSONResponse:
    """What is wrong here is for the log; the number under which it stands there is for the caller."""
    number = secrets.token_hex(4)
    _log.error("%s: %s: %s", number, type(error).__name__, error, exc_info=error)
    return problem(status, f"the server could not do it; its log says why, under {number}", number=number)
