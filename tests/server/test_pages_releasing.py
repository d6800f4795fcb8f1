"""The released run: proposed by one person, approved by another, and every refusal explained."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from cognify_core.model.events import Attestation, Body, Release, parse_event
from cognify_core.server.roles import Role
from tests.server.hostile import HOSTILE, finish, hostile_run, what_pages_never_hold
from tests.server.serving import Room
from tests.server.test_pages import see
from tests.server.test_pages_compliance import rows_of
from tests.server.test_pages_run import ended, sealed, send

PROPOSAL = {"reason": "It is better\non every group.", "by": "Tim Trainer", "role": "engineer", "ran_by": "Tim Trainer"}
APPROVAL = {"approved_by": "Ada Person", "role": "DPO"}
REFUSAL = {"reason": "It fails on negation.", "by": "Ada Person", "role": "DPO"}


def key(room: Room, role: Role = Role.COMPLIANCE) -> str:
    """Of somebody else than whoever has the room's own key."""
    return room.served.key(role, room.name)


def propose(room: Room, run_id: str, sender: str | None = None, /, **changes: str) -> httpx.Response:
    return send(room, f"/runs/{run_id}/release/proposal", sender, **(PROPOSAL | changes))


def approve(room: Room, run_id: str, sender: str, /, **changes: str) -> httpx.Response:
    return send(room, f"/runs/{run_id}/release/approval", sender, **(APPROVAL | changes))


def said(room: Room, run_id: str) -> list[Body]:
    """What the addenda of a run say."""
    store = room.served.store
    events = [event for row in store.addenda(run_id) for event in store.events(row.run_id)]
    return [body for body in (parse_event(event).body for event in events) if isinstance(body, Attestation | Release)]


def test_a_run_is_proposed_by_one_person_and_released_by_another(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    answer = propose(room, run_id, market_date="2026-12-01")
    assert answer.headers["location"] == f"/w/{room.name}/runs/{run_id}/release?done=proposed"
    waiting = see(room, f"/runs/{run_id}/release?done=proposed", second)
    for text in ("It is better\non every group.", "Tim Trainer, engineer", "Waits for a second person", "2026-12-01"):
        assert text in waiting
    assert approve(room, run_id, second).headers["location"].endswith("/release?done=released")
    proposed, released = said(room, run_id)
    assert isinstance(proposed, Attestation)
    assert isinstance(released, Release)
    assert (proposed.by, proposed.form, proposed.facts) == (
        "Tim Trainer",
        "release_proposed",
        {"ran_by": "Tim Trainer", "market_date": "2026-12-01"},
    )
    assert (released.approved_by, released.role, released.ran_by) == ("Ada Person", "DPO", "Tim Trainer")
    assert (released.market_date, released.meaning) == ("2026-12-01", "approved for release")
    assert [row.status.value for row in room.served.store.addenda(run_id)] == ["AUDIT_SEALED"] * 2
    actions = [entry["action"] for entry in room.ask("GET", "/accesses").json()["accesses"]]
    assert {"propose_release", "release"} <= set(actions)


def test_a_release_is_shown_on_the_runs_page_in_the_matrix_and_in_the_projects_row(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    assert "Waits for a second person" not in see(room, f"/runs/{run_id}")
    propose(room, run_id)
    for path in (f"/runs/{run_id}", "/compliance?project=p"):
        assert "Waits for a second person" in see(room, path)
    assert rows_of(see(room, f"/runs/{run_id}/compliance"))["hipaa/164.308(a)(3)(ii)(A)"] == "missing"
    approve(room, run_id, second)
    shown = see(room, f"/runs/{run_id}")
    assert "approved by Ada Person (DPO)" in shown
    assert "Waits for a second person" not in shown
    matrix = see(room, "/compliance?project=p")
    assert ("approved by Ada Person" in matrix, ", released</span>" in matrix) == (True, True)
    assert "this one" in see(room, "/compliance")
    assert rows_of(see(room, f"/runs/{run_id}/compliance"))["hipaa/164.308(a)(3)(ii)(A)"] == "complete"


def test_a_later_release_supersedes_the_one_before_and_the_history_stays(room: Room) -> None:
    first, last, second = sealed(room), sealed(room), key(room)
    for run_id in (first, last):
        propose(room, run_id)
        approve(room, run_id, second)
    released = said(room, last)[-1]
    assert isinstance(released, Release)
    assert released.supersedes == first
    assert "Superseded" in see(room, f"/runs/{first}/release")
    assert re.findall(r"<code>(run_\w+)</code></a></th>", see(room, f"/runs/{first}/release")) == [last, first]
    assert "Released before" in see(room, "/compliance?project=p")
    propose(room, first)  # back to the one before
    assert approve(room, first, second).status_code == 303
    assert "Superseded" in see(room, f"/runs/{last}/release")


def test_nobody_approves_what_they_proposed_themselves(room: Room) -> None:
    run_id = sealed(room)
    propose(room, run_id)
    shown = see(room, f"/runs/{run_id}/release")
    assert "You cannot approve it: you proposed it yourself" in shown
    assert "/release/approval" not in shown
    refused = approve(room, run_id, room.key)
    assert (refused.status_code, "a second person, signed in as somebody else" in refused.text) == (422, True)
    assert len(said(room, run_id)) == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tim  TRAINER", "proposed it: a release is approved by a second person"),
        ("Runa", "Runa ran it: a run is released by somebody else than who ran it"),
    ],
)
def test_a_second_person_has_another_name_than_who_proposed_or_ran_it(room: Room, name: str, told: str) -> None:
    run_id, second = sealed(room), key(room)
    propose(room, run_id, ran_by="Runa")
    refused = approve(room, run_id, second, approved_by=name)
    assert (refused.status_code, told in unescape(refused.text)) == (422, True), refused.text
    assert f'value="{name}"' in refused.text
    assert len(said(room, run_id)) == 1


def test_whoever_began_a_run_at_the_server_does_not_release_it(room: Room) -> None:
    run_id = sealed(room)  # begun with the room's own key
    propose(room, run_id, key(room))
    refused = approve(room, run_id, room.key)
    assert (refused.status_code, "you began this run" in refused.text) == (422, True)


def test_a_proposal_whose_sender_was_erased_is_to_be_made_anew(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    propose(room, run_id)
    room.ask("POST", "/accesses/erase", json={"run_id": run_id}).raise_for_status()
    refused = approve(room, run_id, second)
    assert (refused.status_code, "propose it anew" in refused.text) == (422, True)
    assert send(room, f"/runs/{run_id}/release/refusal", **REFUSAL).status_code == 303
    propose(room, run_id)
    assert approve(room, run_id, second).status_code == 303


def test_an_attestation_that_looks_like_a_proposal_is_approved_by_nobody(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    forged = {"claim": "c", "by": "Somebody", "role": "r", "form": "release_proposed"}
    room.ask("POST", f"/runs/{run_id}/attestations", json=forged).raise_for_status()
    assert approve(room, run_id, second).status_code == 422


def test_a_proposal_is_declined_with_a_reason_and_can_be_made_anew(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    propose(room, run_id)
    answer = send(room, f"/runs/{run_id}/release/refusal", second, **REFUSAL)
    assert answer.headers["location"].endswith("?done=declined")
    declined = said(room, run_id)[-1]
    assert isinstance(declined, Attestation)
    assert (declined.form, declined.claim, declined.by) == ("release_declined", "It fails on negation.", "Ada Person")
    assert approve(room, run_id, second).status_code == 409
    assert "It fails on negation." in see(room, f"/runs/{run_id}")
    assert propose(room, run_id).status_code == 303


def test_what_cannot_be_done_now_is_refused_and_explained(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    for path, fields in (("approval", APPROVAL), ("refusal", REFUSAL)):
        answer = send(room, f"/runs/{run_id}/release/{path}", second, **fields)
        assert (answer.status_code, "Nobody has proposed" in answer.text) == (409, True)
    propose(room, run_id)
    assert (propose(room, run_id).status_code, "has proposed it already" in propose(room, run_id).text) == (409, True)
    approve(room, run_id, second)
    again = propose(room, run_id)
    assert (again.status_code, "It is the released run already" in again.text) == (409, True)
    assert "/release/proposal" not in see(room, f"/runs/{run_id}/release")
    for open_ in (ended(room), room.served.store.addenda(run_id)[0].run_id):
        assert room.served.ask("GET", f"/w/{room.name}/runs/{open_}/release", room.key).status_code == 409
        assert propose(room, open_).status_code == 409


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("reason", " ", "this is needed"),
        ("role", "", "this is needed"),
        ("market_date", "soon", "a day is written 2026-11-29"),
        ("by", "x" * 201, "String should have at most 200 characters"),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_what_was_written(room: Room, name: str, value: str, told: str) -> None:
    run_id = sealed(room)
    answer = propose(room, run_id, **{name: value})
    assert (answer.status_code, "Nothing was recorded." in answer.text) == (422, True)
    assert f'id="h-{name}"><strong>{told}' in answer.text
    assert f'value="{PROPOSAL["ran_by"]}"' in answer.text
    assert said(room, run_id) == []


@pytest.mark.parametrize("role", list(Role))
def test_who_may_propose_and_who_may_approve(room: Room, role: Role) -> None:
    run_id, mine = sealed(room), key(room, role)
    may_say, may_keep = role not in (Role.VIEWER, Role.AUDITOR), role in (Role.COMPLIANCE, Role.ADMIN)
    assert ("/release/proposal" in see(room, f"/runs/{run_id}/release", mine)) == may_say
    assert propose(room, run_id, mine).status_code == (303 if may_say else 403)
    if not may_say:
        propose(room, run_id)
    other = key(room, role)
    assert ("/release/approval" in see(room, f"/runs/{run_id}/release", other)) == may_keep
    assert approve(room, run_id, other).status_code == (303 if may_keep else 403)


def test_nothing_of_another_workspace_is_shown_or_released(room: Room) -> None:
    elsewhere = room.served.new_workspace()
    theirs, ours = sealed(elsewhere), sealed(room)
    propose(elsewhere, theirs)
    approve(elsewhere, theirs, key(elsewhere), approved_by="Elsewhere")
    assert room.served.ask("GET", f"/w/{room.name}/runs/{theirs}/release", room.key).status_code == 404
    assert propose(room, theirs).status_code == 404
    for path in (f"/runs/{ours}/release", "/compliance", "/compliance?project=p"):
        assert "Elsewhere" not in see(room, path)


def test_nothing_that_anybody_wrote_becomes_markup(room: Room) -> None:
    run_id, second = hostile_run(room), key(room)
    finish(room, run_id, seal=True)
    hostile = HOSTILE[:200]
    there = f"/w/{room.name}/runs/{run_id}/release"
    answers = [room.served.ask("GET", there, room.key), propose(room, run_id, by=hostile, role=hostile, reason=" ")]
    assert propose(room, run_id, by=hostile, role=hostile, reason=HOSTILE, ran_by=hostile).status_code == 303
    answers += [room.served.ask("GET", there, second), approve(room, run_id, second, approved_by=hostile)]
    assert approve(room, run_id, second, role=hostile, meaning=HOSTILE).status_code == 303
    answers += [room.served.ask("GET", there, second)]
    answers += [room.served.ask("GET", f"/w/{room.name}/{path}", second) for path in (f"runs/{run_id}", "compliance")]
    assert [answer.status_code for answer in answers] == [200, 422, 200, 422, 200, 200, 200]
    for answer in answers:
        assert what_pages_never_hold(answer.text) == []
        assert "<img" not in answer.text.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(answer.text)


def test_programs_propose_and_approve_by_the_same_functions(room: Room) -> None:
    run_id, second = sealed(room), key(room)
    path = f"{room.path}/runs/{run_id}/release"
    proposed = room.ask("POST", f"/runs/{run_id}/release/proposal", json=PROPOSAL)
    assert (proposed.status_code, proposed.json()["amends"]) == (201, run_id)
    assert room.ask("POST", f"/runs/{run_id}/release/approval", json=APPROVAL).status_code == 422
    approved = room.served.ask("POST", f"{path}/approval", second, json=APPROVAL)
    assert (approved.status_code, approved.json()["approved_by"], approved.json()["run_id"]) == (
        201,
        "Ada Person",
        run_id,
    )
    assert room.ask("POST", f"/runs/{run_id}/release/refusal", json=REFUSAL).status_code == 409
    addendum = proposed.json()["run_id"]
    assert room.ask("POST", f"/runs/{addendum}/release/proposal", json=PROPOSAL).status_code == 409
