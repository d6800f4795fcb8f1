"""What the tests of the Lightning callback look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cognify_core import api
from cognify_core.model.digest import Digest
from cognify_core.model.events import Metrics, parse_event
from tests.integrations import lightning_tiny as tiny

both = pytest.mark.parametrize("namespace", tiny.NAMESPACES)
PL = "lightning.pytorch"

Fit = Callable[..., Any]


def last() -> Any:
    return api.show("last")


def nodes(kind: str, view: Any = None) -> list[dict[str, Any]]:
    """Of one type, by their steps: two may be hashed in either order."""
    found = [node for node in (view or last()).lineage["nodes"] if node["type"] == kind]
    return sorted(found, key=lambda node: node.get("step") or 0)


def bodies(run_id: str | None = None) -> list[Any]:
    store = api.this_session().workspace.store
    return [parse_event(data).body for data in store.events(run_id or last().row.run_id)]


def points(run_id: str | None = None) -> dict[tuple[int, str], Any]:
    found = [body for body in bodies(run_id) if isinstance(body, Metrics)]
    return {(step, name): value for body in found for step, name, value in body.points}


def config_text() -> str:
    (node,) = nodes("config")
    return api.this_session().workspace.store.manifest(Digest.parse(node["hash"])).decode()
