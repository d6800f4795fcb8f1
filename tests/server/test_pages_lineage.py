"""The lineage of a run as a page: drawn, in words, and across the runs of its workspace."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any
from xml.dom.minidom import Element, parseString

import pytest

from cognify_core.model.digest import Digest
from cognify_core.server.roles import Role
from tests import factories
from tests.server.hostile import hostile_run, what_pages_never_hold
from tests.server.serving import Room, Served, line
from tests.server.test_pages import see
from tests.server.test_pages_hostile import hostile_key
from tests.server.test_pages_run import alone as alone  # a fixture
from tests.server.test_pages_run import ended, recorded, sealed, send

DRAWN = {"svg", "g", "path", "rect", "text", "title"}
ROWS = str(Digest.of(factories.ROWS))


def lineage(room: Room, run_id: str, asked: str = "", key: str | None = None) -> str:
    return see(room, f"/runs/{run_id}/lineage{asked}", key)


def many(room: Room, steps: int = 80) -> str:
    """A run with many checkpoints that stand alike."""
    run_id = room.begin()
    for manifest in factories.MANIFESTS.values():
        room.served.store.put_manifest(manifest, workspace=room.name)
    bodies = [factories.dataset(), factories.config(), *(factories.checkpoint(step) for step in range(steps))]
    said: list[dict[str, Any]] = [body.model_dump(mode="json", exclude_none=True) for body in bodies]
    room.append(run_id, *(line(body, number) for number, body in enumerate(said))).raise_for_status()
    return run_id


def elements(picture: bytes) -> list[Element]:
    """Every element of a picture."""
    return list(parseString(picture).getElementsByTagName("*"))  # noqa: S318 - it is of our own server


def boxes(page: str) -> list[str]:
    """The names that stand on the boxes of the picture."""
    return re.findall(r'class="g-name"[^>]*>([^<]+)<', page)


def test_the_page_draws_what_the_run_was_made_of_and_says_it_in_a_table(room: Room) -> None:
    run_id = ended(room, name="a fine-tune")
    shown = lineage(room, run_id)
    names = ["cfg_llama3_8b_lora_r16", "ckpt_step_20", "ds_patient_notes_v3", "eval_final_step_20"]
    assert sorted(boxes(shown)) == names
    assert "4 nodes and 3 edges" in shown
    for number, place in enumerate(("ds_patient_notes_v3", "cfg_llama3_8b_lora_r16")):
        assert f'<tr id="n{number}"' in shown
        assert f'<a href="#n{number}" data-n=' in shown
        assert f'<a class="fact" href="#n{number}">{place}</a>' in shown
    assert ROWS in shown
    assert f'href="/w/{room.name}/runs/{run_id}/lineage"' in see(room, f"/runs/{run_id}")


def test_many_checkpoints_are_one_box_until_they_are_unfolded(room: Room) -> None:
    run_id = many(room)
    shown = lineage(room, run_id)
    assert sorted(boxes(shown)) == ["80 checkpoints", "cfg_llama3_8b_lora_r16", "ds_patient_notes_v3"]
    assert shown.count("<tr id=") == 82
    (address,) = re.findall(r'<a href="([^"]+)" data-unfold="checkpoint">', shown)
    unfolded = room.served.ask("GET", address, room.key).text
    assert len(boxes(unfolded)) == 82
    assert "Fold again" in unfolded
    assert f'href="/w/{room.name}/runs/{run_id}/lineage.svg?unfold=checkpoint"' in unfolded


def test_content_leads_to_the_other_runs_of_the_workspace_that_have_it(room: Room) -> None:
    first, second = sealed(room, name="the first"), ended(room, name="the second")
    shown = lineage(room, second)
    assert f'href="/w/{room.name}/runs/{first}/lineage">the first</a> <span class="muted">used it</span>' in shown
    assert f'href="/w/{room.name}/runs/{first}/lineage">the first</a> <span class="muted">produced it</span>' in shown
    assert ">+1 run<" in shown
    third = [recorded(room) for _ in range(4)][-1]
    shown = lineage(room, third)
    assert "all 5 other runs" in shown
    (address,) = {link for link in re.findall(r'href="([^"]+holds=[^"]+)"', shown) if ROWS[7:] in link}
    assert len(re.findall("<tr data-key", room.served.ask("GET", address, room.key).text)) == 6


def test_no_run_of_another_workspace_is_named(room: Room, served: Served) -> None:
    other = served.new_workspace()
    theirs = sealed(other, name="of somebody else")
    mine = sealed(room)
    shown = lineage(room, mine)
    assert not [
        text
        for text in (theirs, other.name, "of somebody else", "other run")
        if text in shown.replace("Other runs with", "")
    ]
    for path in (f"/runs/{theirs}/lineage", f"/runs/{theirs}/lineage.svg"):
        assert served.ask("GET", f"/w/{room.name}{path}", room.key).status_code == 404


def test_what_an_addendum_brings_stands_in_the_lineage_of_its_run(room: Room) -> None:
    run_id = sealed(room)
    send(room, f"/runs/{run_id}/note", text="later")
    (addendum,) = room.served.store.addenda(run_id)
    assert "names nothing that the run used or produced" in lineage(room, addendum.run_id)


def test_a_run_without_anything_says_so(room: Room) -> None:
    assert "names nothing that the run used or produced" in lineage(room, room.begin())


def test_every_role_reads_it_and_that_is_an_access(room: Room) -> None:
    run_id = sealed(room)
    for role in Role:
        lineage(room, run_id, key=room.served.key(role, room.name))
    assert room.last_access(run_id)["action"] == "lineage"
    assert room.served.ask("GET", f"/w/{room.name}/runs/{run_id}/lineage").status_code == 303


def test_the_picture_alone_is_a_file_that_asks_nobody_and_leads_nowhere(room: Room) -> None:
    answer = room.served.ask("GET", f"/w/{room.name}/runs/{many(room)}/lineage.svg?unfold=all", room.key)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    tags = [each.tagName for each in elements(answer.content)]
    assert tags.count("g") == 1 + 82
    assert set(tags) <= DRAWN
    assert not re.search(r"(href|src|url\(|style=|on\w+=)", answer.text.replace('xmlns="', ""))


def test_nothing_hostile_becomes_markup_in_the_page_or_the_picture(room: Room) -> None:
    run_id, key = hostile_run(room), hostile_key(room)
    shown = lineage(room, run_id, "?unfold=%22%3E%3Cscript%3E", key)
    assert what_pages_never_hold(shown) == []
    assert "<img" not in shown.replace('<img src="/static/', "")
    assert not {"\u202e", "\x1b", "\u2028"} & set(shown)
    picture = room.served.ask("GET", f"/w/{room.name}/runs/{run_id}/lineage.svg", key)
    assert {each.tagName for each in elements(picture.content)} <= DRAWN


def test_a_record_that_does_not_read_is_said_to_be_so(alone: Room) -> None:
    run_id = sealed(alone)
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TRIGGER events_update")
        raw.execute("UPDATE events SET event = x'7b' WHERE seq = 2")
    assert "Its lineage cannot be drawn." in lineage(alone, run_id)
    assert alone.served.ask("GET", f"/w/{alone.name}/runs/{run_id}/lineage.svg", alone.key).status_code == 422


def test_runs_are_listed_by_the_content_that_they_hold(room: Room) -> None:
    run_id = ended(room)
    room.begin()
    listed = re.findall(r'<tr data-key="(run_\w+)"', see(room, f"/runs?holds={ROWS}"))
    assert listed == [run_id]
    assert [row["run_id"] for row in room.ask("GET", "/runs", params={"holds": ROWS}).json()["runs"]] == [run_id]
    assert f'name="holds" value="{ROWS}"' in see(room, f"/runs?holds={ROWS}")


@pytest.mark.parametrize("holds", ["x", f"sha256:{'A' * 64}", f"{'0' * 64}"])
def test_what_is_no_digest_is_refused(room: Room, holds: str) -> None:
    assert room.served.ask("GET", f"/w/{room.name}/runs?holds={holds}", room.key).status_code == 422
    assert room.ask("GET", "/runs", params={"holds": holds}).status_code == 422
