"""Datasets across runs, as pages and as `/v2` tells them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from cognify_core.api.told_datasets import UNREADABLE
from cognify_core.model.digest import Digest
from cognify_core.server.roles import Role
from tests import factories
from tests.server.hostile import HOSTILE, hostile_run, what_pages_never_hold
from tests.server.serving import Room, Served, line
from tests.server.test_pages import see
from tests.server.test_pages_hostile import hostile_key
from tests.server.test_pages_run import alone as alone  # a fixture
from tests.server.test_pages_run import sealed

_seconds = count()
ROWS, OTHER = str(Digest.of(factories.ROWS)), str(Digest.of(b"other rows"))


def key_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def trained(room: Room, *datasets: dict[str, Any], **opened: str) -> str:
    """A run that was fed these; each is begun a second after the one before."""
    second = next(_seconds)
    run_id = room.begin(f"run_20261129_{12 + second // 3600}{second // 60 % 60:02}{second % 60:02}_00000", **opened)
    said = [
        factories.dataset(**{"ref": str(number), **each}).model_dump(mode="json", exclude_none=True)
        for number, each in enumerate(datasets)
    ]
    room.append(run_id, *(line(body, number) for number, body in enumerate(said))).raise_for_status()
    return run_id


def seen_as(name: str, content: bytes = factories.ROWS, **fields: Any) -> dict[str, Any]:
    """A dataset of that name."""
    return {"name": name, "hash": Digest.of(content), "manifest": None, **fields}


def listed(room: Room, asked: str = "") -> list[str]:
    """The names that the page of datasets lists."""
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', see(room, f"/datasets{asked}"))


def test_datasets_are_listed_by_name_those_of_the_newest_run_first(room: Room) -> None:
    trained(room, seen_as("old"), seen_as("notes", record_count=1000))
    newest = trained(room, seen_as("notes", b"other rows", role="eval", record_count=1200))
    shown = see(room, "/datasets")
    assert listed(room) == ["notes", "old"]
    for text in (f'href="/w/{room.name}/datasets/{key_of("notes")}"', newest, "1,200", "eval", OTHER):
        assert text in shown
    assert '<td class="number">2</td><td class="number">2</td>' in shown
    assert f'href="/w/{room.name}/datasets"' in see(room, "/runs")


def test_a_dataset_is_told_content_by_content_with_the_runs_that_had_it(room: Room) -> None:
    first = trained(room, seen_as("notes", facts={"bytes": 5 << 20}, location="/data/notes"), name="the first")
    second = trained(room, seen_as("notes", b"other rows", role="eval", schema_version="4"), name="the second")
    shown = see(room, f"/datasets/{key_of('notes')}")
    assert re.findall(r"<code class=\"whole\">([^<]+)</code>", shown) == [OTHER, ROWS]
    assert re.findall(r"Version (\d)", shown) == ["4", "3"]
    for text in ("5.0 MiB", "5,242,880 bytes", "/data/notes", "the first", "the second", "as train", "as eval"):
        assert text in shown
    assert f'href="/w/{room.name}/runs/{second}/lineage"' in shown
    assert f'href="/w/{room.name}/datasets/{key_of("notes")}">notes</a>' in see(room, f"/runs/{first}")


def test_many_runs_of_one_content_are_found_behind_a_link(room: Room) -> None:
    runs = [trained(room, seen_as("notes")) for _ in range(10)]
    shown = see(room, f"/datasets/{key_of('notes')}")
    assert "10 runs had it" in shown
    (address,) = re.findall(r'href="([^"]+holds=[^"]+)"', shown)
    found = re.findall(r'<tr data-key="(run_\w+)"', room.served.ask("GET", address, room.key).text)
    assert found == runs[::-1]


def test_what_is_declared_is_told_and_so_is_what_nobody_has_declared(room: Room) -> None:
    trained(room, seen_as("notes", provenance={"source_category": "user_data", "license": "internal"}))
    shown = see(room, f"/datasets/{key_of('notes')}")
    assert "<dt>Source category</dt><dd>user_data</dd>" in shown
    assert "<dt>Licence</dt><dd>internal</dd>" in shown
    assert "<strong>Undeclared:</strong> Obtained how, Selection, Labelling" in shown
    trained(room, seen_as("bare"))
    assert "Nothing is declared of it." in see(room, f"/datasets/{key_of('bare')}")


def test_what_could_not_be_seen_is_told_as_such(room: Room) -> None:
    lost = {"assurance": "unresolved", "reason": "gone", "hash": None, "manifest": None, "record_count": None}
    trained(room, {**seen_as("lost"), **lost, "schema_version_defaulted": True})
    assert "not seen" in see(room, "/datasets")
    shown = see(room, f"/datasets/{key_of('lost')}")
    for text in ("none: the content was not seen", "not counted", "No version was given", "unresolved"):
        assert text in shown


def test_a_name_is_found_whole(room: Room) -> None:
    trained(room, seen_as("patient notes/v3 ü"))
    answer = room.served.ask("GET", f"/w/{room.name}/datasets?name=patient+notes%2Fv3+%C3%BC", room.key)
    assert answer.headers["location"] == f"/w/{room.name}/datasets/{key_of('patient notes/v3 ü')}"
    assert "No dataset is called exactly so" in see(room, "/datasets?name=patient")


def test_pages_follow_one_another(room: Room) -> None:
    names = [f"set {number:02}" for number in range(52)]
    trained(room, *(seen_as(name, name.encode()) for name in names))
    shown = see(room, "/datasets")
    (address,) = re.findall(r'href="([^"]+)" rel="next"', shown)
    rest = re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', room.served.ask("GET", address, room.key).text)
    assert sorted([*listed(room), *rest]) == names
    assert len(rest) == 2
    for number in range(11):
        trained(room, seen_as("set 00", f"{number}".encode()))
    shown = see(room, f"/datasets/{key_of('set 00')}")
    (address,) = re.findall(r'href="([^"]+)" rel="next"', shown)
    following = room.served.ask("GET", address, room.key).text
    digests = re.findall(r"<code class=\"whole\">([^<]+)</code>", shown + following)
    assert len(digests) == len(set(digests)) == 12


def test_programs_are_told_the_same(room: Room) -> None:
    run_id = trained(room, seen_as("notes", facts={"bytes": 7}, provenance={"licence": "MIT"}))
    listed = room.ask("GET", "/datasets").json()
    assert listed == {
        "datasets": [
            {
                "key": key_of("notes"),
                "name": "notes",
                "contents": 1,
                "runs": 1,
                "last_run": run_id,
                "record_count": 3,
                "schema_version": "3",
            }
        ],
        "next": None,
    }
    (content,) = room.ask("GET", f"/datasets/{key_of('notes')}").json()["contents"]
    assert (content["hash"], content["bytes"], content["declared"]) == (ROWS, 7, {"Licence": "MIT"})
    assert content["used_by"] == [{"run_id": run_id, "roles": ["train"]}]
    trained(room, seen_as("other"))
    first = room.ask("GET", "/datasets", params={"limit": 1}).json()
    second = room.ask("GET", "/datasets", params={"limit": 1, "after": first["next"]}).json()
    assert [first["datasets"][0]["name"], second["datasets"][0]["name"], second["next"]] == ["other", "notes", None]
    for asked in ("", "?after=zzz", "?after=run_20261129_120000_00000.0"):
        assert room.ask("GET", f"/datasets/{'0' * 64}{asked}").status_code == 404


def test_nothing_of_another_workspace_shows(room: Room, served: Served) -> None:
    other = served.new_workspace()
    theirs = trained(other, seen_as("theirs"), name="their run")
    trained(room, seen_as("ours"))
    assert listed(room) == ["ours"]
    shown = see(room, f"/datasets/{key_of('ours')}")
    assert not [text for text in (theirs, "their run", "theirs") if text in shown]
    for path in (f"/w/{room.name}/datasets/{key_of('theirs')}", f"{room.path}/datasets/{key_of('theirs')}"):
        assert served.ask("GET", path, room.key).status_code == 404


def test_every_role_reads_them_and_that_is_an_access(room: Room) -> None:
    sealed(room)
    for role in Role:
        assert "patient_notes" in see(room, "/datasets", room.served.key(role, room.name))
        see(room, f"/datasets/{key_of('patient_notes')}", room.served.key(role, room.name))
    found = room.ask("GET", "/accesses").json()["accesses"]
    assert {entry["subject"] for entry in found if entry["action"] == "datasets"} == {None, key_of("patient_notes")}
    assert room.served.ask("GET", f"/w/{room.name}/datasets").status_code == 303


def test_nothing_hostile_becomes_markup(room: Room) -> None:
    hostile_run(room)
    for path in ("/datasets", f"/datasets/{key_of(HOSTILE)}", "/datasets?name=%22%3E%3Cimg+src%3Dx%3E"):
        shown = see(room, path, hostile_key(room))
        assert what_pages_never_hold(shown) == []
        assert "<img" not in shown.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(shown)


@pytest.mark.parametrize(
    ("path", "status"), [("/datasets/x", 404), (f"/datasets/{'A' * 64}", 404), (f"/datasets?after={'x' * 300}", 422)]
)
def test_what_is_no_address_of_a_dataset_is_refused(room: Room, path: str, status: int) -> None:
    assert room.served.ask("GET", f"/w/{room.name}{path}", room.key).status_code == status
    assert room.ask("GET", path).status_code == 422


def test_a_cursor_that_leads_nowhere_is_an_empty_page(room: Room) -> None:
    trained(room, seen_as("notes"))
    assert "No dataset comes after that" in see(room, "/datasets?after=nonsense")
    assert room.ask("GET", "/datasets", params={"after": "nonsense"}).json() == {"datasets": [], "next": None}


def test_an_event_that_does_not_read_leaves_the_others_listed(alone: Room) -> None:
    trained(alone, seen_as("whole"))
    trained(alone, seen_as("broken"))
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TRIGGER events_update")
        raw.execute("UPDATE events SET event = x'7b' WHERE seq = 1 AND instr(event, '\"broken\"') > 0")
    assert listed(alone) == [UNREADABLE, "whole"]
    assert alone.served.ask("GET", f"/w/{alone.name}/datasets/{key_of('broken')}", alone.key).status_code == 404


def test_a_workspace_without_datasets_says_so(room: Room) -> None:
    assert "No run has recorded a dataset yet" in see(room, "/datasets")


@pytest.mark.parametrize("key", ["0" * 64, "patient_notes", "0" * 63])
def test_a_dataset_that_is_not_there_is_said_in_words(room: Room, key: str) -> None:
    for asked in ("", "?after=zzz"):
        refused = room.served.ask("GET", f"/w/{room.name}/datasets/{key}{asked}", room.key)
        assert refused.status_code == 404
        assert "There is nothing here" in refused.text
        assert re.search("No run of this workspace has that dataset|Nothing is called so", refused.text)
        assert "pattern" not in refused.text
