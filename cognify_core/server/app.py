"""The application: routes, limits, problems, and what they share."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from cognify_core.server import problems
from cognify_core.server.appending import Roots
from cognify_core.server.counting import Counting
from cognify_core.server.coverages import Coverages
from cognify_core.server.front import Front
from cognify_core.server.fronting import Fronting, networks
from cognify_core.server.health import Health
from cognify_core.server.limits import Limiting, Limits, Rates
from cognify_core.server.login.provider import Provider
from cognify_core.server.login.proxied import Proxied
from cognify_core.server.pages.errors import error_page
from cognify_core.server.pages.rendering import prepare
from cognify_core.server.pages.routers import ROUTERS as PAGES
from cognify_core.server.portraits import Portraits
from cognify_core.server.rooms import Rooms
from cognify_core.server.routes import (
    accesses,
    checking,
    datasets,
    exports,
    ledger,
    population,
    releasing,
    runs,
    saying,
    webhooks,
    workspaces,
)
from cognify_core.server.working import Pace, Worker
from cognify_core.version import VERSION

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store

ROUTERS = tuple(
    module.router
    for module in (
        *(runs, datasets, exports, population, saying, releasing, checking),
        *(ledger, accesses, workspaces, webhooks),
    )
)


def make_app(
    settings: Settings,
    store: Store,
    limits: Limits | None = None,
    pace: Pace | None = None,
    *,
    behind_tls: bool = False,
) -> FastAPI:
    """The server's application over a store that is open, and is closed with it.

    Args:
        settings: where keys and packages lie.
        store: what all workspaces share.
        limits: what a request may cost.
        pace: how fast the server does what it does by itself.
        behind_tls: a proxy speaks TLS before it, so that what comes in clear has not travelled so.
    """
    limits = limits or Limits()
    rooms = Rooms(settings, store)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        worker = Worker(rooms, pace or Pace())
        rooms.wake = worker.nudge
        worker.start()
        threading.Thread(target=prepare, name="cognify-templates", daemon=True).start()
        yield
        await run_in_threadpool(worker.stop)
        rooms.close()
        store.close()

    app = FastAPI(
        title="Cognify",
        version=VERSION,
        summary="The audit trail of model fine-tuning.",
        openapi_url="/v2/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.rooms, app.state.roots = rooms, Roots()
    app.state.front = Front.of(settings, behind_tls=behind_tls)
    app.state.portraits = Portraits()
    app.state.coverages = Coverages(app.state.portraits)
    app.state.provider, app.state.proxied = Provider.of(settings), Proxied.of(settings)
    app.state.logins = Rates(limits.logins)
    app.state.pages = frozenset(getattr(route, "path", "") for router in PAGES for route in router.routes)
    problems.install(app, error_page)
    for router in ROUTERS:
        app.include_router(router)
    for router in PAGES:
        app.include_router(router, include_in_schema=False)

    app.get("/healthz", tags=["operation"])(Health(store).show)
    counted = Counting.install(app, store)
    app.get("/metrics", tags=["operation"])(counted.show)
    app.add_middleware(Limiting, limits=limits)
    app.add_middleware(Fronting, trusted=networks(settings.trusted_proxies), user_header=settings.proxy_user_header)
    return app
