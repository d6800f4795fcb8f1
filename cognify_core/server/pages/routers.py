"""Every matter that has pages. An address is that of the first that takes it."""

from __future__ import annotations

from fastapi import APIRouter

from cognify_core.server.login import arriving, entering
from cognify_core.server.pages import (
    accesses,
    assets,
    attesting,
    compare,
    compliance,
    datasets,
    entrance,
    interrupting,
    lineage,
    locks,
    packages,
    population,
    profile,
    releasing,
    retention,
    run,
    runs,
    saying,
    sealing,
    storage,
    tokens,
    verifying,
    webhooks,
    workspace,
)

ROUTERS: tuple[APIRouter, ...] = tuple(
    module.router
    for module in (
        *(entrance, assets, entering, arriving),
        *(runs, run, lineage, compare, datasets, interrupting, sealing, saying, packages, verifying),
        *(compliance, profile, attesting, releasing),
        *(workspace, retention, storage, locks, population, accesses, tokens, webhooks),
    )
)
