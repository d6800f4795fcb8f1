"""A real provider of identities on loopback, and somebody who signs in there by its forms."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from tests.prepare import NODE
from tests.server.browsing import Browser

LIBRARY = NODE / "node_modules" / "oidc-provider" / "lib" / "index.js"
SECRET = "a secret/of 32 characters+& more %"


@contextmanager
def providing() -> Iterator[str]:
    """Run a provider for as long as the block lasts; its issuer."""
    if shutil.which("node") is None or not LIBRARY.is_file():
        pytest.skip("npm's oidc-provider is not installed; tests/prepare.py installs it")
    script = Path(__file__).with_name("provider.mjs")
    command = ["node", str(script), str(LIBRARY), SECRET]
    provider = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert provider.stdout is not None
        issuer = provider.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), issuer
        yield issuer
    finally:
        provider.terminate()
        provider.communicate()


def go_through(browser: Browser, who: str, then: str = "/") -> httpx.Response:
    """Begin at our login, sign in and consent at the provider; what brings the browser back, not yet followed."""
    client = browser.client
    answer = client.get("/login/provider", params={"next": then})
    for _ in range(20):
        if answer.has_redirect_location:
            where = urljoin(str(answer.url), answer.headers["location"])
            if where.startswith(f"{browser.origin}/login/callback"):
                return answer
            answer = client.get(where)
            continue
        assert answer.status_code == 200, answer.text
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        assert form is not None, answer.text
        prompt = "login" if 'name="login"' in answer.text else "consent"
        fields = {"prompt": prompt, "login": who, "password": "x"} if prompt == "login" else {"prompt": prompt}
        answer = client.post(urljoin(str(answer.url), form[1]), data=fields)
    raise AssertionError("the provider sends nobody back")


def sign_in(browser: Browser, who: str, then: str = "/") -> httpx.Response:
    """The same, and follow the last step."""
    return browser.get(go_through(browser, who, then).headers["location"])
