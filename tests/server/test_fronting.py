"""What proxies say: believed of those that are trusted, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from cognify_core.errors import ConfigurationError
from cognify_core.server.app import make_app
from cognify_core.server.fronting import Fronting, networks
from cognify_core.server.limits import Limits
from cognify_core.settings import load
from cognify_core.store.sql import open_store
from tests.looping import finished
from tests.server.browsing import Browser
from tests.server.serving import Room, Served, serving

TRUSTED = networks(["10.0.0.0/8", "192.168.1.1", "fd00::/8"])


def seen(peer: str, *headers: tuple[str, str], user: str | None = "X-User") -> dict[str, Any]:
    """What the application behind sees of a request from `peer`."""
    scopes: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        scopes.append(scope)

    async def nothing(*_: Any) -> Any:
        return None

    raw = [(name.lower().encode(), value.encode()) for name, value in (("Host", "inner:8400"), *headers)]
    scope = {"type": "http", "client": (peer, 1234), "scheme": "http", "headers": raw}
    finished(Fronting(app, TRUSTED, user)(scope, nothing, nothing))
    known = {name.decode(): value.decode() for name, value in scopes[0]["headers"]}
    return known | {"address": scopes[0]["client"][0], "scheme": scopes[0]["scheme"]}


def test_a_trusted_proxy_says_where_a_request_comes_from() -> None:
    said = (
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "audit.example.org"),
    )
    assert seen("10.1.2.3", *said) == {"address": "203.0.113.7", "scheme": "https", "host": "audit.example.org"}


def test_what_anybody_else_says_is_not_even_there() -> None:
    said = (
        *(("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")),
        *(("X-Forwarded-Host", "evil.example"), ("X-User", "ada")),
    )
    for peer in ("203.0.113.9", "192.168.1.2", "::1", "11.0.0.1", "unknown"):
        assert seen(peer, *said) == {"address": peer, "scheme": "http", "host": "inner:8400"}


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7, 10.0.0.5, 192.168.1.1"], "203.0.113.7"),
        (["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        (["203.0.113.7:5555"], "203.0.113.7"),
        (["[2001:db8::7]:5555"], "2001:db8::7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, nonsense"], "10.1.2.3"),
        (["203.0.113.7, nonsense, 10.0.0.5"], "10.0.0.5"),
        ([""], "10.1.2.3"),
        ([], "10.1.2.3"),
    ],
)
def test_the_last_hop_that_is_not_trusted_is_where_it_comes_from(chain: list[str], address: str) -> None:
    assert seen("10.1.2.3", *(("X-Forwarded-For", each) for each in chain))["address"] == address


def test_the_proxy_before_us_has_the_last_word() -> None:
    said = seen("fd00::1", ("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "evil.example, ours.example"))
    assert (said["scheme"], said["host"]) == ("http", "ours.example")
    odd = seen("10.1.2.3", ("X-Forwarded-Proto", "gopher"), ("X-Forwarded-Host", "a b\x7f"))
    assert (odd["scheme"], odd["host"]) == ("http", "inner:8400")


def test_a_user_is_named_once_or_not_at_all() -> None:
    assert seen("10.1.2.3", ("X-User", "ada"))["x-user"] == "ada"
    assert "x-user" not in seen("10.1.2.3", ("X-User", "mallory"), ("X-User", "ada"))
    assert seen("203.0.113.9", ("X-User", "ada"), user=None)["x-user"] == "ada"


@pytest.mark.parametrize("said", ["proxy.example", "10.0.0.0/33", "*", "10.0.0"])
def test_proxies_are_addresses_and_networks(said: str) -> None:
    with pytest.raises(ConfigurationError, match="COGNIFY_TRUSTED_PROXIES names addresses"):
        networks([said])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    known: dict[str, Any] = {
        "trusted_proxies": "127.0.0.1",
        "proxy_user_header": "X-Forwarded-User",
        "proxy_roles": {"ada": "auditor", "bob": ["recorder@team", "viewer@default"]},
    }
    with serving(tmp_path_factory.mktemp("proxied"), **known) as running:
        running.ask("POST", "/v2/workspaces", running.key(), json={"workspace": "team"}).raise_for_status()
        yield running


def by_proxy(served: Served, user: str | None) -> Browser:
    """A browser that a proxy stands before, on this machine."""
    browser = Browser(served)
    browser.client.headers["X-Forwarded-For"] = "203.0.113.7"
    if user is not None:
        browser.client.headers["X-Forwarded-User"] = user
    return browser


def test_whom_a_proxy_has_let_in_is_signed_in_and_goes_on(served: Served, room: Room) -> None:
    browser = by_proxy(served, "ada")
    arrived = browser.get("/login", params={"next": f"/w/{room.name}/runs"})
    assert (arrived.status_code, arrived.headers["location"]) == (303, f"/w/{room.name}/runs")
    run_id = room.sealed()
    assert browser.get(f"{room.path}/runs/{run_id}").status_code == 200
    assert browser.get(f"{room.path}/tokens").status_code == 403
    last = room.last_access(run_id)
    assert (last["auth"], last["actor"], last["source"]) == ("proxy", "ada (ada)", "203.0.113.7")


def test_roles_of_a_proxy_may_differ_from_workspace_to_workspace(served: Served) -> None:
    browser = by_proxy(served, "bob")
    browser.get("/login")
    assert [each["workspace"] for each in browser.get("/v2/workspaces").json()] == ["default", "team"]


def test_whom_nobody_has_named_a_role_for_does_not_get_in(served: Served) -> None:
    for user in ("mallory", "", "ADA", "ada, bob", "*"):
        browser = by_proxy(served, user)
        assert browser.get("/login").status_code in (200, 403)
        assert browser.session is None


def test_a_session_of_a_proxy_holds_while_the_proxy_names_the_same_one(served: Served) -> None:
    browser = by_proxy(served, "ada")
    browser.get("/login")
    assert browser.get("/v2/workspaces").status_code == 200
    for user in (None, "bob"):
        other = by_proxy(served, user)
        other.client.cookies = browser.client.cookies
        assert other.get("/v2/workspaces").status_code == 401
    assert browser.get("/v2/workspaces").status_code == 200


def test_signing_out_is_not_signing_in_again(served: Served) -> None:
    browser = by_proxy(served, "ada")
    browser.get("/login")
    assert browser.get("/login", params={"ended": "1"}).status_code == 200


def test_headers_of_a_proxy_mean_nothing_where_none_is_trusted(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("untrusting")) as alone:
        room = alone.new_workspace()
        run_id = room.sealed()
        headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-User": "ada"}
        room.ask("GET", f"/runs/{run_id}", headers=headers).raise_for_status()
        assert room.last_access(run_id)["source"] == "127.0.0.1"
        assert alone.client.get("/login", headers=headers).status_code == 200


def test_each_address_behind_a_proxy_has_a_rate_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = Limits(requests=3, logins=2)
    with serving(tmp_path_factory.mktemp("rates"), limits, trusted_proxies="127.0.0.1") as served:
        statuses = [
            served.client.get("/healthz", headers={"X-Forwarded-For": address}).status_code
            for address in ("1.1.1.1", "1.1.1.1", "1.1.1.1", "1.1.1.1", "2.2.2.2")
        ]
    assert statuses == [200, 200, 200, 429, 200]


def test_an_address_tries_to_sign_in_now_and_then(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("logins"), Limits(logins=2)) as served:
        statuses = [Browser(served).sign_in("nonsense").status_code for _ in range(3)]
        assert statuses == [403, 403, 429]
        assert served.client.get("/login").status_code == 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"proxy_user_header": "X-User"}, "COGNIFY_PROXY_USER_HEADER needs COGNIFY_TRUSTED_PROXIES"),
        (
            {"proxy_user_header": "X-User", "trusted_proxies": "10.0.0.1", "proxy_roles": {"ada": "king"}},
            "COGNIFY_PROXY_ROLES: 'king' is no role",
        ),
        ({"oidc_issuer": "https://op.example"}, "COGNIFY_OIDC_ISSUER needs COGNIFY_OIDC_CLIENT_ID"),
        (
            {"oidc_issuer": "http://op.example", "oidc_client_id": "c", "oidc_roles": {"sub": {"1": "admin"}}},
            "COGNIFY_OIDC_ISSUER is an https URL",
        ),
        (
            {"oidc_issuer": "https://op.example", "oidc_client_id": "c", "oidc_roles": {"sub": {"1": "admin@"}}},
            "COGNIFY_OIDC_ROLES: 'admin@' is no role",
        ),
        ({"public_url": "https://audit.example.org/cognify"}, "COGNIFY_PUBLIC_URL is written"),
        ({"public_url": "audit.example.org"}, "COGNIFY_PUBLIC_URL is written"),
    ],
)
def test_settings_that_would_let_the_wrong_ones_in_are_refused(
    given: dict[str, Any], told: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = load(home=tmp_path_factory.mktemp("settings"), **given)
    store = open_store(settings.store_path)
    try:
        with pytest.raises(ConfigurationError, match=told):
            make_app(settings, store)
    finally:
        store.close()


def test_roles_that_are_no_json_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGNIFY_OIDC_ROLES", "groups: auditors")
    with pytest.raises(ConfigurationError, match="oidc_roles"):
        load()
