"""What holds for every page: who sees it, what it may load, and what it says where it cannot be shown."""

from __future__ import annotations

import re

import pytest

from cognify_core.server.roles import Role
from tests.server.serving import Room, Served


def see(room: Room, path: str, key: str | None = None) -> str:
    """The page below a workspace's address."""
    answer = room.served.ask("GET", f"/w/{room.name}{path}", key or room.key)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_visitor_who_is_not_known_is_led_to_the_login_and_back(served: Served) -> None:
    answer = served.ask("GET", "/w/default/runs?status=FAILED")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fw%2Fdefault%2Fruns%3Fstatus%3DFAILED"


def test_the_first_page_leads_to_the_only_workspace(room: Room) -> None:
    answer = room.served.ask("GET", "/", room.key)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{room.name}/runs")
    assert room.served.ask("GET", f"/w/{room.name}", room.key).headers["location"] == f"/w/{room.name}/runs"


def test_whoever_sees_several_workspaces_chooses_one(room: Room) -> None:
    shown = room.served.ask("GET", "/", room.served.key(Role.ADMIN)).text
    assert f'href="/w/{room.name}/runs"' in shown
    assert 'href="/w/default/runs"' in shown


def test_another_workspace_is_not_there(room: Room) -> None:
    stranger = room.served.key(Role.ADMIN, "default")
    answers = [room.served.ask("GET", f"/w/{name}/runs", stranger) for name in (room.name, "none-of-that-name")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(room.name, "none-of-that-name") == answers[1].text


@pytest.mark.parametrize("path", ["/w/default/runs", "/w/default/nothing", "/"])
def test_no_page_runs_a_script_of_others_or_stands_in_a_frame(served: Served, path: str) -> None:
    headers = served.ask("GET", path, served.key()).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "same-origin")


def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(served: Served) -> None:
    key = served.key()
    shown, problem = (served.ask("GET", f"{start}/nothing", key) for start in ("/w/default", "/v2"))
    assert (shown.status_code, problem.status_code) == (404, 404)
    assert "There is nothing here" in shown.text
    assert shown.headers["content-type"].startswith("text/html")
    assert problem.headers["content-type"] == "application/problem+json"


def test_files_are_kept_for_ever_under_a_name_that_changes_with_them(room: Room) -> None:
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', see(room, "/runs"))
    assert {name.rpartition(".")[2] for name in found} == {"css", "js", "svg"}
    for name in found:
        answer = room.served.ask("GET", name)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert room.served.ask("GET", "/static/cognify.css").status_code == 404
    assert room.served.ask("GET", "/static/..%2frendering.py").status_code == 404


def test_the_chosen_theme_is_that_of_the_page_and_another_word_is_none(room: Room) -> None:
    said = {
        theme: room.served.ask("GET", f"/w/{room.name}/runs", room.key, headers={"Cookie": f"cognify_theme={theme}"})
        for theme in ("dark", "light", "x")
    }
    assert [f'data-theme="{theme}"' in answer.text for theme, answer in said.items()] == [True, True, False]
    assert 'data-theme="' not in said["x"].text


def test_only_pages_that_are_there_stand_in_the_navigation(room: Room) -> None:
    names = re.findall(rf'href="/w/{room.name}/([a-z]+)"', see(room, "/runs"))
    for name in names:
        assert room.served.ask("GET", f"/w/{room.name}/{name}", room.key, follow_redirects=True).status_code == 200
    assert "runs" in names


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("since=soon", "In the address, “since” says “soon”: a day is meant, as in 2026-11-29."),
        ("status=odd", "“status” says “odd”"),
    ],
)
def test_an_address_that_cannot_be_meant_is_told_in_words(room: Room, asked: str, told: str) -> None:
    answer = room.served.ask("GET", f"/w/{room.name}/runs?{asked}", room.key)
    assert (answer.status_code, told in answer.text) == (422, True)


def test_what_is_not_there_is_said_in_a_sentence(room: Room) -> None:
    answer = room.served.ask("GET", f"/w/{room.name}/runs/nope", room.key)
    assert f"There is no run nope in the workspace {room.name}" in answer.text
