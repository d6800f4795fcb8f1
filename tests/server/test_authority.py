"""Every route, asked by every role, of its own workspace and of another; keys that do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cognify_core.model.names import stamp_time, utc_now
from cognify_core.server.roles import Role
from cognify_core.server.tokens import admit, issue
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
    ("POST", f"{RUN}/seal"): SAYERS,
    ("POST", f"{RUN}/discard"): KEEPERS,
    ("GET", f"{RUN}/lineage"): READERS,
    ("GET", f"{RUN}/nodes"): READERS,
    ("GET", f"{RUN}/bundle"): READERS,
    ("GET", f"{RUN}/verification"): READERS,
    ("GET", f"{RUN}/addenda"): READERS,
    ("POST", f"{RUN}/notes"): SAYERS,
    ("POST", f"{RUN}/attestations"): SAYERS,
    ("GET", f"{RUN}/exports"): READERS,
    ("POST", f"{RUN}/exports"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}/receipt"): EXPORTERS,
    ("GET", f"{RUN}/exports/{{package_hash}}/vaults"): READERS,
    ("POST", f"{ROOM}/verify"): READERS,
    ("GET", f"{ROOM}/profile"): READERS,
    ("PUT", f"{ROOM}/profile"): KEEPERS,
    ("GET", f"{ROOM}/retention"): READERS,
    ("PATCH", f"{ROOM}/retention"): KEEPERS,
    ("GET", f"{ROOM}/storage"): READERS,
    ("PUT", f"{ROOM}/storage"): KEEPERS,
    ("POST", f"{ROOM}/storage/test"): KEEPERS,
    ("GET", f"{ROOM}/accesses"): WATCHERS,
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
PARTS = {"run_id": RUN_ID, "package_hash": "sha256:0", "token_id": "0", "wanted": "0", "path": "0/000"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", f"{ROOM}/runs"): {"run_id": "r", "time": "t", "opened": {}, "secret": "s" * 32},
    ("POST", f"{RUN}/finish"): {"status": "FAILED"},
    ("POST", f"{RUN}/discard"): {"reason": "r"},
    ("POST", f"{RUN}/notes"): {"text": "t"},
    ("POST", f"{RUN}/attestations"): {"claim": "c", "by": "b", "role": "r"},
    ("POST", f"{RUN}/exports"): {},
    ("PUT", f"{ROOM}/profile"): {},
    ("PATCH", f"{ROOM}/retention"): {},
    ("PUT", f"{ROOM}/storage"): {"vault": "nonsense"},
    ("POST", f"{ROOM}/storage/test"): {"put": False},
    ("POST", f"{ROOM}/tokens"): {"role": "viewer", "label": "l"},
}


def ask(served: Served, method: str, path: str, workspace: str, key: str | None) -> httpx.Response:
    filled = path.format(workspace_id=workspace, **PARTS)
    headers = {"Cognify-Run-Secret": "s" * 32}
    return served.ask(
        method, filled, key, json=BODIES.get((method, path)), params={"run_id": "r", "old": 1}, headers=headers
    )


def routes(served: Served) -> Iterator[tuple[str, str]]:
    for path, methods in served.ask("GET", "/v2/openapi.json").json()["paths"].items():
        yield from ((method.upper(), path) for method in methods)


def test_every_route_stands_in_the_table_of_who_may(served: Served) -> None:
    assert set(routes(served)) == set(MAY) | OF_ALL


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says_and_nothing_else(served: Served, room: Room, role: Role) -> None:
    key = served.key(role, room.name)
    for (method, path), able in MAY.items():
        status = ask(served, method, path, room.name, key).status_code
        assert (status != 403) == (role in able), (method, path, status)
        assert status < 500, (method, path, status)


@pytest.mark.parametrize("role", list(Role))
def test_another_workspace_is_not_there_whatever_the_role(served: Served, room: Room, role: Role) -> None:
    elsewhere = served.key(role, served.new_workspace().name)
    for method, path in MAY:
        there = ask(served, method, path, room.name, elsewhere)
        nowhere = ask(served, method, path, "no-such-workspace", elsewhere)
        assert (there.status_code, nowhere.status_code) == (404, 404), (method, path)
        assert there.json()["detail"].replace(room.name, "…") == nowhere.json()["detail"].replace(
            "no-such-workspace", "…"
        )


def test_nothing_answers_without_a_key(served: Served, room: Room) -> None:
    for method, path in MAY.keys() | {("GET", "/v2/workspaces"), ("POST", "/v2/workspaces")}:
        for key in (None, "nonsense", "cog_0000000000000000_" + "A" * 43):
            refused = ask(served, method, path, room.name, key)
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
    assert given["key"].rpartition("_")[2].encode() not in served.settings.store_path.read_bytes()
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
