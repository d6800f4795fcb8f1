"""What several people say of a sealed run at once, and what somebody has left half said."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from cognify_core.api.workspace import Workspace
from cognify_core.model.events import Note
from cognify_core.record.owner import this_process
from cognify_core.server.roles import Role
from tests.server.serving import Room, Served

AT_ONCE = 5
PROPOSAL = {"reason": "It is better.", "by": "Tim Trainer", "role": "engineer", "ran_by": "Tim Trainer"}


def together(*requests: Callable[[], httpx.Response]) -> list[int]:
    """The statuses of what is asked in the same moment."""
    ready = threading.Barrier(len(requests))

    def send(request: Callable[[], httpx.Response]) -> int:
        ready.wait()
        return request().status_code

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


def note(room: Room, run_id: str, text: str = "x") -> httpx.Response:
    return room.ask("POST", f"/runs/{run_id}/notes", json={"text": text})


def statuses(room: Room, run_id: str) -> list[str]:
    return [row["status"] for row in room.ask("GET", f"/runs/{run_id}/addenda").json()]


def left_half_said(room: Room, run_id: str, *, dead: bool) -> str:
    """An addendum that a process has begun and not ended."""
    workspace: Workspace = room.served.app.state.rooms.find(room.name)
    addendum = workspace.open_addendum(run_id, os.urandom(16))
    addendum.run.say(Note(text="half", note_kind="general"))
    if dead:
        workspace.store.set_owner(addendum.id, replace(this_process(), started="0"))
    return addendum.id


def test_those_who_say_something_of_a_run_at_once_are_all_heard(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    said = [lambda number=number: note(room, run_id, f"note {number}") for number in range(AT_ONCE)]
    assert together(*said) == [201] * AT_ONCE
    assert statuses(room, run_id) == ["AUDIT_SEALED"] * AT_ONCE
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0


def test_what_a_process_that_died_left_half_said_is_sealed_and_keeps_nobody_from_saying_more(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    half = left_half_said(room, run_id, dead=True)
    assert note(room, run_id).status_code == 201
    first, second = room.ask("GET", f"/runs/{run_id}/addenda").json()
    assert (first["run_id"], first["status"], first["complete"]) == (half, "AUDIT_SEALED", False)
    assert (second["status"], second["complete"]) == ("AUDIT_SEALED", True)


def test_what_somebody_still_says_is_not_ended_for_them(served: Served) -> None:
    room = served.new_workspace()
    run_id = room.sealed()
    half = left_half_said(room, run_id, dead=False)
    refused = note(room, run_id)
    assert (refused.status_code, f"{half}, an addendum to {run_id}, is RUNNING" in refused.text) == (409, True)


@pytest.mark.parametrize("other", ["refusal", "approval"])
def test_of_two_who_decide_on_a_proposal_at_once_one_does(served: Served, other: str) -> None:
    room = served.new_workspace()
    keys = [served.key(Role.COMPLIANCE, room.name) for _ in range(2)]
    decided = {
        "approval": {"approved_by": "Ada Person", "role": "DPO"},
        "refusal": {"reason": "It fails on negation.", "by": "Eve Person", "role": "DPO"},
    }

    def decide(run_id: str, what: str, key: str) -> httpx.Response:
        path = f"{room.path}/runs/{run_id}/release/{what}"
        return served.ask("POST", path, key, json=decided[what])

    for _ in range(4):
        run_id = room.sealed()
        room.ask("POST", f"/runs/{run_id}/release/proposal", json=PROPOSAL).raise_for_status()
        ways = [
            lambda run_id=run_id: decide(run_id, "approval", keys[0]),
            lambda run_id=run_id: decide(run_id, other, keys[1]),
        ]
        assert sorted(status // 100 for status in together(*ways)) == [2, 4]
        assert len(statuses(room, run_id)) == 2
