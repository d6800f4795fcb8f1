"""A real Chromium, driven by Playwright: the one that the system has. Playwright's own is not to be had everywhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.installed import the

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("google-chrome") or the("chromium")
    with sync_playwright() as playwright:
        sandboxed = [] if os.getuid() else ["--no-sandbox"]  # root's Chromium starts in no sandbox
        launched = playwright.chromium.launch(executable_path=chromium, args=sandboxed)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of its own. What goes wrong in its scripts fails the test, and so does a request to another host."""
    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    hosts: set[str] = set()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2].partition(":")[0]))
    yield opened
    opened.close()
    assert not wrong
    assert hosts <= {"127.0.0.1", "localhost"}
