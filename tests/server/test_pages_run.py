"""A run as pages: what it says, how it is sealed, what can be said of it then, and its packages."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from cognify_core.server.roles import Role
from tests import factories
from tests.server.serving import Room, Served, line, metric, serving
from tests.server.test_pages import see

CONTROLS = ("Seal run", "Add a note", "Add an attestation", "Make package")


def bodies() -> list[dict[str, Any]]:
    """What an ordinary run records, as it is sent."""
    said = (*factories.default_bodies(), factories.evaluation(inputs=("train",)), factories.note())
    return [body.model_dump(mode="json", exclude_none=True) for body in said]


def recorded(room: Room, *more: dict[str, Any], **opened: Any) -> str:
    """A run that goes on, with datasets, configuration, checkpoint, evaluation, metrics, a note and a gap."""
    run_id = room.begin(**opened)
    for manifest in factories.MANIFESTS.values():
        room.served.store.put_manifest(manifest, workspace=room.name)
    said = [*bodies(), *more]
    lines = [*(line(body, number) for number, body in enumerate(said)), *(metric(step, "m") for step in range(3))]
    room.append(run_id, *lines).raise_for_status()
    return run_id


def ended(room: Room, *more: dict[str, Any], **opened: Any) -> str:
    """The same, ended."""
    run_id = recorded(room, *more, **opened)
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
    return run_id


def sealed(room: Room, *more: dict[str, Any], **opened: Any) -> str:
    """The same, sealed."""
    run_id = ended(room, *more, **opened)
    room.ask("POST", f"/runs/{run_id}/seal").raise_for_status()
    return run_id


def send(room: Room, path: str, key: str | None = None, **fields: str) -> httpx.Response:
    """Send a form of a page."""
    return room.served.ask("POST", f"/w/{room.name}{path}", key or room.key, data=fields)


def test_the_page_of_a_run_tells_what_it_was_made_of(room: Room) -> None:
    run_id = ended(room, name="a fine-tune", project="triage")
    shown = see(room, f"/runs/{run_id}")
    for text in (
        *("a fine-tune", "triage", run_id, "Completed, not sealed", "patient_notes", "ckpt_step_20", "learning_rate"),
        *("base model", "not found on disk", "fails on negation", "eval_loss", "0.25", "Seal run", "of a test, admin"),
        *(str(factories.dataset().hash), str(factories.checkpoint(20).hash), "1 checkpoint recorded"),
    ):
        assert text in shown


def test_metrics_are_drawn_with_their_points_behind_a_disclosure(room: Room) -> None:
    shown = see(room, f"/runs/{ended(room)}")
    assert 'role="img" aria-label="loss over steps: last 1.5 · min 1.5 · max 1.5"' in shown
    assert shown.count('<td class="number">1.5</td>') == 3


def test_a_run_that_goes_on_cannot_be_sealed_and_its_page_asks_again(room: Room) -> None:
    run_id = recorded(room)
    shown = see(room, f"/runs/{run_id}")
    assert f'data-live="/w/{room.name}/runs/{run_id}/state"' in shown
    assert "goes on; its record holds 10 events so far" in shown
    assert not [control for control in CONTROLS if control in shown]
    assert [send(room, f"/runs/{run_id}/seal").status_code, send(room, f"/runs/{run_id}/note").status_code] == [409] * 2
    assert "load the page again" not in see(room, f"/runs/{run_id}/state")
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
    assert "load the page again" in see(room, f"/runs/{run_id}/state")


def test_before_it_is_sealed_the_page_says_what_becomes_irrevocable_and_what_is_missing(room: Room) -> None:
    shown = see(room, f"/runs/{ended(room)}/seal")
    for text in ("What cannot be undone", "can no longer be discarded", "not found on disk", "What mends it"):
        assert text in shown


def test_a_run_is_sealed_by_its_form_and_offers_no_control_that_writes_then(room: Room) -> None:
    run_id = ended(room)
    answer = send(room, f"/runs/{run_id}/seal")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{room.name}/runs/{run_id}?done=sealed")
    shown = see(room, f"/runs/{run_id}?done=sealed")
    assert "The run is sealed." in shown
    assert "Seal run" not in shown
    assert {control for control in CONTROLS if control in shown} == {"Add a note", "Add an attestation", "Make package"}
    assert send(room, f"/runs/{run_id}/seal").status_code == 409
    assert room.served.ask("GET", f"/w/{room.name}/runs/{run_id}/seal", room.key).status_code == 409


def test_no_request_that_pages_can_make_changes_a_sealed_run(room: Room) -> None:
    run_id = sealed(room)
    store = room.served.store
    before = list(store.events(run_id)), store.bundle(run_id), store.run(run_id)
    tried = {
        path.removeprefix("/w/{workspace_id}").replace("{run_id}", run_id)
        for path in room.served.app.state.pages
        if "{run_id}" in path and "{package_hash}" not in path
    }
    assert {f"/runs/{run_id}/{last}" for last in ("seal", "note", "attestation", "packages", "verification")} <= tried
    fields = {"text": "x", "claim": "x", "by": "Ada", "role": "DPO", "kind": "json"}
    for path in sorted(tried):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = room.served.ask(method, f"/w/{room.name}{path}", room.key, data=fields)
            assert answer.status_code < 500
    assert (list(store.events(run_id)), store.bundle(run_id), store.run(run_id)) == before
    assert room.ask("GET", f"/runs/{run_id}/verification").json()["exit_code"] == 0


def test_a_note_and_an_attestation_go_into_sealed_addenda(room: Room) -> None:
    run_id = sealed(room)
    assert (
        send(room, f"/runs/{run_id}/note", text="fails\non & <b>", kind="limitation", subject="loss").status_code == 303
    )
    said = {"claim": "I have read it.", "by": "Ada Person", "role": "DPO", "meaning": "reviewed", "on": "2026-11-29"}
    assert send(room, f"/runs/{run_id}/attestation", form="sign_off", subject="", **said).status_code == 303
    shown = see(room, f"/runs/{run_id}?done=attestation")
    for text in (
        "fails\non &amp; &lt;b&gt;",
        "Ada Person, DPO (reviewed), 2026-11-29",
        "addendum 2",
        "its addendum is",
    ):
        assert text in shown
    assert [row.status.value for row in room.served.store.addenda(run_id)] == ["AUDIT_SEALED"] * 2


@pytest.mark.parametrize(
    ("form", "fields", "told"),
    [
        ("note", {"text": " ", "kind": "general"}, "A note has a text."),
        ("note", {"text": "said", "kind": "limitations"}, "documents look for"),
        ("attestation", {"claim": "said", "by": "Ada"}, "this is needed"),
        ("attestation", {"claim": "said", "by": "Ada", "role": "DPO", "form": "annex_iv"}, "this is needed"),
        ("attestation", {"claim": "said", "by": "Ada", "role": "DPO", "on": "1.1.2026"}, "on: a day is written"),
    ],
)
def test_a_form_that_is_wrong_comes_back_with_what_was_written(
    room: Room, form: str, fields: dict[str, str], told: str
) -> None:
    run_id = sealed(room)
    answer = send(room, f"/runs/{run_id}/{form}", **fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert all(value in answer.text for value in fields.values())
    assert room.served.store.addenda(run_id) == []


def test_a_package_is_made_listed_and_taken_along(room: Room) -> None:
    run_id = sealed(room)
    assert send(room, f"/runs/{run_id}/packages", kind="json").status_code == 303
    (path,) = re.findall(rf'href="(/w/{room.name}/runs/{run_id}/packages/[^"/]+)"', see(room, f"/runs/{run_id}"))
    package = room.served.ask("GET", path, room.key)
    assert path.endswith(f"sha256:{sha256(package.content).hexdigest()}")
    assert package.headers["content-disposition"].startswith("attachment")
    assert package.headers["content-security-policy"] == "sandbox; default-src 'none'"
    receipt = room.served.ask("GET", f"{path}/receipt", room.key)
    assert receipt.json()["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    refused = send(room, f"/runs/{run_id}/packages", kind="json hipaa")
    assert (refused.status_code, "There is no export of format" in refused.text) == (422, True)


def test_a_package_goes_into_the_vault_and_the_page_says_how_it_is_locked(room: Room) -> None:
    run_id = sealed(room)
    answer = send(room, f"/runs/{run_id}/packages", kind="json", vault="yes")
    assert answer.headers["location"].endswith("?done=delivered#packages")
    room.within_a_while(lambda: [fact for fact in room.served.store.facts(run_id) if fact.part == "package"])
    assert "file://" in see(room, f"/runs/{run_id}")
    recorder = room.served.key(Role.RECORDER, room.name)
    assert send(room, f"/runs/{run_id}/packages", recorder, kind="json", vault="yes").status_code == 403


def test_a_verification_shows_the_four_verdicts(room: Room) -> None:
    shown = send(room, f"/runs/{sealed(room)}/verification").text
    assert "It holds" in shown
    assert re.findall(r'<h2 id="v-(\w+)"', shown) == ["intact", "signer", "ledger", "anchor"]


def test_a_viewer_reads_and_finds_no_control(room: Room) -> None:
    viewer = room.served.key(Role.VIEWER, room.name)
    for run_id in (ended(room), sealed(room)):
        shown = see(room, f"/runs/{run_id}", viewer)
        assert not [control for control in (*CONTROLS, "Access log", "of a test, admin") if control in shown]
        paths = [f"/runs/{run_id}/{last}" for last in ("seal", "note", "attestation", "packages")]
        assert {send(room, path, viewer, kind="json").status_code for path in paths} == {403}


def test_who_looked_stands_in_the_access_log_of_the_page(room: Room) -> None:
    run_id = sealed(room)
    see(room, f"/runs/{run_id}")
    shown = see(room, f"/runs/{run_id}").partition('id="accesses"')[2]
    assert "127.0.0.1" in shown
    assert "of a test, admin" in shown


def test_an_addendum_has_a_page_that_leads_to_its_run(room: Room) -> None:
    run_id = sealed(room)
    send(room, f"/runs/{run_id}/note", text="later")
    (addendum,) = room.served.store.addenda(run_id)
    shown = see(room, f"/runs/{addendum.run_id}")
    assert f'addendum 1 to <a href="/w/{room.name}/runs/{run_id}">' in shown
    assert not [control for control in CONTROLS if control in shown]
    assert send(room, f"/runs/{addendum.run_id}/note", text="x").status_code == 409


def test_a_run_of_another_workspace_is_not_there(room: Room, served: Served) -> None:
    run_id = sealed(served.new_workspace())
    for last in ("", "/state", "/interrupt", "/seal", "/note"):
        assert served.ask("GET", f"/w/{room.name}/runs/{run_id}{last}", room.key).status_code == 404
    assert send(room, f"/runs/{run_id}/verification").status_code == 404


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Room]:
    """A workspace of a server of its own, which may be damaged."""
    with serving(tmp_path) as served:
        yield served.new_workspace()


def test_a_record_that_does_not_read_is_said_to_be_so_and_can_be_verified(alone: Room) -> None:
    run_id = sealed(alone)
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TRIGGER events_update")
        raw.execute("UPDATE events SET event = x'7b' WHERE seq = 2")
    shown = see(alone, f"/runs/{run_id}")
    assert "The record of this run does not read." in shown
    assert "Verify now" in shown
    assert "It does not hold" in send(alone, f"/runs/{run_id}/verification").text


def test_what_the_server_cannot_do_is_a_page_without_its_insides(alone: Room) -> None:
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TABLE gaps")
    answer = alone.served.ask("GET", f"/w/{alone.name}/runs", alone.key)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "its log says why, under" in answer.text
    assert "gaps" not in answer.text
