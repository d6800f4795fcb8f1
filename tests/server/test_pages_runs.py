"""The list of runs as a page."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from cognify_core.server.roles import Role
from tests.server.serving import Room, line
from tests.server.test_pages import see

GAP = {"kind": "gap", "subject": "base model", "reason": "not found on disk", "owner": "compliance"}


def listed(room: Room, asked: str = "", key: str | None = None) -> list[str]:
    """The ids of the runs that a page lists."""
    return re.findall(r'<tr data-key="(run_\w+)"', see(room, f"/runs{asked}", key))


def finished(room: Room, status: str = "COMPLETED", **opened: str) -> str:
    """A run that has ended."""
    run_id = room.begin(**opened)
    room.ask("POST", f"/runs/{run_id}/finish", json={"status": status}).raise_for_status()
    return run_id


def test_the_list_shows_each_run_with_its_status_and_how_many_gaps_it_has(room: Room) -> None:
    run_id = room.begin(name="a fine-tune", project="triage")
    room.append(run_id, line(GAP, 0), line(GAP | {"subject": "code"}, 1)).raise_for_status()
    shown = see(room, "/runs")
    for text in ("a fine-tune", run_id, "triage", "Running", "2 gaps", f'href="/w/{room.name}/runs/{run_id}"'):
        assert text in shown


def test_which_runs_are_not_sealed_is_one_link(room: Room) -> None:
    sealed, open_, ended = room.sealed(), room.begin(), finished(room)
    (link,) = re.findall(r'<a href="([^"]+)"[^>]*><b>2</b> not sealed</a>', see(room, "/runs"))
    answer = room.served.ask("GET", link, room.key).text
    assert set(re.findall(r'<tr data-key="(run_\w+)"', answer)) == {open_, ended}
    assert sealed not in answer


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("?status=FAILED", {"failed"}),
        ("?status=RUNNING", {"open"}),
        ("?status=unsealed", {"open", "failed"}),
        ("?text=FAIL", {"failed"}),
        ("?project=b", {"failed"}),
        ("?gaps=yes", {"open"}),
        ("?gaps=no&status=", {"failed"}),
        ("?since=2020-01-01&until=2020-12-31", set()),
        ("?since=2020-01-01&until=9999-12-31&person=a+test", {"open", "failed"}),
        ("?person=nobody", set()),
    ],
)
def test_runs_are_found_by_what_the_address_says(room: Room, asked: str, found: set[str]) -> None:
    runs = {
        room.begin(name="open", project="a"): "open",
        finished(room, "FAILED", name="failed", project="b"): "failed",
    }
    room.append(next(iter(runs)), line(GAP, 0)).raise_for_status()
    assert {runs[run_id] for run_id in listed(room, asked)} == found


def test_pages_hold_every_filter_and_follow_one_another(room: Room) -> None:
    begun = [room.begin(name=f"number {number}") for number in range(52)]
    shown = see(room, "/runs?text=number&status=RUNNING")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', shown)
    asked = parse_qs(urlsplit(following.replace("&amp;", "&")).query)
    assert (asked["text"], asked["status"]) == (["number"], ["RUNNING"])
    first = re.findall(r'<tr data-key="(run_\w+)"', shown)
    rest = room.served.ask("GET", following.replace("&amp;", "&"), room.key).text
    assert [*first, *re.findall(r'<tr data-key="(run_\w+)"', rest)] == begun[::-1]


def test_only_whoever_may_see_the_access_log_sees_and_finds_people(room: Room) -> None:
    room.begin()
    viewer = room.served.key(Role.VIEWER, room.name)
    assert "Run by" in see(room, "/runs")
    assert "of a test, admin" in see(room, "/runs")
    shown = see(room, "/runs", viewer)
    assert "Run by" not in shown
    assert "of a test, admin" not in shown
    assert len(listed(room, "?person=nobody", viewer)) == 1


def test_a_list_without_runs_says_how_to_record_one(room: Room) -> None:
    assert "No run has been recorded yet" in see(room, "/runs")
    room.begin()
    assert "No run is like this" in see(room, "/runs?status=FAILED")


@pytest.mark.parametrize("asked", ["?status=x", "?since=yesterday", f"?text={'x' * 300}", "?gaps=maybe"])
def test_a_filter_that_is_none_is_refused_with_a_page(room: Room, asked: str) -> None:
    answer = room.served.ask("GET", f"/w/{room.name}/runs{asked}", room.key)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "text/html; charset=utf-8")


def test_only_a_list_with_running_runs_asks_again(room: Room) -> None:
    finished(room)
    assert "data-live" not in see(room, "/runs")
    room.begin()
    assert f'data-live="/w/{room.name}/runs?' in see(room, "/runs")
