"""Signing in with a real browser: what it says of itself is what the server asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("fastapi")

from playwright.sync_api import Browser, Page, expect

from cognify_core.model.names import utc_now
from cognify_core.server.login import links
from cognify_core.server.roles import Part, Role
from tests.server.providing import SECRET, providing
from tests.server.serving import Served, serving

ROLES = {"groups": {"auditors": "auditor"}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with providing() as issuer:
        known: dict[str, Any] = {
            "oidc_issuer": issuer,
            "oidc_client_id": "cognify",
            "oidc_client_secret": SECRET,
            "oidc_roles": ROLES,
        }
        with serving(tmp_path_factory.mktemp("signing-in"), **known) as running:
            yield running


def address(served: Served, path: str) -> str:
    return str(served.client.base_url).rstrip("/") + path


def test_a_key_opens_the_page_that_was_asked_for_until_one_signs_out(page: Page, served: Served) -> None:
    page.goto(address(served, "/w/default/runs"))
    page.get_by_label("API key").fill("nonsense")
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("alert")).to_contain_text("not known here")
    page.get_by_label("API key").fill(served.key(Role.VIEWER))
    page.keyboard.press("Enter")
    page.wait_for_url("**/w/default/runs")
    (cookie,) = (each for each in page.context.cookies() if each.get("name") == "cognify")
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Lax")
    page.get_by_text("Signed in as").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login?ended=1")
    page.goto(address(served, "/w/default/runs"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_link_lets_in_by_its_button(page: Page, served: Served) -> None:
    path = links.make(served.store, Part(Role.ADMIN), name="Ada", created_by="a test", now=utc_now())
    page.goto(address(served, path))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/default/runs")


def test_a_provider_brings_one_back_to_the_page_that_was_asked_for(browser: Browser, served: Served) -> None:
    page = browser.new_page()  # the provider's own pages ask for a font elsewhere
    page.route("https://**", lambda route: route.abort())
    page.goto(address(served, "/w/default/runs?a=1"))
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    page.locator("[name=login]").fill("auditors-ada")
    page.locator("[name=password]").fill("x")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/w/default/runs?a=1")
    expect(page.get_by_text("Signed in as")).to_be_visible()
    page.close()
