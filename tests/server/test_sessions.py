"""Sessions of browsers: how they begin and end, and what a request must bring to change something in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse

from cognify_core.model.names import utc_now
from cognify_core.server import sessions
from cognify_core.server.asking import Asked
from cognify_core.server.roles import May, Role
from cognify_core.server.visiting import act, csrf_of, local_path, visit
from cognify_core.store.visitors import Person
from tests.server.browsing import Browser, field_of
from tests.server.serving import Room, Served, serving

router = APIRouter(prefix="/w/{workspace_id}", include_in_schema=False)


@router.get("/tried", response_class=HTMLResponse)
def show(request: Request, asked: Annotated[Asked, visit(May.READ)]) -> str:
    return f'{asked.caller.name} <input name="csrf" value="{csrf_of(request)}">'


@router.post("/tried", response_class=PlainTextResponse)
def change(asked: Annotated[Asked, act(May.KEEP)]) -> str:
    return f"changed by {asked.caller.auth}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("sessions"), pages=router) as running:
        yield running


@pytest.fixture
def browser(served: Served, room: Room) -> Browser:
    """An administrator of the room, signed in."""
    signed_in = Browser(served)
    assert signed_in.sign_in(room.key).status_code == 303
    return signed_in


def token_of(browser: Browser, room: Room) -> str:
    return field_of(browser.get(f"/w/{room.name}/tried"), "csrf")


def test_a_key_opens_a_session_that_is_what_the_key_is(browser: Browser, room: Room) -> None:
    page = browser.get(f"/w/{room.name}/tried")
    assert (page.status_code, page.text.split()[0]) == (200, "token")
    seen = browser.get("/v2/workspaces").json()
    assert [each["workspace"] for each in seen] == [room.name]
    assert browser.get(f"/w/{browser.served.new_workspace().name}/tried").status_code == 404


@pytest.mark.parametrize("key", ["", "nonsense", "cog_0000000000000000_" + "A" * 43, "\x00", "é" * 50])
def test_no_key_that_does_not_hold_opens_one(served: Served, key: str) -> None:
    browser = Browser(served)
    assert browser.sign_in(key).status_code in (403, 422)
    assert browser.session is None


def test_the_cookie_is_for_this_server_alone_and_for_no_script(served: Served, room: Room) -> None:
    attributes = Browser(served).sign_in(room.key).headers["set-cookie"].split("; ")
    name, _, value = attributes[0].partition("=")
    assert (name, sorted(attributes[1:])) == ("cognify", ["HttpOnly", "Path=/", "SameSite=lax"])
    assert len(value) == 43


def test_over_tls_the_cookie_goes_over_tls_alone(served: Served, room: Room) -> None:
    over_tls = {"headers": {"Origin": "https://audit.example.org"}, "data": {"key": room.key}}
    app = served.app
    front, app.state.front = app.state.front, replace(app.state.front, public="https://audit.example.org")
    try:
        attributes = served.client.post("/login", **over_tls).headers["set-cookie"].split("; ")  # type: ignore[arg-type]
    finally:
        app.state.front = front
    assert attributes[0].startswith("__Host-cognify=")
    assert sorted(attributes[1:]) == ["HttpOnly", "Path=/", "SameSite=lax", "Secure"]


def test_in_clear_nobody_signs_in_to_another_machine(served: Served, room: Room) -> None:
    headers = {"Host": "audit.example.org", "Origin": "http://audit.example.org"}
    refused = served.client.post("/login", data={"key": room.key}, headers=headers)
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)
    assert "COGNIFY_PUBLIC_URL" in refused.text


def test_an_id_that_was_there_before_signing_in_is_never_signed_in(served: Served, room: Room) -> None:
    browser = Browser(served)
    browser.client.cookies.set("cognify", "F" * 43, domain="127.0.0.1")
    assert browser.get(f"/w/{room.name}/tried").status_code == 303
    browser.sign_in(room.key)
    fixed = Browser(served)
    fixed.client.cookies.set("cognify", "F" * 43)
    assert fixed.get(f"/w/{room.name}/tried").status_code == 303


def test_signing_in_again_ends_the_session_before(browser: Browser, room: Room) -> None:
    before = browser.session
    browser.sign_in(room.key)
    assert browser.session not in (None, before)
    old = Browser(browser.served)
    old.client.cookies.set("cognify", str(before))
    assert old.get(f"/w/{room.name}/tried").status_code == 303
    assert browser.get(f"/w/{room.name}/tried").status_code == 200


def test_the_store_knows_a_digest_of_the_id(browser: Browser) -> None:
    session_id = str(browser.session)
    held = (
        browser.served.settings.store_path.read_bytes()
        + browser.served.settings.store_path.with_name("cognify.db-wal").read_bytes()
    )
    assert session_id.encode() not in held
    assert sha256(session_id.encode()).hexdigest().encode() in held


def test_signing_out_ends_the_session_in_the_store(browser: Browser, room: Room) -> None:
    kept = str(browser.session)
    assert browser.send("/logout", {"csrf": "nonsense"}).status_code == 403
    assert browser.get(f"/w/{room.name}/tried").status_code == 200
    assert browser.send("/logout", {"csrf": token_of(browser, room)}).headers["location"] == "/login?ended=1"
    assert browser.session is None
    again = Browser(browser.served)
    again.client.cookies.set("cognify", kept)
    assert again.get(f"/w/{room.name}/tried").status_code == 303
    assert again.get("/v2/workspaces").status_code == 401


def test_a_session_ends_with_its_key(served: Served, room: Room) -> None:
    given = room.ask("POST", "/tokens", json={"role": "viewer", "label": "l"}).json()
    browser = Browser(served)
    browser.sign_in(given["key"])
    assert browser.get(f"/w/{room.name}/tried").status_code == 200
    room.ask("DELETE", f"/tokens/{given['token_id']}").raise_for_status()
    assert browser.get(f"/w/{room.name}/tried").status_code == 303
    assert browser.get(f"{room.path}/runs").status_code == 401


def test_a_session_ends_with_its_person(served: Served) -> None:
    ada = served.store.put_person(Person("ada", "oidc", "op 17", "Ada", "viewer", "2026-11-29T12:00:00.000000Z"))
    session_id = sessions.begin(served.store, ada, utc_now())
    assert sessions.admit(served.store, session_id, utc_now()) == ada
    served.store.set_removed("ada", "2026-11-29T12:00:00.000000Z")
    assert sessions.admit(served.store, session_id, utc_now()) is None
    served.store.set_removed("ada", None)
    assert sessions.admit(served.store, session_id, utc_now()) is None


def test_a_session_ends_when_nobody_uses_it_and_after_a_week(served: Served) -> None:
    now = utc_now()
    ada = served.store.put_person(Person("eve", "oidc", "op 18", "Eve", "viewer", "2026-11-29T12:00:00.000000Z"))
    session_id = sessions.begin(served.store, ada, now)
    hours = timedelta(hours=1)
    assert sessions.admit(served.store, session_id, now + 7 * hours) == ada
    assert sessions.admit(served.store, session_id, now + 14 * hours) == ada
    assert sessions.admit(served.store, session_id, now + 23 * hours) is None
    for hour in range(20, 24 * 7, 6):
        assert sessions.admit(served.store, session_id, now + hour * hours) == ada
    assert sessions.admit(served.store, session_id, now + timedelta(days=7, seconds=1)) is None


def sent(browser: Browser, room: Room, headers: dict[str, str], token: str | None) -> httpx.Response:
    fields = {} if token is None else {"csrf": token}
    return browser.client.post(f"/w/{room.name}/tried", data=fields, headers=headers)


def test_a_form_of_our_own_page_changes_something(browser: Browser, room: Room) -> None:
    token = token_of(browser, room)
    for headers in (
        {"Origin": browser.origin},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": browser.origin, "Sec-Fetch-Site": "same-origin"},
    ):
        assert sent(browser, room, headers, token).text == "changed by session"
    by_script = {"Origin": browser.origin, "X-CSRF-Token": token}
    assert sent(browser, room, by_script, None).text == "changed by session"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "OURS", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "OURS.evil.example"},
        {"Origin": "OURS", "Host": "evil.example"},
    ],
)
def test_what_comes_from_elsewhere_changes_nothing(browser: Browser, room: Room, headers: dict[str, str]) -> None:
    told = {name: value.replace("OURS", browser.origin) for name, value in headers.items()}
    refused = sent(browser, room, told, token_of(browser, room))
    assert refused.status_code in (303, 403), refused.text
    signing_in = Browser(browser.served)
    told.pop("Host", None)
    if told.get("Origin") != browser.origin or "Sec-Fetch-Site" in told:
        assert signing_in.client.post("/login", data={"key": room.key}, headers=told).status_code == 403
        assert signing_in.session is None


def test_a_token_of_another_session_or_none_changes_nothing(browser: Browser, room: Room) -> None:
    other = Browser(browser.served)
    other.sign_in(room.key)
    ours, theirs = token_of(browser, room), token_of(other, room)
    changed = ours[:-1] + ("0" if ours[-1] != "0" else "1")
    for token in (None, "", theirs, changed, ours + "0", ours[:-1], ours[16:], "é" * 80, ours.upper()):
        assert sent(browser, room, {"Origin": browser.origin}, token).status_code == 403, token
    assert sent(browser, room, {"Origin": browser.origin}, ours).status_code == 200


def test_no_two_pages_carry_the_same_token_and_none_the_id(browser: Browser, room: Room) -> None:
    one, two = token_of(browser, room), token_of(browser, room)
    assert one[:16] != two[:16]
    assert one[16:] != two[16:]
    assert str(browser.session) not in one


def test_a_script_of_our_pages_writes_with_the_token_alone(browser: Browser, room: Room) -> None:
    change = {"retention_years": 12}
    for headers in (
        {},
        {"Origin": browser.origin},
        {"X-CSRF-Token": token_of(browser, room)},
        {"X-CSRF-Token": token_of(browser, room), "Origin": "https://evil.example"},
        {"X-CSRF-Token": "nonsense", "Origin": browser.origin},
    ):
        assert browser.client.patch(f"{room.path}/retention", json=change, headers=headers).status_code == 403
    ours = {"X-CSRF-Token": token_of(browser, room), "Origin": browser.origin}
    assert browser.client.patch(f"{room.path}/retention", json=change, headers=ours).json()["retention_years"] == 12
    assert browser.get(f"{room.path}/retention").json()["retention_years"] == 12


def test_a_key_that_does_not_hold_is_not_made_good_by_a_session(browser: Browser, room: Room) -> None:
    refused = browser.get(f"{room.path}/runs", headers={"Authorization": "Bearer nonsense"})
    assert refused.status_code == 401


def test_nobody_who_is_not_signed_in_sees_a_page(served: Served, room: Room) -> None:
    browser = Browser(served)
    sent_on = browser.get(f"/w/{room.name}/tried?a=1&b=%2F")
    assert sent_on.status_code == 303
    assert sent_on.headers["location"] == f"/login?next=%2Fw%2F{room.name}%2Ftried%3Fa%3D1%26b%3D%252F"
    then = field_of(browser.get(sent_on.headers["location"]), "next")
    there = browser.sign_in(room.key, then.replace("&amp;", "&")).headers["location"]
    assert there == f"/w/{room.name}/tried?a=1&b=%2F"
    assert sent(Browser(served), room, {"Origin": browser.origin}, "x").headers["location"] == "/login"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "/\x00",
        "/é",
        "/" + "a" * 3000,
        "",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(served: Served, room: Room, path: str) -> None:
    assert local_path(path) == "/"
    if len(path) < 2000:
        assert Browser(served).sign_in(room.key, path).headers["location"] == "/"


@pytest.mark.parametrize("role", list(Role))
def test_a_page_asks_for_the_same_permissions_as_the_api(served: Served, room: Room, role: Role) -> None:
    browser = Browser(served)
    browser.sign_in(served.key(role, room.name))
    status = sent(browser, room, {"Origin": browser.origin}, token_of(browser, room)).status_code
    assert status == (200 if May.KEEP in role.permissions else 403)


def test_accesses_say_that_it_was_a_session(browser: Browser, room: Room) -> None:
    run_id = room.sealed()
    browser.get(f"{room.path}/runs/{run_id}").raise_for_status()
    last = room.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"][0]
    assert (last["auth"], last["actor"].split()[0]) == ("session", "token")
