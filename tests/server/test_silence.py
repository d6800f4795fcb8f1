"""Runs whose training never comes back: closed by others after a long silence, and never before."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.api.remote import RemoteWorkspace
from cognify_core.capture.tree import TREE_FORMAT
from cognify_core.errors import ServerRefusedError
from cognify_core.model.events import Draft, Gap, RunClosed, parse_body, parse_event
from cognify_core.model.names import new_run_id, stamp_time, utc_now, whole_seconds
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, this_process
from cognify_core.seal.ledger import opened_leaf
from cognify_core.server.roles import Role
from cognify_core.server.tokens import digest
from cognify_core.store.tenancy import Arrival
from tests import factories
from tests.server.browsing import Browser, field_of
from tests.server.serving import SECRET, Room, Served, metric, opening, serving
from tests.server.test_pages import see
from tests.server.test_pages_run import bodies, send
from tests.server.test_remote import here, longer  # noqa: F401 - a fixture

BUTTON = "Close as interrupted"


def ago(hours: float) -> str:
    return stamp_time(utc_now() - timedelta(hours=hours))


def silent(room: Room, hours: float, *more: dict[str, Any]) -> tuple[str, str]:
    """A run that was begun over REST an hour before the last of it arrived, that long ago; and when that was."""
    new, since = opening(new_run_id(utc_now(), os.urandom(3))), ago(hours)
    run_id, found = new["run_id"], room.served.app.state.rooms.find(room.name)
    first = parse_body({"workspace": room.name, **new["opened"]})
    draft = Draft(ago(hours + 1), first, "open", 0)
    assert found.ledger
    found.store.create(run_id, draft, NOBODY, leaf=opened_leaf(draft.at(run_id, 0).encode(), found.signer))
    found.store.put_secret(run_id, digest(SECRET))
    found.store.put_arrival(run_id, Arrival(1, draft.time))
    for manifest in factories.MANIFESTS.values():
        found.store.put_manifest(manifest)
    said = [*bodies(), *more]
    size = found.store.append(run_id, [Draft(since, parse_body(body), "w", number) for number, body in enumerate(said)])
    found.store.put_arrival(run_id, Arrival(size, since))
    return run_id, since


def closing_of(room: Room, run_id: str) -> RunClosed:
    body = parse_event(list(room.served.store.events(run_id))[-1]).body
    assert isinstance(body, RunClosed)
    return body


def as_role(room: Room, role: Role) -> Room:
    return replace(room, key=room.served.key(role, room.name))


@pytest.mark.parametrize("role", [Role.RECORDER, Role.COMPLIANCE])
def test_a_run_that_has_been_silent_for_long_is_closed_without_its_secret_and_sealed(room: Room, role: Role) -> None:
    run_id, since = silent(room, 25)
    closer = as_role(room, role)
    path = f"{room.path}/runs/{run_id}/interrupt"
    closed = room.served.ask("POST", path, closer.key).json()
    assert (closed["status"], closed["complete"]) == ("INTERRUPTED", False)
    why = f"nothing has come from who writes it since {whole_seconds(since)}; closed on the server"
    assert closing_of(room, run_id).reasons[0] == why
    entry = room.last_access(run_id)
    assert (entry["action"], entry["outcome"], role.value in entry["actor"]) == ("interrupt", "allowed", True)
    sealed = closer.ask("POST", f"/runs/{run_id}/seal").json()
    assert (sealed["complete"], sealed["reasons"][0]) == (False, why)
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0


def test_a_run_of_which_something_arrived_lately_goes_on_and_the_answer_says_until_when(room: Room) -> None:
    assert room.ask("POST", f"/runs/{room.begin()}/interrupt").status_code == 409
    run_id, since = silent(room, 23)
    told = room.ask("POST", f"/runs/{run_id}/interrupt")
    ends = datetime.fromisoformat(since) + timedelta(hours=24)
    assert told.status_code == 409
    assert f"has arrived at {whole_seconds(since)}" in told.json()["detail"]
    assert f"closed from {whole_seconds(stamp_time(ends))} on" in told.json()["detail"]
    assert room.ask("GET", f"/runs/{run_id}").json()["status"] == "RUNNING"
    room.append(run_id, metric(0, "still here")).raise_for_status()


def test_the_server_says_how_long_the_silence_must_be(tmp_path: Path) -> None:
    with serving(tmp_path, silent_hours=2) as served:
        room = served.new_workspace()
        runs = [silent(room, hours)[0] for hours in (1.5, 2.5)]
        assert [room.ask("POST", f"/runs/{run_id}/interrupt").status_code for run_id in runs] == [409, 200]


def test_a_run_that_is_closed_stays_as_it_is(room: Room) -> None:
    run_id, _ = silent(room, 25)
    first, again = (room.ask("POST", f"/runs/{run_id}/interrupt").json() for _ in range(2))
    assert first == again
    sealed = room.sealed()
    before = list(room.served.store.events(sealed))
    assert room.ask("POST", f"/runs/{sealed}/interrupt").json()["status"] == "AUDIT_SEALED"
    assert list(room.served.store.events(sealed)) == before
    assert room.last_access(sealed)["action"] == "seal"


def test_nobody_closes_a_run_of_another_workspace_or_without_the_right_to_seal(room: Room, served: Served) -> None:
    run_id, _ = silent(room, 25)
    assert served.new_workspace().ask("POST", f"/runs/{run_id}/interrupt").status_code == 404
    assert as_role(room, Role.AUDITOR).ask("POST", f"/runs/{run_id}/interrupt").status_code == 403
    assert served.store.run(run_id).status is Status.RUNNING


def test_a_run_that_a_process_of_this_host_writes_is_never_closed_from_outside(room: Room) -> None:
    run_id, _ = silent(room, 25)
    room.served.store.set_owner(run_id, this_process(1))
    refused = room.ask("POST", f"/runs/{run_id}/interrupt")
    assert (refused.status_code, "whoever writes it closes it" in refused.text) == (409, True)
    room.served.store.set_owner(run_id, replace(this_process(1), started="1"))
    assert room.ask("POST", f"/runs/{run_id}/interrupt").json()["status"] == "INTERRUPTED"


def test_ranks_that_had_not_said_all_are_named_and_checkpoints_of_theirs_that_are_not_here(room: Room) -> None:
    shards = {"ref": "c", "id": "ckpt_step_90", "step": 90, "at": ago(25), "location": "/gone", "manifest": TREE_FORMAT}
    run_id, _ = silent(
        room,
        25,
        {"kind": "rank_joined", "rank": 0, "world_size": 2},
        {"kind": "shards", "rank": 0, "hash": f"sha256:{'9' * 64}", **shards},
        {"kind": "rank_left", "rank": 0, "status": "COMPLETED"},
    )
    room.ask("POST", f"/runs/{run_id}/interrupt").raise_for_status()
    assert gaps_of(room, run_id)[-2:] == ["ckpt_step_90", "rank 1"]
    room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()


def test_a_record_that_claims_any_number_of_ranks_is_closed_all_the_same(room: Room) -> None:
    run_id, _ = silent(room, 25, {"kind": "rank_joined", "rank": 0, "world_size": 2**53 - 1})
    room.ask("POST", f"/runs/{run_id}/interrupt").raise_for_status()
    assert gaps_of(room, run_id)[-1].endswith("ranks from rank 4096 on")


def gaps_of(room: Room, run_id: str) -> list[str]:
    read = [parse_event(event).body for event in room.served.store.events(run_id)]
    return [body.subject for body in read if isinstance(body, Gap)]


def test_a_training_that_comes_back_is_told_why_and_keeps_its_record_whole(
    here: RemoteWorkspace,  # noqa: F811
    room: Room,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "cognify"), api.run("remote", seal="manual") as run:
        run.config({"learning_rate": 0.1})
        room.within_a_while(lambda: longer(room, 1))
        room.served.store.put_arrival(run.id, Arrival(1000, ago(25)))
        room.within_a_while(lambda: [True] if room.ask("POST", f"/runs/{run.id}/interrupt").status_code == 200 else [])
        size = room.served.store.run(run.id).size - 1
        for step in range(100):
            run.log({"loss": 0.5}, step=step)
    with pytest.raises(ServerRefusedError, match=f"closed here as INTERRUPTED with {size} events and takes no more"):
        here.shipper.bring(run.id)
    assert room.within_a_while(lambda: [text for text in caplog.messages if "is not sent on" in text])
    (said,) = [text for text in caplog.messages if "is not sent on" in text]
    assert "nothing has come from who writes it since" in said
    assert "it stands whole on this machine" in said
    assert here.store.run(run.id).status is Status.COMPLETED
    assert here.store.run(run.id).complete
    there = list(room.served.store.events(run.id))
    assert list(here.store.events(run.id))[:size] == there[:-1]
    with pytest.raises(ServerRefusedError):
        api.seal(run.id)


def test_the_page_of_a_silent_run_offers_to_close_it_and_then_to_seal_it(room: Room) -> None:
    run_id, arrived = silent(room, 25)
    since = arrived[:19].replace("T", " ")
    shown = see(room, f"/runs/{run_id}")
    assert "Nothing has arrived of this run since" in shown
    assert since in shown
    assert BUTTON in shown
    assert "Seal run" not in shown
    assert "close it as interrupted" in send(room, f"/runs/{run_id}/seal").text
    asked = see(room, f"/runs/{run_id}/interrupt")
    for text in ("What cannot be undone", "not complete", "Nothing more is taken of this run", since, BUTTON):
        assert text in asked
    answer = send(room, f"/runs/{run_id}/interrupt")
    assert answer.headers["location"] == f"/w/{room.name}/runs/{run_id}?done=interrupted"
    shown = see(room, f"/runs/{run_id}?done=interrupted")
    assert "The run is closed as interrupted." in shown
    assert "Seal run" in shown
    assert BUTTON not in shown
    assert send(room, f"/runs/{run_id}/interrupt").status_code == 409
    assert "close it as interrupted" in see(room, "/accesses")
    assert send(room, f"/runs/{run_id}/seal").status_code == 303


def test_a_run_that_is_not_silent_is_not_offered_to_be_closed(room: Room) -> None:
    run_id, _ = silent(room, 23)
    shown = see(room, f"/runs/{run_id}")
    assert (BUTTON in shown, "This run goes on" in shown) == (False, True)
    assert room.served.ask("GET", f"/w/{room.name}/runs/{run_id}/interrupt", room.key).status_code == 409
    assert send(room, f"/runs/{run_id}/interrupt").status_code == 409


def test_who_may_not_seal_is_told_who_may_close_it(room: Room) -> None:
    run_id, _ = silent(room, 25)
    auditor = as_role(room, Role.AUDITOR)
    shown = see(auditor, f"/runs/{run_id}")
    assert (BUTTON in shown, "A person who may seal can close it" in shown) == (False, True)
    assert send(auditor, f"/runs/{run_id}/interrupt").status_code == 403


def test_a_browser_closes_a_run_by_the_form_of_its_own_session_alone(room: Room) -> None:
    run_id, _ = silent(room, 25)
    browser = Browser(room.served)
    browser.sign_in(room.key)
    path = f"/w/{room.name}/runs/{run_id}/interrupt"
    page = browser.get(path)
    assert browser.send(path, {"csrf": "another"}).status_code == 403
    assert browser.send(path, {"csrf": field_of(page, "csrf")}).status_code == 303
    assert room.served.store.run(run_id).status is Status.INTERRUPTED
