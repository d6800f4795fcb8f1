"""What the server did, for Prometheus: requests by route, method and status, and how long they took."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Self

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cognify_core.model.names import utc_now
from cognify_core.store.working import Working


class Counting:
    """The counters of one application, and the middleware that feeds them. No label holds what a caller has said."""

    def __init__(self, store: Working) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Backlog(store))
        counted: CollectorRegistry | None = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # then processes count in files, which are read together
            multiprocess.MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # it has no types
            counted = None
        labels = ("method", "route")
        self._requests = Counter("cognify_requests", "Requests answered.", (*labels, "status"), registry=counted)
        self._seconds = Histogram("cognify_request_seconds", "How long a request took.", labels, registry=counted)

    @classmethod
    def install(cls, app: FastAPI, store: Working) -> Self:
        """Count what `app` answers, and the work that waits in `store`."""
        counting = cls(store)
        app.add_middleware(_Middleware, counting=counting)
        return counting

    def show(self) -> Response:
        """The counters, of all processes of this server, in the text format of Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class _Backlog(Collector):
    """The work that waits, as of the moment of the question."""

    def __init__(self, store: Working) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("cognify_jobs_waiting", "Jobs that are not done.", labels=["kind"])
        oldest = GaugeMetricFamily("cognify_jobs_overdue_seconds", "Since when the oldest is due.", labels=["kind"])
        failed = GaugeMetricFamily("cognify_jobs_failed", "Jobs that were given up.", labels=["kind"])
        for each in self._store.waiting():
            waiting.add_metric([each.kind], each.waiting)
            failed.add_metric([each.kind], each.failed)
            oldest.add_metric([each.kind], 0.0 if each.oldest_at is None else max(0.0, _seconds_since(each.oldest_at)))
        yield from (waiting, oldest, failed)


def _seconds_since(time: str) -> float:
    return (utc_now() - datetime.fromisoformat(time)).total_seconds()


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
