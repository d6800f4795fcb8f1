"""A real server on a loopback port, and somebody who asks it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI

from cognify_core.canonical import encode
from cognify_core.model.names import new_run_id, stamp_time, utc_now
from cognify_core.server.app import make_app
from cognify_core.server.limits import Limits
from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from cognify_core.server.wire import Wire
from cognify_core.server.working import Pace
from cognify_core.settings import Settings, load
from cognify_core.store.protocol import Store
from cognify_core.store.sql import open_store

SECRET = "a secret that whoever records has drawn by lot"
_numbers = count()


@dataclass
class Served:
    """A server that runs, and what lies beneath it."""

    client: httpx.Client
    settings: Settings
    store: Store
    url_of_store: str
    """As SQLAlchemy takes it."""
    app: FastAPI = field(default_factory=FastAPI)
    """What is served, where that is in this process."""

    def key(self, role: Role = Role.ADMIN, workspace: str | None = None, days: int | None = None) -> str:
        """A new API key."""
        label = f"of a test, {role}"
        return issue(self.store, role, workspace=workspace, label=label, created_by="a test", days=days).key

    def ask(self, method: str, path: str, key: str | None = None, **rest: Any) -> httpx.Response:
        """Send a request, with that key where one is given."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.client.request(method, path, headers=headers | rest.pop("headers", {}), **rest)

    def new_workspace(self) -> Room:
        """A workspace of its own for a test, and the key of its administrator."""
        name = f"room-{next(_numbers)}-{os.urandom(3).hex()}"
        self.ask("POST", "/v2/workspaces", self.key(), json={"workspace": name}).raise_for_status()
        return Room(self, name, self.key(Role.ADMIN, name))


@dataclass
class Room:
    """A workspace, asked by its administrator."""

    served: Served
    name: str
    key: str

    @property
    def path(self) -> str:
        """What its routes begin with."""
        return f"/v2/workspaces/{self.name}"

    def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Ask for something below the workspace's path, with the secret of its runs."""
        headers = {"Cognify-Run-Secret": SECRET, **rest.pop("headers", {})}
        return self.served.ask(method, self.path + path, self.key, headers=headers, **rest)

    def begin(self, run_id: str | None = None, **opened: Any) -> str:
        """Begin a run."""
        response = self.ask("POST", "/runs", json=opening(run_id or new_run_id(utc_now(), os.urandom(3)), **opened))
        assert response.status_code == 201, response.text
        return str(response.json()["run_id"])

    def append(self, run_id: str, *lines: bytes) -> httpx.Response:
        """Append lines."""
        return self.ask("POST", f"/runs/{run_id}/events", content=b"\n".join(lines))

    def within_a_while(self, look: Callable[[], list[Any]]) -> list[Any]:
        """What is found, as soon as anything is."""
        for _ in range(600):
            if found := look():
                return found
            time.sleep(0.05)
        raise TimeoutError("nothing was found within half a minute")

    def last_access(self, run_id: str) -> dict[str, Any]:
        """The newest entry of the access log that tells of a run; asking for it is another one."""
        listed = self.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"]
        return next(entry for entry in listed if entry["action"] != "accesses")

    def sealed(self) -> str:
        """A run with a few events, sealed."""
        run_id = self.begin()
        self.append(run_id, *(metric(number) for number in range(3))).raise_for_status()
        self.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
        sealed = self.ask("POST", f"/runs/{run_id}/seal")
        assert sealed.status_code == 200, sealed.text
        return run_id


def opening(run_id: str, **opened: Any) -> dict[str, Any]:
    """What begins a run."""
    body = {"kind": "run_opened", "nonce": os.urandom(16).hex(), "project": "p", "recorder": "a test", **opened}
    return {"run_id": run_id, "time": stamp_time(utc_now()), "secret": SECRET, "opened": body}


def line(body: dict[str, Any], counter: int, writer: str = "w") -> bytes:
    """A line that appends an event."""
    return encode({"body": body, "counter": counter, "time": "2026-11-29T12:00:00.000000Z", "writer": writer})


def metric(number: int, writer: str = "w") -> bytes:
    """A line with a point of a metric."""
    return line({"kind": "metrics", "points": [[number, "loss", 1.5]]}, number, writer)


def url_of(place: Path | str) -> str:
    """The URL of a store, for SQLAlchemy."""
    if isinstance(place, Path):
        return f"sqlite:///{place}"
    return place.replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def serving(
    home: Path,
    limits: Limits | None = None,
    port: int = 0,
    pages: APIRouter | None = None,
    *,
    pace: Pace | None = None,
    place: str | None = None,
    wire: type[Wire] = Wire,
    **given: Any,
) -> Iterator[Served]:
    """Serve a new store, in a file or at that place, for as long as the block lasts; with these pages and settings."""
    settings = load(home=home, quiet=True, **given)
    store = open_store(place or settings.store_path)
    listening = socket.create_server(("127.0.0.1", port))
    app = make_app(settings, store, limits or Limits(requests=1_000_000, logins=1_000_000), pace)
    if pages is not None:
        app.include_router(pages)
    config = uvicorn.Config(app, http=wire, log_level="warning", lifespan="on", proxy_headers=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
            yield Served(client, settings, store, url_of(place or settings.store_path), app)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        store.close()
