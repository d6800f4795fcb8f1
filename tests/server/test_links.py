"""Links that let somebody in once, and the commands that make them."""

from __future__ import annotations

import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from cognify_core.model.names import utc_now
from cognify_core.server.login import links
from cognify_core.server.roles import Part, Role
from cognify_core.store.sql import open_store
from tests.cli.running import PROGRAM, cognify, environment, json_of
from tests.server.browsing import Browser, field_of
from tests.server.serving import Room, Served

ADMIN = Part(Role.ADMIN)


def made(served: Served, part: Part = ADMIN, age: timedelta = timedelta()) -> str:
    return links.make(served.store, part, name="Ada", created_by="a test", now=utc_now() - age)


def use(browser: Browser, path: str) -> httpx.Response:
    return browser.send("/login/once", {"once": field_of(browser.get(path), "once")})


def test_a_link_lets_one_in_as_what_it_was_made_for(served: Served, room: Room) -> None:
    browser = Browser(served)
    assert use(browser, made(served, Part(Role.VIEWER, room.name))).status_code == 303
    run_id = room.sealed()
    assert browser.get(f"{room.path}/runs/{run_id}").status_code == 200
    assert browser.get(f"{room.path}/tokens").status_code == 403
    last = room.last_access(run_id)
    assert (last["auth"], last["actor"][:10]) == ("session", "Ada (link ")


def test_to_look_at_a_link_does_not_use_it_and_to_use_it_does(served: Served) -> None:
    path = made(served)
    for _ in range(3):
        assert served.client.get(path).status_code == 200
        assert served.client.head(path).status_code in (200, 405)
    assert use(Browser(served), path).status_code == 303
    again = Browser(served)
    refused = use(again, path)
    assert (refused.status_code, again.session) == (403, None)
    assert "This link was used" in refused.text


def test_a_link_is_not_used_up_where_no_session_can_be_kept(served: Served) -> None:
    path = made(served)
    secret = parse_qs(urlsplit(path).query)["once"][0]
    in_clear = {"Host": "audit.example.org", "Origin": "http://audit.example.org"}
    refused = served.client.post("/login/once", data={"once": secret}, headers=in_clear)
    assert (refused.status_code, "Signing in takes https" in refused.text) == (400, True)
    assert use(Browser(served), path).status_code == 303


def test_a_link_that_is_too_old_or_another_lets_nobody_in(served: Served) -> None:
    old = made(served, age=timedelta(minutes=15, seconds=1))
    for path in (old, "/login?once=nonsense", "/login?once=" + "A" * 43):
        browser = Browser(served)
        assert (use(browser, path).status_code, browser.session) == (403, None)


def test_a_link_is_used_by_our_page_alone(served: Served) -> None:
    path = made(served)
    secret = parse_qs(urlsplit(path).query)["once"][0]
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert served.client.post("/login/once", data={"once": secret}, headers=headers).status_code == 403
    assert use(Browser(served), path).status_code == 303


def test_the_store_knows_a_digest_of_a_link(served: Served) -> None:
    secret = parse_qs(urlsplit(made(served)).query)["once"][0].encode()
    path = served.settings.store_path
    assert secret not in path.read_bytes() + path.with_name("cognify.db-wal").read_bytes()


def test_the_command_makes_links_and_people_are_removed(tmp_path: Path) -> None:
    given = ("--role", "auditor", "--name", "Ada", "--url", "https://audit.example.org/")
    told = urlsplit(json_of(tmp_path, "login-link", *given)["url"])
    assert (told.scheme, told.netloc, told.path) == ("https", "audit.example.org", "/login")
    with closing(open_store(tmp_path / "home" / "cognify.db")) as store:
        ada = links.use(store, parse_qs(told.query)["once"][0], utc_now())
        assert ada is not None
        (shown,) = json_of(tmp_path, "person", "list")["people"]
        assert (shown["name"], shown["parts"], shown["removed_at"]) == ("Ada", "auditor", None)
        assert json_of(tmp_path, "person", "remove", ada.person_id)["removed_at"] is not None
        assert json_of(tmp_path, "person", "list")["people"][0]["removed_at"] is not None
        assert "may sign in again" in cognify(tmp_path, "person", "readmit", ada.person_id).output
        assert store.person(ada.person_id) == ada
    for words in (("person", "remove", "nobody"), ("login-link", "--role", "king"), ("login-link", "--workspace", "x")):
        assert cognify(tmp_path, *words).exit_code == 2


def first_lines(tmp_path: Path) -> tuple[str, str]:
    """What a server says when it starts, as far as it says anything within a moment."""
    command = [*PROGRAM, "serve", "--port", "0"]
    serving = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    try:
        said = serving.stdout.readline()
        httpx.get(said.split()[2].removesuffix("/v2") + "/healthz", timeout=60).raise_for_status()
    finally:
        serving.terminate()
        rest, _ = serving.communicate()
    return said, rest


def test_the_first_start_of_a_server_lets_its_administrator_in(tmp_path: Path) -> None:
    where, welcome = first_lines(tmp_path)
    assert "Nobody may use it yet" in welcome
    url = urlsplit(welcome.split()[-1])
    assert where.split()[2] == f"{url.scheme}://{url.netloc}/v2"
    with closing(open_store(tmp_path / "cognify.db")) as store:
        administrator = links.use(store, parse_qs(url.query)["once"][0], utc_now())
    assert administrator is not None
    assert administrator.parts == "admin"
    assert first_lines(tmp_path)[1] == ""
