"""Signing in with a real provider."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cognify_core.server.roles import Role
from tests.server.browsing import Browser
from tests.server.providing import SECRET, go_through, providing, sign_in
from tests.server.serving import Room, Served, serving

ROLES = {
    "groups": {"auditors": "auditor", "ml": ["recorder@team", "viewer@default"]},
    "email": {"viewers-eve@example.org": "admin"},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with providing() as issuer:
        known: dict[str, Any] = {
            "oidc_issuer": issuer,
            "oidc_client_id": "cognify",
            "oidc_client_secret": SECRET,
            "oidc_roles": ROLES,
        }
        with serving(tmp_path_factory.mktemp("provided"), **known) as running:
            running.ask("POST", "/v2/workspaces", running.key(), json={"workspace": "team"}).raise_for_status()
            yield running


@pytest.fixture
def browser(served: Served) -> Browser:
    return Browser(served)


def test_a_person_is_what_the_provider_says(browser: Browser, room: Room) -> None:
    assert (
        sign_in(browser, "auditors-ada", f"/w/{room.name}/runs?a=1").headers["location"] == f"/w/{room.name}/runs?a=1"
    )
    run_id = room.sealed()
    assert browser.get(f"{room.path}/runs/{run_id}").status_code == 200
    assert browser.get(f"{room.path}/tokens").status_code == 403
    last = room.last_access(run_id)
    issuer = browser.served.settings.oidc_issuer
    assert (last["auth"], last["actor"]) == ("oidc", f"Person auditors-ada <b>� ({issuer} auditors-ada)")


def test_roles_may_differ_from_workspace_to_workspace(browser: Browser) -> None:
    sign_in(browser, "ml-grace")
    assert [each["workspace"] for each in browser.get("/v2/workspaces").json()] == ["default", "team"]
    person = next(each for each in browser.served.store.people() if each.subject.endswith(" ml-grace"))
    assert person.parts == "recorder@team viewer@default"


def test_nobody_who_is_nothing_gets_in_nor_by_an_address_that_nobody_verified(browser: Browser) -> None:
    for who in ("strangers-mallory", "viewers-eve"):
        refused = sign_in(browser, who)
        assert (refused.status_code, browser.session) == (403, None)
        assert "has no role here" in refused.text
        browser.client.cookies.clear()


def test_a_person_who_comes_again_is_the_same_and_one_who_was_removed_stays_out(browser: Browser) -> None:
    sign_in(browser, "auditors-joan")
    (joan,) = (each for each in browser.served.store.people() if each.subject.endswith(" auditors-joan"))
    sign_in(browser, "auditors-joan")
    assert browser.get("/v2/workspaces").status_code == 200
    browser.served.store.set_removed(joan.person_id, joan.created_at)
    assert browser.get("/v2/workspaces").status_code == 401
    refused = sign_in(browser, "auditors-joan")
    assert (refused.status_code, "removed you" in refused.text) == (403, True)


def test_what_goes_to_the_provider_binds_the_answer_to_this_browser(browser: Browser) -> None:
    begun = browser.get("/login/provider", params={"next": "//evil.example"})
    said = {name: value[0] for name, value in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert (said["response_type"], said["code_challenge_method"]) == ("code", "S256")
    assert said["redirect_uri"] == f"{browser.origin}/login/callback"
    assert len({said["state"], said["nonce"], said["code_challenge"]}) == 3
    attributes = begun.headers["set-cookie"].split("; ")
    assert attributes[0].startswith("cognify-login=")
    assert attributes[0].endswith(".%2F")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"} <= set(attributes)


def callback(browser: Browser, brought: httpx.Response, **other: str) -> httpx.Response:
    said = parse_qs(urlsplit(brought.headers["location"]).query)
    return browser.get("/login/callback", params={name: value[0] for name, value in said.items()} | other)


def test_an_answer_is_for_the_browser_that_asked_and_for_one_time(browser: Browser) -> None:
    brought = go_through(browser, "auditors-ada")
    other = Browser(browser.served)
    assert callback(other, brought).status_code == 403
    other.get("/login/provider")
    assert callback(other, brought).status_code == 403
    assert other.session is None
    assert callback(browser, brought, state="x").status_code == 403
    assert callback(browser, brought).status_code == 303
    assert callback(browser, brought).status_code == 403


def test_a_code_of_another_attempt_proves_nothing(browser: Browser) -> None:
    theirs = go_through(Browser(browser.served), "auditors-ada")
    ours = go_through(browser, "auditors-bob")
    stolen = parse_qs(urlsplit(theirs.headers["location"]).query)["code"][0]
    refused = callback(browser, ours, code=stolen)
    assert (refused.status_code, browser.session) == (403, None)


@pytest.mark.parametrize(
    "said",
    [{"iss": "https://evil.example"}, {"code": "nonsense"}, {"code": ""}, {"code": "\x00"}, {"code": "a" * 5000}],
)
def test_an_answer_that_is_not_the_providers_lets_nobody_in(browser: Browser, said: dict[str, str]) -> None:
    refused = callback(browser, go_through(browser, "auditors-ada"), **said)
    assert refused.status_code in (400, 403, 422)
    assert browser.session is None


def test_without_an_issuer_where_it_must_be_named_nobody_is_let_in(browser: Browser) -> None:
    said = parse_qs(urlsplit(go_through(browser, "auditors-ada").headers["location"]).query)
    without = {name: value[0] for name, value in said.items() if name != "iss"}
    assert browser.get("/login/callback", params=without).status_code == 403


def test_a_refusal_of_the_provider_is_told_as_text(browser: Browser) -> None:
    begun = browser.get("/login/provider")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    refused = browser.get("/login/callback", params={"state": state, "error": "<script>alert(1)</script>"})
    assert refused.status_code == 403
    assert "<script>alert" not in refused.text
    assert "&lt;script&gt;" in refused.text


def test_the_login_offers_the_provider_and_a_server_without_one_does_not(served: Served, room: Room) -> None:
    page = served.client.get("/login", params={"next": f"/w/{room.name}/runs"}).text
    assert f'href="/login/provider?next=%2Fw%2F{room.name}%2Fruns"' in page
    assert served.key(Role.VIEWER) not in page
