"""Whatever anybody writes into a record, a form or an address stays text."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from cognify_core.server.roles import Role
from cognify_core.server.tokens import issue
from tests.server.hostile import HOSTILE, finish, hostile_run, what_pages_never_hold
from tests.server.serving import Room

STATES = ("RUNNING", "COMPLETED", "AUDIT_SEALED")


def hostile_key(room: Room) -> str:
    """A key whose label is hostile too."""
    return issue(room.served.store, Role.ADMIN, workspace=room.name, label=HOSTILE, created_by=HOSTILE, days=1).key


@pytest.mark.parametrize("status", STATES)
def test_nothing_of_a_record_becomes_markup(room: Room, status: str) -> None:
    run_id, key = hostile_run(room), hostile_key(room)
    if status != "RUNNING":
        finish(room, run_id, seal=status == "AUDIT_SEALED")
    paths = ["/runs", f"/runs/{run_id}", f"/runs/{run_id}/state"]
    paths += [f"/runs/{run_id}/seal"] if status == "COMPLETED" else []
    paths += [f"/runs/{run_id}/note", f"/runs/{run_id}/attestation"] if status == "AUDIT_SEALED" else []
    for path in paths:
        answer = room.served.ask("GET", f"/w/{room.name}{path}", key)
        assert answer.status_code == 200, answer.text
        assert what_pages_never_hold(answer.text) == []
        assert "<img" not in answer.text.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(answer.text)
        assert "{{7*7}}" in answer.text or "/state" in path


def test_nothing_that_a_form_or_an_address_says_becomes_markup(room: Room) -> None:
    run_id = hostile_run(room)
    finish(room, run_id, seal=True)
    there = f"/w/{room.name}/runs"
    said = {"text": " ", "claim": HOSTILE, "by": HOSTILE[:200], "kind": HOSTILE[:200], "subject": HOSTILE[:200]}
    answers = [
        room.served.ask("GET", f"{there}?text={quote(HOSTILE[:190])}&project={quote(HOSTILE[:190])}", room.key),
        room.served.ask("GET", f"{there}?status={quote(HOSTILE)}", room.key),
        room.served.ask("GET", f"/w/{quote(HOSTILE[:90], safe='')}/runs", room.key),
        room.served.ask("GET", f"{there}/{quote(HOSTILE, safe='')}", room.key),
        room.served.ask("GET", f"{there}?done={quote(HOSTILE)}", room.key),
        *(room.served.ask("POST", f"{there}/{run_id}/{form}", room.key, data=said) for form in ("note", "attestation")),
        room.served.ask("POST", f"{there}/{run_id}/packages", room.key, data={"kind": HOSTILE[:90]}),
        room.served.ask("POST", f"{there}/{run_id}/verification", room.key),
    ]
    assert [answer.status_code for answer in answers] == [200, 422, 404, 404, 200, 422, 422, 422, 200]
    for answer in answers:
        assert what_pages_never_hold(answer.text) == []


def test_markup_of_others_would_be_found() -> None:
    assert len(what_pages_never_hold("<script>x</script><a href=javascript:x><p onclick=x style=x><img src=//x>")) == 6
