"""The application: routes, limits, problems, and what they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from cognify_core.server import problems
from cognify_core.server.appending import Roots
from cognify_core.server.counting import Counting
from cognify_core.server.limits import Limiting, Limits
from cognify_core.server.rooms import Rooms
from cognify_core.server.routes import checking, exports, ledger, runs, saying, workspaces
from cognify_core.version import VERSION

if TYPE_CHECKING:
    from cognify_core.settings import Settings
    from cognify_core.store.protocol import Store

ROUTERS = tuple(module.router for module in (runs, exports, saying, checking, ledger, workspaces))


def make_app(settings: Settings, store: Store, limits: Limits | None = None) -> FastAPI:
    """The server's application over a store that is open.

    Args:
        settings: where keys and packages lie.
        store: what all workspaces share.
        limits: what a request may cost.
    """
    rooms = Rooms(settings, store)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        rooms.close()

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
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)

    @app.get("/healthz", tags=["operation"])
    def healthz() -> dict[str, str]:
        """Whether the server answers and its store can be read."""
        store.workspaces()
        return {"status": "ok"}

    counted = Counting.install(app)
    app.get("/metrics", tags=["operation"])(counted.show)
    app.add_middleware(Limiting, limits=limits or Limits())
    return app
