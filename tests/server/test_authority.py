"""Every route, asked by every role, of its own workspace and of another; keys that do not hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeAlias

import httpx
import pytest

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server import sessions
from cognify_core.server.roles import Role
from cognify_core.server.tokens import admit, issue
from cognify_core.store.visitors import Person
from tests.server.browsing import Browser
from tests.server.serving import Room, Served

READERS = set(Role)
EXPORTERS = {Role.RECORDER, Role.AUDITOR, Role.COMPLIANCE, Role.ADMIN}
SAYERS = {Role.RECORDER, Role.COMPLIANCE, Role.ADMIN}
KEEPERS = {Role.COMPLIANCE, Role.ADMIN}
RECORDERS = {Role.RECORDER, Role.ADMIN}
WATCHERS = {Role.AUDITOR, Role.COMPLIANCE, Role.ADMIN}
ADMINS = {Role.ADMIN}

RUN = "/v2/workspaces/{workspace_id}/runs/{run_id}"
ROOM = "/v2/workspaces/{workspace_id}"
MAY: dict[tuple[str, str], set[Role]] = {
    ("GET", f"{ROOM}/runs"): READERS,
    ("POST", f"{ROOM}/runs"): RECORDERS,
    ("GET", RUN): READERS,
    ("GET", f"{RUN}/events"): READERS,
    ("POST", f"{RUN}/events"): RECORDERS,
    ("POST", f"{RUN}/finish"): RECORDERS,
    ("POST", f"{RUN}/interrupt"): SAYERS,
    ("POST", f"{RUN}/seal"): SAYERS,
    ("POST", f"{RUN}/discard"): KEEPERS,
    ("GET", f"{RUN}/lineage"): READERS,
    ("GET", f"{RUN}/nodes"): READERS,
    ("GET", f"{RUN}/bundle"): READERS,
    ("GET", f"{RUN}/verification"): READERS,
    ("GET", f"{RUN}/addenda"): READERS,
    ("POST", f"{RUN}/notes"): SAYERS,
    ("POST", f"{RUN}/attestations"): SAYERS,
    ("POST", f"{RUN}/release/proposal"): SAYERS,
    ("POST", f"{RUN}/release/refusal"): SAYERS,
    ("POST", f"{RUN}/release/approval"): KEEPERS,
    ("GET", f"{RUN}/exports"): READERS,
    ("POST", f"{RUN}/exports"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}/receipt"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}/vaults"): READERS,
    ("POST", f"{ROOM}/populations"): EXPORTERS,
    ("GET", f"{ROOM}/populations"): EXPORTERS,
    ("GET", f"{ROOM}/populations/{{package_hash}}"): EXPORTERS,
    ("GET", f"{ROOM}/populations/{{package_hash}}/receipt"): EXPORTERS,
    ("GET", f"{ROOM}/datasets"): READERS,
    ("GET", f"{ROOM}/datasets/{{key}}"): READERS,
    ("POST", f"{ROOM}/verify"): READERS,
    ("GET", f"{ROOM}/profile"): READERS,
    ("PUT", f"{ROOM}/profile"): KEEPERS,
    ("GET", f"{ROOM}/retention"): READERS,
    ("PATCH", f"{ROOM}/retention"): KEEPERS,
    ("GET", f"{ROOM}/storage"): READERS,
    ("PUT", f"{ROOM}/storage"): KEEPERS,
    ("POST", f"{ROOM}/storage/test"): KEEPERS,
    ("GET", f"{ROOM}/storage/round"): READERS,
    ("GET", f"{ROOM}/outbox"): KEEPERS,
    ("GET", f"{ROOM}/webhooks"): KEEPERS,
    ("POST", f"{ROOM}/webhooks"): KEEPERS,
    ("PATCH", f"{ROOM}/webhooks/{{hook_id}}"): KEEPERS,
    ("DELETE", f"{ROOM}/webhooks/{{hook_id}}"): KEEPERS,
    ("POST", f"{ROOM}/webhooks/{{hook_id}}/test"): KEEPERS,
    ("GET", f"{ROOM}/webhooks/{{hook_id}}/deliveries"): KEEPERS,
    ("GET", f"{ROOM}/accesses"): WATCHERS,
    ("GET", f"{ROOM}/accesses/entries"): WATCHERS,
    ("GET", f"{ROOM}/accesses/head"): WATCHERS,
    ("GET", f"{ROOM}/accesses/consistency"): WATCHERS,
    ("POST", f"{ROOM}/accesses/erase"): KEEPERS,
    ("GET", f"{ROOM}/tokens"): ADMINS,
    ("POST", f"{ROOM}/tokens"): ADMINS,
    ("DELETE", f"{ROOM}/tokens/{{token_id}}"): ADMINS,
    ("GET", f"{ROOM}/ledger/head"): READERS,
    ("GET", f"{ROOM}/ledger/key"): READERS,
    ("GET", f"{ROOM}/ledger/open"): READERS,
    ("GET", f"{ROOM}/ledger/proof/{{wanted}}"): READERS,
    ("GET", f"{ROOM}/ledger/consistency"): READERS,
    ("GET", f"{ROOM}/ledger/tile/{{path}}"): READERS,
}
OF_ALL = {("GET", "/v2/workspaces"), ("POST", "/v2/workspaces"), ("GET", "/healthz"), ("GET", "/metrics")}
RUN_ID = "run_20260101_000000_00000"
PARTS = {
    "run_id": RUN_ID,
    "package_hash": "sha256:0",
    "token_id": "0",
    "hook_id": "hook_0",
    "wanted": "0",
    "key": "0" * 64,
    "path": "0/000",
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", f"{ROOM}/runs"): {"run_id": "r", "time": "t", "opened": {}, "secret": "s" * 32},
    ("POST", f"{RUN}/finish"): {"status": "FAILED"},
    ("POST", f"{RUN}/discard"): {"reason": "r"},
    ("POST", f"{RUN}/notes"): {"text": "t"},
    ("POST", f"{RUN}/attestations"): {"claim": "c", "by": "b", "role": "r"},
    ("POST", f"{RUN}/release/proposal"): {"reason": "r", "by": "b", "role": "r"},
    ("POST", f"{RUN}/release/refusal"): {"reason": "r", "by": "b", "role": "r"},
    ("POST", f"{RUN}/release/approval"): {"approved_by": "b", "role": "r"},
    ("POST", f"{RUN}/exports"): {},
    ("POST", f"{ROOM}/populations"): {"since": "2026-01-31", "until": "2026-01-01"},
    ("PUT", f"{ROOM}/profile"): {},
    ("PATCH", f"{ROOM}/retention"): {},
    ("PUT", f"{ROOM}/storage"): {"vault": "nonsense"},
    ("POST", f"{ROOM}/accesses/erase"): {"value": "nobody"},
    ("POST", f"{ROOM}/storage/test"): {"put": False},
    ("POST", f"{ROOM}/webhooks"): {"url": "nonsense", "events": ["run.sealed"]},
    ("PATCH", f"{ROOM}/webhooks/{{hook_id}}"): {},
    ("POST", f"{ROOM}/tokens"): {"role": "viewer", "label": "l"},
}


Way: TypeAlias = "Callable[[Served, Role, str], Browser]"
"""How a caller is known."""


def ask(
    who: Served | Browser, method: str, path: str, workspace: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    filled = path.format(workspace_id=workspace, **PARTS)
    said = {"Cognify-Run-Secret": "s" * 32} | (headers or {})
    body = BODIES.get((method, path))
    return who.client.request(method, filled, json=body, params={"run_id": "r", "old": 1}, headers=said)


def routes(served: Served) -> Iterator[tuple[str, str]]:
    for path, methods in served.ask("GET", "/v2/openapi.json").json()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def test_every_route_stands_in_the_table_of_who_may(served: Served) -> None:
    assert set(routes(served)) == set(MAY) | OF_ALL


def as_key(served: Served, role: Role, workspace: str) -> Browser:
    """A program that shows a key with each request."""
    browser = Browser(served)
    browser.client.headers["Authorization"] = f"Bearer {served.key(role, workspace)}"
    return browser


def as_session(served: Served, role: Role, workspace: str) -> Browser:
    """The script of a page, in a browser that has signed in with a key."""
    browser = Browser(served)
    assert browser.sign_in(served.key(role, workspace)).status_code == 303
    return with_token(browser)


def as_person(served: Served, role: Role, workspace: str) -> Browser:
    """The same of a person, who has a part in another workspace too."""
    parts = f"{role}@{workspace} admin@elsewhere"
    person = Person(os.urandom(8).hex(), "oidc", os.urandom(8).hex(), "Ada", parts, stamp_time(utc_now()))
    browser = Browser(served)
    session_id = sessions.begin(served.store, served.store.put_person(person), utc_now())
    browser.client.cookies.set("cognify", session_id, domain="127.0.0.1")
    return with_token(browser)


def with_token(browser: Browser) -> Browser:
    ours = {"Origin": browser.origin, "X-CSRF-Token": sessions.csrf_token(str(browser.session))}
    browser.client.headers.update(ours)
    return browser


WAYS = pytest.mark.parametrize("way", [as_key, as_session, as_person])


@WAYS
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_nothing_else(served: Served, room: Room, role: Role, way: Way) -> None:
    browser = way(served, role, room.name)
    for (method, path), able in MAY.items():
        status = ask(browser, method, path, room.name).status_code
        assert (status != 403) == (role in able), (method, path, status)
        assert status != 401, (method, path)
        assert status < 500, (method, path, status)


@WAYS
@pytest.mark.parametrize("role", list(Role))
def test_another_workspace_is_not_there_whatever_the_role(served: Served, room: Room, role: Role, way: Way) -> None:
    elsewhere = way(served, role, served.new_workspace().name)
    for method, path in MAY:
        there = ask(elsewhere, method, path, room.name)
        nowhere = ask(elsewhere, method, path, "no-such-workspace")
        assert (there.status_code, nowhere.status_code) == (404, 404), (method, path)
        assert there.json()["detail"].replace(room.name, "…") == nowhere.json()["detail"].replace(
            "no-such-workspace", "…"
        )


@pytest.mark.parametrize("way", [as_session, as_person])
def test_without_the_token_a_session_writes_nothing(served: Served, room: Room, way: Way) -> None:
    browser = way(served, Role.ADMIN, room.name)
    del browser.client.headers["X-CSRF-Token"]
    for method, path in MAY:
        status = ask(browser, method, path, room.name).status_code
        assert (status == 403) == (method != "GET"), (method, path, status)


def test_nothing_answers_without_a_key(served: Served, room: Room) -> None:
    for method, path in MAY.keys() | {("GET", "/v2/workspaces"), ("POST", "/v2/workspaces")}:
        for key in (None, "nonsense", "cog_0000000000000000_" + "A" * 43):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            refused = ask(served, method, path, room.name, headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer"), (method, path)


def test_a_run_of_another_workspace_is_not_found_by_its_id(served: Served, room: Room) -> None:
    theirs = served.new_workspace()
    run_id = theirs.sealed()
    package = theirs.ask("POST", f"/runs/{run_id}/exports", json={}).json()["package_hash"]
    for path in ("", "/events", "/lineage", "/bundle", "/verification", "/addenda", "/exports", f"/exports/{package}"):
        assert room.ask("GET", f"/runs/{run_id}{path}").status_code == 404
    assert room.ask("GET", "/runs", params={"after": run_id}).status_code == 404
    assert room.ask("POST", f"/runs/{run_id}/notes", json={"text": "x"}).status_code == 404


def test_workspaces_are_made_by_administrators_of_all(served: Served, room: Room) -> None:
    assert room.served.ask("POST", "/v2/workspaces", room.key, json={"workspace": "mine"}).status_code == 403
    seen = room.served.ask("GET", "/v2/workspaces", room.key).json()
    assert [each["workspace"] for each in seen] == [room.name]
    for name in ("../x", "A", "", "x" * 64, "a/b", "é"):
        refused = served.ask("POST", "/v2/workspaces", served.key(), json={"workspace": name})
        assert refused.status_code == 422, name


def test_a_key_is_shown_once_and_kept_as_a_digest(served: Served, room: Room) -> None:
    given = room.ask("POST", "/tokens", json={"role": "viewer", "label": "a dashboard", "days": 1}).json()
    listed = room.ask("GET", "/tokens").json()
    assert given["token_id"] in {each["token_id"] for each in listed}
    assert "key" not in listed[-1]
    assert given["key"].split("_", 2)[2].encode() not in served.settings.store_path.read_bytes()
    assert served.ask("GET", f"{room.path}/runs", given["key"]).status_code == 200


def test_a_key_ends_when_it_is_revoked_or_expires(served: Served, room: Room) -> None:
    given = room.ask("POST", "/tokens", json={"role": "viewer", "label": "l"}).json()
    assert room.ask("DELETE", f"/tokens/{given['token_id']}").status_code == 204
    assert served.ask("GET", f"{room.path}/runs", given["key"]).status_code == 401
    new = issue(served.store, Role.VIEWER, workspace=room.name, label="l", created_by="t", days=1)
    assert admit(served.store, new.key, utc_now()) == new.token
    assert admit(served.store, new.key, utc_now() + timedelta(days=1, seconds=1)) is None
    assert str(new.token.expires_at) > stamp_time(utc_now())


def test_a_key_of_another_workspace_is_not_revoked_from_here(served: Served, room: Room) -> None:
    theirs = served.new_workspace()
    given = theirs.ask("POST", "/tokens", json={"role": "viewer", "label": "l"}).json()
    assert room.ask("DELETE", f"/tokens/{given['token_id']}").status_code == 404
    assert served.ask("GET", f"{theirs.path}/runs", given["key"]).status_code == 200


def other_end(key: str) -> str:
    return key[:-1] + ("A" if key[-1] != "A" else "B")


@pytest.mark.parametrize("change", [other_end, str.upper, lambda key: key + "A"])
def test_a_key_that_is_not_quite_one_is_refused(served: Served, room: Room, change: Any) -> None:
    assert served.ask("GET", f"{room.path}/runs", change(room.key)).status_code == 401
