"""What the server did, for Prometheus: requests by route, method and status, and how long they took."""

from __future__ import annotations

import time
from typing import Self

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Counting:
    """The counters of one application, and the middleware that feeds them. No label holds what a caller has said."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter("cognify_requests", "Requests answered.", (*labels, "status"), registry=self._registry)
        self._seconds = Histogram(
            "cognify_request_seconds", "How long a request took.", labels, registry=self._registry
        )

    @classmethod
    def install(cls, app: FastAPI) -> Self:
        """Count what `app` answers."""
        counting = cls()
        app.add_middleware(_Middleware, counting=counting)
        return counting

    def show(self) -> Response:
        """The counters, in the text format of Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Middleware:
    def __init__(self, app: ASGIApp, counting: Counting) -> None:
        self._app, self._counting = app, counting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._counting.count(scope, status, time.perf_counter() - began)
