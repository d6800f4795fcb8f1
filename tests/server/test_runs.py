"""A run over REST, from its first event to its package; and what a sealed one refuses."""

from __future__ import annotations

import gzip
import os
from datetime import timedelta
from hashlib import sha256

import pytest

from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.names import new_run_id, stamp_time, utc_now
from cognify_core.server.roles import Role
from cognify_core.store.tenancy import Arrival
from tests.server.serving import Room, Served, line, metric, opening

UNKNOWN = "run_20260101_000000_00000"


def test_a_run_is_begun_written_finished_sealed_and_exported(room: Room) -> None:
    run_id = room.begin(name="first")
    appended = room.append(run_id, *(metric(number) for number in range(10))).json()
    record = room.ask("GET", f"/runs/{run_id}/events").content.splitlines()
    assert (appended["size"], appended["root"]) == (11, root_hash(map(leaf_hash, record)).hex())
    assert room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).json()["status"] == "COMPLETED"
    seal = room.ask("POST", f"/runs/{run_id}/seal").json()
    record = room.ask("GET", f"/runs/{run_id}/events").content.splitlines()
    assert (seal["size"], seal["complete"]) == (12, True)
    assert seal["root"] == root_hash(map(leaf_hash, record)).hex()
    made = room.ask("POST", f"/runs/{run_id}/exports", json={"format": "json"})
    assert made.status_code == 201
    package = room.ask("GET", f"/runs/{run_id}/exports/{made.json()['package_hash']}")
    assert f"sha256:{sha256(package.content).hexdigest()}" == made.json()["package_hash"]
    checked = room.ask("POST", "/verify", content=package.content).json()
    assert (checked["exit_code"], checked["run_id"]) == (0, run_id)
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0


def test_a_run_says_which_workspace_it_is_of(room: Room) -> None:
    run_id = room.begin()
    first = room.ask("GET", f"/runs/{run_id}/events").content
    assert f'"workspace":"{room.name}"'.encode() in first
    other = room.ask("POST", "/runs", json=opening(new_run_id(utc_now(), os.urandom(3)), workspace="default"))
    assert other.status_code == 409


def test_what_is_sent_twice_is_taken_once(room: Room) -> None:
    new = opening(new_run_id(utc_now(), os.urandom(3)))
    first, again = (room.ask("POST", "/runs", json=new) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    lines = [metric(number) for number in range(5)]
    sizes = [room.append(new["run_id"], *lines[:end]).json()["size"] for end in (3, 3, 5, 2)]
    assert sizes == [4, 4, 6, 6]


def test_another_event_under_a_counter_that_was_used_is_refused(room: Room) -> None:
    run_id = room.begin()
    room.append(run_id, metric(0)).raise_for_status()
    refused = room.append(run_id, line({"kind": "note", "text": "other"}, 0))
    assert refused.status_code == 409
    assert "two different events" in refused.json()["detail"]


def test_a_run_is_written_by_whoever_has_its_secret_alone(room: Room) -> None:
    run_id = room.begin()
    for secret in ("x" * 40, ""):
        refused = room.ask("POST", f"/runs/{run_id}/events", content=metric(0), headers={"Cognify-Run-Secret": secret})
        assert refused.status_code == 403
    assert room.served.ask("POST", f"{room.path}/runs/{run_id}/events", room.key, content=metric(0)).status_code == 422
    stolen = opening(run_id) | {"secret": "y" * 40}
    assert room.ask("POST", "/runs", json=stolen).status_code == 409
    assert room.ask("GET", f"/runs/{run_id}").json()["size"] == 1


def test_a_body_may_be_gzip(room: Room) -> None:
    run_id = room.begin()
    packed = gzip.compress(b"\n".join(metric(number) for number in range(500)))
    response = room.ask("POST", f"/runs/{run_id}/events", content=packed, headers={"Content-Encoding": "gzip"})
    assert response.json()["size"] == 501


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no json", "line 1: not JSON"),
        (metric(0) + b"\n{}", "line 2: neither a draft nor a manifest"),
        (line({"kind": "nonsense"}, 0), "line 1: not an event"),
        (line({"kind": "note", "text": "x"}, -1), "a counter is a whole number"),
        (line({"kind": "note", "text": "x"}, 0, writer=""), "a writer is named"),
        (b'{"manifest":"?"}', "neither a draft nor a manifest"),
        (b"[" * 5000, "line 1: not acceptable JSON: it is nested too deep"),
    ],
)
def test_lines_that_are_none_are_named_and_nothing_of_the_request_is_taken(
    room: Room, content: bytes, told: str
) -> None:
    run_id = room.begin()
    refused = room.append(run_id, content)
    assert refused.status_code == 422
    assert told in refused.json()["detail"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert room.ask("GET", f"/runs/{run_id}").json()["size"] == 1


def test_a_sealed_run_refuses_every_write(room: Room) -> None:
    run_id = room.sealed()
    before = room.ask("GET", f"/runs/{run_id}/events").content
    assert room.append(run_id, metric(99)).status_code == 409
    assert room.ask("POST", f"/runs/{run_id}/discard", json={"reason": "x"}).status_code == 409
    assert room.ask("POST", f"/runs/{run_id}/finish", json={"status": "FAILED"}).json()["status"] == "AUDIT_SEALED"
    first, again = (room.ask("POST", f"/runs/{run_id}/seal").json() for _ in range(2))
    assert first == again
    assert room.ask("GET", f"/runs/{run_id}/events").content == before


def test_a_run_is_sealed_also_where_the_servers_clock_was_set_back_while_it_arrived(room: Room) -> None:
    run_id = room.begin()
    room.append(run_id, metric(0)).raise_for_status()
    room.served.store.put_arrival(run_id, Arrival(3, stamp_time(utc_now() - timedelta(minutes=5))))
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
    assert room.ask("POST", f"/runs/{run_id}/seal").status_code == 200
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0


def test_a_run_that_goes_on_is_neither_sealed_nor_exported(room: Room) -> None:
    run_id = room.begin()
    assert room.ask("POST", f"/runs/{run_id}/seal").status_code == 409
    assert room.ask("POST", f"/runs/{run_id}/exports", json={}).status_code == 409


def test_a_record_that_ends_with_an_untrue_count_is_not_sealed_and_can_be_discarded(room: Room) -> None:
    run_id = room.begin()
    closing = {"kind": "run_closed", "status": "COMPLETED", "complete": True, "counts": {"run_opened": 1, "metrics": 7}}
    room.append(run_id, metric(0), line(closing, 1)).raise_for_status()
    refused = room.ask("POST", f"/runs/{run_id}/seal")
    assert (refused.status_code, "counted 7 metrics events, and there are 1" in refused.text) == (409, True)
    assert room.ask("GET", f"/runs/{run_id}").json()["status"] == "COMPLETED"
    room.ask("POST", f"/runs/{run_id}/discard", json={"reason": "it does not add up"}).raise_for_status()


def test_nobody_who_records_speaks_for_what_the_server_saw(room: Room) -> None:
    run_id = room.begin()
    looked = {"kind": "access", "at": "2026-11-29T12:00:00.000000Z", "action": "show", "actor": f"sha256:{'0' * 64}"}
    refused = room.append(run_id, line(looked | {"observed_by": "server"}, 0))
    assert (refused.status_code, "what this server has seen" in refused.text) == (422, True)
    room.append(run_id, line(looked | {"observed_by": "machine"}, 0)).raise_for_status()


def test_a_run_that_was_never_sealed_is_discarded_with_a_reason(room: Room) -> None:
    run_id = room.begin()
    assert room.ask("POST", f"/runs/{run_id}/discard", json={}).status_code == 422
    assert room.ask("POST", f"/runs/{run_id}/discard", json={"reason": "a typo"}).json()["reason"] == "a typo"
    gone = room.ask("GET", f"/runs/{run_id}")
    assert gone.status_code == 404
    assert "a typo" in gone.json()["detail"]


def test_notes_and_attestations_go_into_addenda(room: Room) -> None:
    run_id = room.sealed()
    noted = room.ask("POST", f"/runs/{run_id}/notes", json={"text": "fails on negation", "kind": "limitation"})
    attested = room.ask("POST", f"/runs/{run_id}/attestations", json={"claim": "seen", "by": "A", "role": "QA"})
    assert (noted.status_code, attested.status_code) == (201, 201)
    addenda = room.ask("GET", f"/runs/{run_id}/addenda").json()
    assert [(each["ordinal"], each["status"]) for each in addenda] == [(1, "AUDIT_SEALED"), (2, "AUDIT_SEALED")]
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0
    assert room.ask("POST", f"/runs/{addenda[0]['run_id']}/notes", json={"text": "x"}).status_code == 409


def test_a_run_or_package_that_is_not_there_is_not_found(room: Room) -> None:
    sealed = room.sealed()
    for path in (f"/runs/{UNKNOWN}", "/runs/..%2F..%2Fetc", f"/runs/{sealed}/exports/sha256:{'0' * 64}"):
        assert room.ask("GET", path).status_code == 404
    assert room.ask("POST", f"/runs/{UNKNOWN}/events", content=metric(0)).status_code == 404


def test_an_unknown_template_is_refused_with_those_that_exist(room: Room) -> None:
    refused = room.ask("POST", f"/runs/{room.sealed()}/exports", json={"format": "json", "template": "nonsense"})
    assert refused.status_code == 422
    assert "eu_ai_act" in refused.json()["detail"]


def test_runs_are_listed_by_pages_that_do_not_shift(room: Room) -> None:
    begun = [room.begin(name=f"n{number}", project=f"p{number % 2}") for number in range(7)]
    first = room.ask("GET", "/runs", params={"limit": 3}).json()
    room.begin(name="later")
    second = room.ask("GET", "/runs", params={"limit": 3, "after": first["next"]}).json()
    third = room.ask("GET", "/runs", params={"limit": 3, "after": second["next"]}).json()
    listed = [run["run_id"] for page in (first, second, third) for run in page["runs"]]
    assert (sorted(listed), third["next"]) == (sorted(begun), None)
    named = room.ask("GET", "/runs", params={"text": "N3"}).json()["runs"]
    assert [run["name"] for run in named] == ["n3"]
    assert len(room.ask("GET", "/runs", params={"project": "p1"}).json()["runs"]) == 3
    assert room.ask("GET", "/runs", params={"after": UNKNOWN}).status_code == 404


@pytest.mark.parametrize("since", ["2026-13", "2026-00-01", "2026-01-32", "2026-01-01T24:00Z", "2026-01-01T12:60"])
def test_a_day_that_no_calendar_has_is_refused_and_not_passed_over(room: Room, since: str) -> None:
    assert room.ask("GET", "/runs", params={"since": since}).status_code == 422


@pytest.mark.parametrize("since", ["2026", "2026-11", "2026-11-29", "2026-11-29T12:00Z", "2026-11-29T12:00:59.5Z"])
def test_the_beginning_of_a_time_is_enough(room: Room, since: str) -> None:
    assert room.ask("GET", "/runs", params={"since": since}).status_code == 200


def test_runs_are_found_by_how_they_stand(room: Room) -> None:
    sealed, running, failed = room.sealed(), room.begin(), room.begin()
    room.ask("POST", f"/runs/{failed}/finish", json={"status": "FAILED"}).raise_for_status()
    expected = {"AUDIT_SEALED": [sealed], "RUNNING": [running], "FAILED": [failed], "COMPLETED": []}
    for status, run_ids in expected.items():
        found = room.ask("GET", "/runs", params={"status": status}).json()["runs"]
        assert [run["run_id"] for run in found] == run_ids


def test_whoever_ran_a_run_is_looked_for_by_those_who_may_see_people(room: Room) -> None:
    begun = room.begin()
    for person, found in (("of a test", [begun]), ("nobody", [])):
        shown = room.ask("GET", "/runs", params={"person": person}).json()["runs"]
        assert [run["run_id"] for run in shown] == found
    viewer = Room(room.served, room.name, room.served.key(Role.VIEWER, room.name))
    assert viewer.ask("GET", "/runs", params={"person": "nobody"}).status_code == 403


def test_the_ledger_lists_what_was_begun_and_proves_what_was_sealed(room: Room) -> None:
    sealed, running = room.sealed(), room.begin()
    assert [run["run_id"] for run in room.ask("GET", "/ledger/open").json()] == [running]
    assert room.ask("GET", f"/ledger/proof/{sealed}").text.startswith("c2sp.org/tlog-proof")
    head = room.ask("GET", "/ledger/head").text.splitlines()
    told = room.ask("GET", "/ledger/consistency", params={"old": 1}).json()
    assert told["new"] == int(head[1])
    assert room.ask("GET", "/ledger/consistency", params={"old": 99}).status_code == 422
    tile = room.ask("GET", f"/ledger/tile/0/000.p/{told['new']}")
    assert len(tile.content) == 32 * told["new"]
    for path in ("0/000", "0/../000", "9/000", "entries/001", "0/000.p/0"):
        assert room.ask("GET", f"/ledger/tile/{path}").status_code == 404


def test_each_workspace_has_a_ledger_and_keys_of_its_own(served: Served) -> None:
    one, other = served.new_workspace(), served.new_workspace()
    one.sealed()
    keys = [each.ask("GET", "/ledger/key").json() for each in (one, other)]
    assert keys[0]["log"] != keys[1]["log"]
    assert keys[0]["key_id"] != keys[1]["key_id"]
    assert other.ask("GET", "/ledger/head").text.splitlines()[1] == "0"
