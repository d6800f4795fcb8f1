"""A browser, as far as a server sees it: it keeps cookies, and says where a request comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.server.serving import Served


@dataclass
class Browser:
    """Somebody at a page of the server."""

    served: Served
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        leaving = {"Connection": "close"}  # nothing is left open when a test lets go of it
        self.client = httpx.Client(base_url=self.served.client.base_url, headers=leaving, timeout=30)

    @property
    def origin(self) -> str:
        """The origin of the server's pages."""
        return str(self.client.base_url).rstrip("/")

    @property
    def session(self) -> str | None:
        """What the session's cookie holds."""
        return self.client.cookies.get("cognify")

    def get(self, path: str, **rest: Any) -> httpx.Response:
        """Follow a link."""
        return self.client.get(path, **rest)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Send a form of a page of the server."""
        return self.client.post(path, data=fields, headers={"Origin": self.origin, **headers})

    def sign_in(self, key: str, then: str = "/") -> httpx.Response:
        """Sign in with an API key."""
        return self.send("/login", {"key": key, "next": then})


def field_of(page: httpx.Response, name: str) -> str:
    """What a field of a form on a page holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]
