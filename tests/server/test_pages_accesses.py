"""The access log as pages: found by person, run and day, verified, and erased from."""

from __future__ import annotations

import html
import re

import pytest

from cognify_core.server.pages.filters import deed
from cognify_core.server.roles import Role
from cognify_core.store.access_log import Look
from tests.server.browsing import field_of
from tests.server.serving import Room
from tests.server.test_accesses import DONE, OF_MANY, SAID, SHOWN
from tests.server.test_pages import see
from tests.server.test_pages_keeping import text_of
from tests.server.test_pages_run import send
from tests.store.contract_access_log import ACTOR, SOURCE, access


def found(room: Room, asked: str = "", key: str | None = None) -> list[int]:
    """The entries that the page of the access log lists."""
    return [
        int(number) for number in re.findall(r'<tr><td class="number">(\d+)</td>', see(room, f"/accesses{asked}", key))
    ]


def looked(room: Room, *days: str) -> None:
    """Somebody looked on each of these days."""
    looks = [Look(None, access("list", at=f"{day}T12:00:00.000000Z"), (ACTOR, SOURCE)) for day in days]
    found = room.served.app.state.rooms.find(room.name)
    room.served.store.put_accesses(looks, found.access_tree.sign, workspace=room.name)


def test_who_looked_is_shown_with_the_run_and_where_they_came_from(room: Room) -> None:
    run_id = room.sealed()
    room.ask("GET", f"/runs/{run_id}").raise_for_status()
    told = text_of(see(room, "/accesses"))
    for said in (
        "of a test, admin",
        "127.0.0.1",
        "look at the run",
        "seal it",
        run_id,
        "API key",
        "this server",
        "and for 60 s",
    ):
        assert said in told
    assert f'href="/w/{room.name}/runs/{run_id}"' in see(room, "/accesses")


def test_every_deed_that_the_log_tells_of_is_told_in_words() -> None:
    told = {*SHOWN.values(), *DONE.values(), *OF_MANY.values(), *SAID.values()}
    assert [action for action in sorted(told) if deed(action) == action] == []
    assert deed("some_new_thing") == "some new thing"


@pytest.mark.parametrize(
    ("asked", "entries"),
    [
        ("?since=2026-01-01&until=2026-01-02", [2, 1]),
        ("?until=2025-12-31", [0]),
        ("?person=ADA&since=&run=&until=2026-01-01", [1, 0]),
        ("?person=grace", []),
        ("?run=run_20260101_000000_00000", []),
        ("?person=2001:db8&since=2026-01-02&until=2026-01-02", [2]),
    ],
)
def test_accesses_are_found_by_person_run_and_day(room: Room, asked: str, entries: list[int]) -> None:
    looked(room, "2025-12-31", "2026-01-01", "2026-01-02")
    assert found(room, asked) == entries


def test_accesses_of_a_run_are_found_by_its_id(room: Room) -> None:
    run_id = room.sealed()
    room.sealed()
    listed = room.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"]
    mine = [each["entry"] for each in listed]
    assert found(room, f"?run={run_id}")[1:] == mine


def test_pages_of_the_access_log_follow_one_another_with_every_filter(room: Room) -> None:
    looked(room, *["2026-01-01"] * 150)
    first = see(room, "/accesses?person=ada&since=2026-01-01")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    rest = room.served.ask("GET", html.unescape(following), room.key).text
    numbers = [int(each) for each in re.findall(r'<tr><td class="number">(\d+)</td>', first + rest)]
    assert numbers == list(range(149, -1, -1))
    assert "person=ada&since=2026-01-01" in html.unescape(following)


@pytest.mark.parametrize("asked", ["?since=soon", "?after=-1", f"?person={'x' * 300}"])
def test_a_filter_of_the_access_log_that_is_none_is_refused_with_a_page(room: Room, asked: str) -> None:
    assert room.served.ask("GET", f"/w/{room.name}/accesses{asked}", room.key).status_code == 422


def test_the_route_finds_by_person_and_day_too(room: Room) -> None:
    looked(room, "2026-01-01", "2026-01-02")
    params = {"person": "Ada", "since": "2026-01-01", "until": "2026-01-01"}
    listed = room.ask("GET", "/accesses", params=params).json()["accesses"]
    assert [each["entry"] for each in listed] == [0]


def test_the_log_is_verified_alone_and_against_a_head_that_was_kept(room: Room) -> None:
    room.sealed()
    shown = see(room, "/accesses")
    head = room.ask("GET", "/accesses/head").text
    assert head.splitlines()[2] in html.unescape(shown)
    room.sealed()
    told = text_of(send(room, "/accesses/verification"))
    assert "The log holds" in told
    assert "only a head from elsewhere tells" in told
    told = text_of(send(room, "/accesses/verification", head=head.replace("\n", "\r\n").rstrip()))
    assert "The log holds" in told
    assert "the head that you gave" in told


def test_a_log_that_was_rewritten_is_found_out(room: Room) -> None:
    room.sealed()
    store = room.served.store
    looked(room, "2026-01-01")
    forged = Look(None, access("list"), ())
    store.put_accesses([forged], lambda _size, _root: b"no head", workspace=room.name)
    told = text_of(send(room, "/accesses/verification"))
    assert "The log does not hold" in told
    assert "is none" in told


def test_a_head_that_is_none_or_of_another_log_is_refused(room: Room) -> None:
    other = room.served.new_workspace().ask("GET", "/accesses/head").text
    for head in ("nonsense", other, room.ask("GET", "/ledger/head").text):
        answer = send(room, "/accesses/verification", head=head)
        assert answer.status_code == 422
        assert "It could not be checked against this head" in answer.text


def test_names_are_counted_before_they_are_erased(room: Room) -> None:
    run_id = room.sealed()
    other = room.served.key(Role.VIEWER, room.name)
    room.served.ask("GET", f"{room.path}/runs/{run_id}", other).raise_for_status()
    name = next(
        each["actor"] for each in room.ask("GET", "/accesses").json()["accesses"] if "viewer" in str(each["actor"])
    )
    shown = send(room, "/accesses/erasure", value=name)
    assert "1 clear value would be erased" in text_of(shown)
    assert found(room, "?person=viewer")
    done = send(room, "/accesses/erase", value=html.unescape(field_of(shown, "value")))
    assert done.headers["location"] == f"/w/{room.name}/accesses?done=erased"
    assert found(room, "?person=viewer") == []
    assert "The log holds" in text_of(send(room, "/accesses/verification"))
    again = send(room, "/accesses/erase", value=name)
    assert again.headers["location"].endswith("nothing-erased")


def test_names_beside_a_runs_entries_are_erased(room: Room) -> None:
    run_id = room.sealed()
    assert re.search(r"\d+ clear values would be erased", text_of(send(room, "/accesses/erasure", run_id=run_id)))
    send(room, "/accesses/erase", run_id=run_id)
    assert {each["actor"] for each in room.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"]} >= {
        None
    }


@pytest.mark.parametrize("path", ["/accesses/erasure", "/accesses/erase"])
def test_one_thing_is_erased_at_a_time(room: Room, path: str) -> None:
    for said in ({}, {"value": "a", "run_id": "run_20260101_000000_00000"}):
        answer = send(room, path, **said)
        assert (answer.status_code, "what is to be erased" in answer.text) == (422, True)


def test_the_access_log_is_for_those_who_may_watch_and_erasure_for_those_who_keep(room: Room) -> None:
    keys = {role: room.served.key(role, room.name) for role in Role}
    assert room.served.ask("GET", f"/w/{room.name}/accesses", keys[Role.VIEWER]).status_code == 403
    assert "Erase a name" not in see(room, "/accesses", keys[Role.AUDITOR])
    assert "Erase a name" in see(room, "/accesses", keys[Role.COMPLIANCE])
    for path in ("/accesses/erase", "/accesses/erasure"):
        assert send(room, path, keys[Role.AUDITOR], value="a").status_code == 403
    assert send(room, "/accesses/verification", keys[Role.RECORDER]).status_code == 403
