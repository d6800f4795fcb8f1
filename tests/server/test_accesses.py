"""Who looked: an entry for every read of a run and every export, in a log that shows what was done to it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cognify_core.errors import StoreError
from cognify_core.merkle import leaf_hash, root_hash, verify_consistency
from cognify_core.seal.notes import LogKey, SignedHead
from cognify_core.server.roles import Caller, Role
from cognify_core.server.seeing import Seen
from cognify_core.store.access_log import Look
from tests.server.serving import Room, Served, serving
from tests.server.test_authority import ROOM, RUN, routes

SHOWN: dict[tuple[str, str], str] = {
    ("GET", RUN): "show",
    ("GET", f"{RUN}/events"): "events",
    ("GET", f"{RUN}/lineage"): "lineage",
    ("GET", f"{RUN}/nodes"): "lineage",
    ("GET", f"{RUN}/bundle"): "bundle",
    ("GET", f"{RUN}/verification"): "verify",
    ("GET", f"{RUN}/addenda"): "addenda",
    ("GET", f"{RUN}/exports"): "packages",
    ("GET", f"{RUN}/exports/{{package_hash}}"): "download",
    ("GET", f"{RUN}/exports/{{package_hash}}/receipt"): "receipt",
    ("GET", f"{RUN}/exports/{{package_hash}}/vaults"): "vaults",
    ("GET", f"{ROOM}/ledger/proof/{{wanted}}"): "proof",
    ("GET", f"{ROOM}/accesses"): "accesses",
}
"""Each read of a run, and what the log calls it."""
DONE: dict[tuple[str, str], str] = {
    ("POST", f"{RUN}/exports"): "export",
    ("POST", f"{RUN}/seal"): "seal",
    ("POST", f"{RUN}/notes"): "note",
    ("POST", f"{RUN}/attestations"): "attestation",
    ("POST", f"{RUN}/release/proposal"): "propose_release",
    ("POST", f"{RUN}/release/refusal"): "decline_release",
    ("POST", f"{RUN}/release/approval"): "release",
    ("POST", f"{ROOM}/verify"): "verify",
}
"""Each request that does something with a sealed run."""
OF_MANY: dict[tuple[str, str], str] = {
    ("GET", f"{ROOM}/runs"): "list",
    ("GET", f"{ROOM}/datasets"): "datasets",
    ("GET", f"{ROOM}/datasets/{{key}}"): "datasets",
    ("GET", f"{ROOM}/ledger/open"): "open",
    ("GET", f"{ROOM}/accesses/entries"): "entries",
    ("POST", f"{ROOM}/accesses/erase"): "erase",
    ("POST", f"{ROOM}/populations"): "population",
    ("GET", f"{ROOM}/populations/{{package_hash}}"): "download",
    ("GET", f"{ROOM}/populations/{{package_hash}}/receipt"): "receipt",
}
"""Each request that looks at no single run, and is an entry all the same."""
SAID: dict[tuple[str, str], str] = {
    ("PATCH", f"{ROOM}/retention"): "change_retention",
    ("PUT", f"{ROOM}/storage"): "change_storage",
    ("PUT", f"{ROOM}/profile"): "change_profile",
    ("POST", f"{ROOM}/tokens"): "give_token",
    ("DELETE", f"{ROOM}/tokens/{{token_id}}"): "revoke_token",
    ("POST", f"{ROOM}/webhooks"): "add_webhook",
    ("PATCH", f"{ROOM}/webhooks/{{hook_id}}"): "change_webhook",
    ("DELETE", f"{ROOM}/webhooks/{{hook_id}}"): "remove_webhook",
}
"""Each request that says what holds in the workspace, or who may what there."""
TELLS_NOTHING_OF_A_RUN = {
    *(("POST", f"{RUN}/{what}") for what in ("events", "finish", "interrupt", "discard")),
    ("POST", f"{ROOM}/runs"),
    *(("GET", f"{ROOM}/ledger/{what}") for what in ("head", "key", "consistency", "tile/{path}")),
    *(("GET", f"{ROOM}/accesses/{what}") for what in ("head", "consistency")),
    *(("GET", f"{ROOM}/{what}") for what in ("retention", "storage", "profile", "populations", "tokens", "webhooks")),
    ("POST", f"{ROOM}/storage/test"),
    *(("GET", f"{ROOM}/{what}") for what in ("outbox", "storage/round", "webhooks/{hook_id}/deliveries")),
    ("POST", f"{ROOM}/webhooks/{{hook_id}}/test"),
    *((method, "/v2/workspaces") for method in ("GET", "POST")),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
}
"""What is written, hashes alone, what is in force or to be done. Discarding is an entry of a run that is gone,
and closing one for its silence of a run that is not sealed."""


@pytest.fixture(scope="module")
def sealed(served: Served) -> tuple[Room, str, str]:
    """A workspace with a sealed run and a package."""
    room = served.new_workspace()
    run_id = room.sealed()
    package = room.ask("POST", f"/runs/{run_id}/exports", json={}).json()["package_hash"]
    return room, run_id, package


def log(room: Room, run_id: str | None = None) -> list[dict[str, Any]]:
    """The log, oldest first, as its administrator reads it, without that itself."""
    found = room.ask("GET", "/accesses", params={"run_id": run_id} if run_id else {}).json()["accesses"]
    return [entry for entry in reversed(found) if entry["action"] != "accesses"]


def head(room: Room) -> SignedHead:
    signed = SignedHead.parse(room.ask("GET", "/accesses/head").content)
    key = LogKey.parse(room.ask("GET", "/ledger/key").json()["log"])
    signed.verify(LogKey(f"{key.origin}/accesses", key.public))
    return signed


def test_every_route_is_a_read_that_is_kept_or_shows_nothing_of_a_run(served: Served) -> None:
    told = SHOWN.keys() | DONE.keys() | OF_MANY.keys() | SAID.keys()
    assert set(routes(served)) - told == TELLS_NOTHING_OF_A_RUN


@pytest.mark.parametrize(("method", "path"), SHOWN)
def test_every_read_of_a_run_is_an_entry(sealed: tuple[Room, str, str], method: str, path: str) -> None:
    room, run_id, package = sealed
    key = room.served.key(Role.AUDITOR, room.name)
    filled = path.format(workspace_id=room.name, run_id=run_id, package_hash=package, wanted=run_id)
    answer = room.served.ask(method, filled, key, params={"run_id": run_id})
    assert answer.status_code == 200, answer.text
    found = room.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"]
    mine = [each for each in found if "of a test, auditor" in each["actor"] and each["action"] == SHOWN[(method, path)]]
    assert mine
    assert (mine[0]["source"], mine[0]["auth"], mine[0]["outcome"]) == ("127.0.0.1", "api_key", "allowed")
    assert mine[0]["observed_by"] == "server"


def test_what_is_done_with_a_run_is_an_entry_each_time(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    for _ in range(2):
        room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()
        made = room.ask("POST", f"/runs/{run_id}/exports", json={}).json()["package_hash"]
        room.ask("POST", f"/runs/{run_id}/notes", json={"text": "x"}).raise_for_status()
    room.ask("POST", f"/runs/{run_id}/attestations", json={"claim": "c", "by": "A", "role": "r"}).raise_for_status()
    package = room.ask("GET", f"/runs/{run_id}/exports/{made}").content
    room.ask("POST", "/verify", content=package).raise_for_status()
    actions = [entry["action"] for entry in log(room, run_id)]
    expected = ["seal", *("seal", "export", "note") * 2, "attestation", "download", "verify"]
    assert actions == expected
    assert {entry["within"] for entry in log(room, run_id) if entry["action"] in ("seal", "export", "download")} == {0}


def test_who_changed_what_holds_in_the_workspace_is_an_entry(served: Served) -> None:
    room = served.new_workspace()
    given = room.ask("POST", "/tokens", json={"role": "viewer", "label": "v"}).json()["token_id"]
    told = {"url": "https://1.1.1.1/h", "label": "h", "events": ["run.sealed"]}
    hook = room.ask("POST", "/webhooks", json=told).json()["hook_id"]
    requests: list[tuple[str, str, Any]] = [
        ("PATCH", "/retention", {"retention_years": 9}),
        ("PUT", "/storage", {"vault": "s3://bucket/prefix"}),
        ("PUT", "/profile", {"provider": {"name": "Clinic"}}),
        ("PATCH", f"/webhooks/{hook}", {"label": "x"}),
        ("DELETE", f"/webhooks/{hook}", None),
        ("DELETE", f"/tokens/{given}", None),
    ]
    for method, path, body in requests:
        room.ask(method, path, **({} if body is None else {"json": body})).raise_for_status()
    assert [(entry["action"], entry["subject"]) for entry in log(room)] == [
        ("give_token", f"token {given}, viewer"),
        ("add_webhook", f"webhook {hook}"),
        ("change_retention", "version 1"),
        ("change_storage", "s3://bucket/prefix"),
        ("change_profile", "version 1 of the organisation"),
        ("change_webhook", f"webhook {hook}"),
        ("remove_webhook", f"webhook {hook}"),
        ("revoke_token", f"token {given}"),
    ]
    assert {entry["action"] for entry in log(room)} == set(SAID.values())
    assert {entry["outcome"] for entry in log(room)} == {"allowed"}


def test_a_package_of_a_run_that_was_never_here_is_no_entry(sealed: tuple[Room, str, str], served: Served) -> None:
    room, run_id, package = sealed
    data = room.ask("GET", f"/runs/{run_id}/exports/{package}").content
    elsewhere = served.new_workspace()
    assert elsewhere.ask("POST", "/verify", content=data).json()["run_id"] == run_id
    assert log(elsewhere) == []


def test_looking_at_many_is_an_entry_of_no_run(served: Served) -> None:
    room = served.new_workspace()
    room.begin()
    room.ask("GET", "/runs").raise_for_status()
    room.ask("GET", "/ledger/open").raise_for_status()
    assert [(entry["action"], entry["run_id"]) for entry in log(room)] == [("list", None), ("open", None)]


def test_the_same_look_within_a_minute_is_one_entry_that_says_so(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.begin()
    for _ in range(5):
        room.ask("GET", f"/runs/{run_id}").raise_for_status()
        room.ask("GET", f"/runs/{run_id}/events").raise_for_status()
    other = served.key(Role.VIEWER, room.name)
    served.ask("GET", f"{room.path}/runs/{run_id}", other).raise_for_status()
    told = [(entry["action"], entry["actor"].partition("(")[2], entry["within"]) for entry in log(room, run_id)]
    assert told == [
        ("show", "of a test, admin)", 60),
        ("events", "of a test, admin)", 60),
        ("show", "of a test, viewer)", 60),
    ]


def test_what_is_refused_is_an_entry_too(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    viewer = served.key(Role.VIEWER, room.name)
    for _ in range(3):
        refused = served.ask("POST", f"{room.path}/runs/{run_id}/exports", viewer, json={})
        assert refused.status_code == 403
    entries = [entry for entry in log(room, run_id) if entry["outcome"] == "refused"]
    assert [(entry["action"], entry["actor"].partition("(")[2]) for entry in entries] == [
        ("export_run", "of a test, viewer)")
    ]
    unknown = "run_20260101_000000_00000"
    assert served.ask("POST", f"{room.path}/runs/{unknown}/exports", viewer, json={}).status_code == 403


def test_entries_outlive_a_run_that_is_discarded(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.begin()
    room.ask("GET", f"/runs/{run_id}").raise_for_status()
    room.ask("POST", f"/runs/{run_id}/discard", json={"reason": "a typo"}).raise_for_status()
    assert [entry["action"] for entry in log(room, run_id)] == ["show", "discard"]
    assert log(room, run_id)[1]["actor"] is not None


def test_the_log_is_read_by_pages_newest_first(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    for _ in range(6):
        room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()
    pages, after = [], None
    while True:
        params = {"limit": 3} | ({} if after is None else {"after": after})
        page = room.ask("GET", "/accesses", params=params).json()
        pages.append([entry["entry"] for entry in page["accesses"]])
        if (after := page["next"]) is None:
            break
    assert list(map(len, pages)) == [3, 3, 1]
    assert [place for page in pages for place in page] == [6, 5, 4, 3, 2, 1, 0]
    unknown = {"run_id": "run_20260101_000000_00000"}
    assert room.ask("GET", "/accesses", params=unknown).status_code == 404


def test_whoever_keeps_a_head_proves_that_the_log_continues_it(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    before = head(room).head
    room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()
    after = head(room).head
    proof = room.ask("GET", "/accesses/consistency", params={"old": before.size}).json()
    hashes = [bytes.fromhex(each) for each in proof["proof"]]
    verify_consistency(before.size, after.size, before.root, after.root, hashes)
    assert (proof["new"], proof["new_root"]) == (after.size, after.root.hex())
    assert room.ask("GET", "/accesses/consistency", params={"old": 99}).status_code == 422
    assert after.origin.endswith("/accesses")


def test_the_head_is_over_the_bytes_that_anyone_can_fetch(served: Served) -> None:
    room = served.new_workspace()
    room.sealed()
    signed = head(room).head
    lines = room.ask("GET", "/accesses/entries", params={"limit": signed.size}).content.splitlines()
    assert root_hash(map(leaf_hash, lines)) == signed.root
    assert not any(word in b"".join(lines) for word in (b"127.0.0.1", b"of a test"))


def test_names_are_erased_and_the_log_holds_on(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    other = served.key(Role.VIEWER, room.name)
    served.ask("GET", f"{room.path}/runs/{run_id}", other).raise_for_status()
    before = head(room).head
    name = log(room, run_id)[-1]["actor"]
    assert room.ask("POST", "/accesses/erase", json={"value": name}).json() == {"erased": 1}
    assert [entry["actor"] for entry in log(room, run_id)][-1] is None
    assert room.ask("POST", "/accesses/erase", json={"run_id": run_id}).json()["erased"] > 0
    assert {entry["actor"] for entry in log(room, run_id)} == {None}
    after = head(room).head
    proof = room.ask("GET", "/accesses/consistency", params={"old": before.size}).json()["proof"]
    verify_consistency(before.size, after.size, before.root, after.root, [bytes.fromhex(each) for each in proof])
    for wrong in ({}, {"value": "x", "run_id": run_id}):
        assert room.ask("POST", "/accesses/erase", json=wrong).status_code == 422


def test_a_workspace_sees_no_entry_of_another(served: Served, sealed: tuple[Room, str, str]) -> None:
    _, run_id, _ = sealed
    room = served.new_workspace()
    assert room.ask("GET", "/accesses", params={"run_id": run_id}).status_code == 404
    assert room.ask("GET", "/accesses/entries").text == ""
    assert room.ask("POST", "/accesses/erase", json={"run_id": run_id}).json() == {"erased": 0}


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[tuple[Room, str]]:
    """A server whose access log takes nothing any more."""
    with serving(tmp_path) as served:
        room = served.new_workspace()
        run_id = room.sealed()
        with closing(sqlite3.connect(served.settings.store_path)) as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON accesses BEGIN SELECT RAISE(ABORT, 'full'); END")
        yield room, run_id


def test_what_cannot_be_kept_is_not_shown(broken: tuple[Room, str]) -> None:
    room, run_id = broken
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/events", "/runs"):
        refused = room.ask("GET", path)
        assert refused.status_code == 503
        assert set(refused.json()) == {"type", "title", "status", "detail", "number"}
    assert room.ask("GET", "/ledger/head").status_code == 200


def test_what_was_done_stays_done_where_it_cannot_be_kept(broken: tuple[Room, str]) -> None:
    room, run_id = broken
    assert room.ask("POST", f"/runs/{run_id}/seal").status_code == 200


CALLER = Caller("token", "api_key", frozenset(), "192.0.2.1")


def test_those_who_look_at_once_share_a_transaction_and_each_waits_for_it() -> None:
    written: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def write(looks: list[Look]) -> None:
        first.set()
        go_on.wait(10)
        written.append(len(looks))

    seen = Seen(write)
    threads = [
        threading.Thread(target=seen.once, args=(CALLER, None, f"{number}", None, "allowed"), daemon=True)
        for number in range(20)
    ]
    threads[0].start()
    first.wait(10)
    for thread in threads[1:]:
        thread.start()
    by = time.monotonic() + 10
    while len(seen.waiting) < 19 and time.monotonic() < by:
        time.sleep(0.01)
    assert written == []
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert written == [1, 19]


def test_where_a_transaction_fails_all_who_waited_for_it_are_told_and_the_next_goes_on() -> None:
    failing = [True]

    def write(looks: list[Look]) -> None:
        if failing[0]:
            raise StoreError("the disk is full")

    seen = Seen(write)
    for _ in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            seen.once(CALLER, None, "show", None, "allowed")
    failing[0] = False
    seen.once(CALLER, None, "show", None, "allowed")
