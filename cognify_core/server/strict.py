"""Bodies of JSON, read as strictly as everything that is JSON here: no key twice, nothing nested without end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from cognify_core.canonical import Json, parse_lenient
from cognify_core.errors import FormatError
from cognify_core.server.problems import Problem


class StrictRoute(APIRoute):
    """A route whose body is read so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strictly


class _StrictRequest(Request):
    async def json(self) -> Json:
        try:
            return parse_lenient(await self.body())
        except FormatError as error:
            raise Problem(400, f"the body: {error}") from error
