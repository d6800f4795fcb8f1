"""Coverage as pages: what packages would say, runs side by side and one point by point, and forms that mend gaps."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from cognify_core.api.telling import tell
from cognify_core.api.workspace import Workspace
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.covered import COVERED, Covered, State, covered, state_of
from cognify_core.export.templates.points import Findings, Point, answered
from cognify_core.export.templates.template import Answer
from cognify_core.server.coverages import Coverages, InForce
from cognify_core.server.mending import mends
from cognify_core.server.portraits import Portraits
from cognify_core.server.roles import Role
from tests.export.document.dossiers import bare, dossier, rich
from tests.server.hostile import finish, hostile_run, what_pages_never_hold
from tests.server.serving import Room, Served, serving
from tests.server.test_pages import see
from tests.server.test_pages_run import ended, recorded, sealed, send

LAWS = pytest.mark.parametrize("law", COVERED, ids=lambda law: law.name)
PROFILE: dict[str, Any] = {
    "stated_by": {"name": "Ada Person", "role": "DPO", "on": "2026-11-01"},
    "answers": {
        "annex_iv/1(b)": "It is called by the hospital's letter service.",
        "annex_iv/1(f)": {"not_applicable": "It is no component of a product."},
    },
}


def inside(room: Room) -> Workspace:
    """The workspace, as the server has it."""
    found: Workspace = room.served.app.state.rooms.find(room.name)
    return found


def rows_of(page: str) -> dict[str, str]:
    """The state of each row of a run's page."""
    rows = re.findall(r'<tr id="((?:annex_iv|hipaa)/[^"]+)">(.*?)</tr>', page, re.DOTALL)
    return {unescape(name): _state(row) for name, row in rows}


def _state(row: str) -> str:
    found = re.search(r"(Complete|Partial|Missing|Not applicable)</span>", row)
    assert found is not None, row
    return found[1].lower()


def marks_of(page: str) -> dict[str, list[str]]:
    """The states of each row of a project's page, run by run."""
    rows = re.findall(r'<tr>\s*<th scope="row" class="point">(\S+) (.*?)</tr>', page, re.DOTALL)
    return {unescape(ref): re.findall(r'class="mark [^"]+" title="([^"]+)"', row) for ref, row in rows}


def said_by_package(room: Room, run_id: str, law: Covered) -> dict[str, str]:
    """The same, of what the store holds of the run, as the template answers it."""
    workspace = inside(room)
    dossier = tell(workspace.store, run_id, workspace.ring.trusted())
    return {p.name: state_of(answer) for p, answer in zip(law.points, law.answers(dossier), strict=True)}


@LAWS
def test_a_run_answers_every_row_as_the_package_that_is_made_next(room: Room, law: Covered) -> None:
    run_id = sealed(room)
    room.ask("PUT", "/profile", json=PROFILE).raise_for_status()
    shown = rows_of(see(room, f"/runs/{run_id}/compliance"))
    assert len(shown) == sum(len(each.points) for each in COVERED)
    assert said_by_package(room, run_id, law).items() - shown.items()  # the profile is not in the record yet
    send(room, f"/runs/{run_id}/packages", kind=f"pdf {law.name}")
    assert room.served.store.addenda(run_id), "the package took in an addendum"
    packaged = said_by_package(room, run_id, law)
    names = "164.312(a)(2)(i)"  # the names of accounts lie beside the record, where the package finds them too
    assert {k: v for k, v in packaged.items() if names not in k}.items() <= shown.items()


@LAWS
def test_the_matrix_says_of_each_run_what_its_own_page_says(room: Room, law: Covered) -> None:
    runs = [sealed(room), ended(room), recorded(room)]
    by_run = [rows_of(see(room, f"/runs/{run_id}/compliance")) for run_id in reversed(runs)]
    matrix = marks_of(see(room, f"/compliance?project=p&law={law.name}"))
    assert list(matrix) == [point.ref for point in law.points]
    for place, own in enumerate(by_run):
        assert [states[place] for states in matrix.values()] == [own[point.name] for point in law.points]


def test_a_row_is_cited_with_what_is_missing_who_owns_it_and_what_mends_it(room: Room) -> None:
    room.ask("PUT", "/profile", json={"gap_owners": {"annex_iv/1(b)": "Tim Architect"}}).raise_for_status()
    run_id = sealed(room)
    for shown in (see(room, f"/runs/{run_id}/compliance"), see(room, "/compliance?project=p")):
        for text in ("Art. 11(1), Annex IV, point 1(b)", "how it interacts with other hardware", "Tim Architect"):
            assert text in shown
        assert "Regulation (EU) 2024/1689, consolidated 27.07.2026" in shown
    assert "45 CFR 164.312(a)(2)(iv), addressable" in see(room, f"/runs/{run_id}/compliance")


def test_what_the_profile_says_counts_at_once(room: Room) -> None:
    run_id = sealed(room)
    before = rows_of(see(room, f"/runs/{run_id}/compliance"))
    room.ask("PUT", "/profile", json=PROFILE).raise_for_status()
    after = rows_of(see(room, f"/runs/{run_id}/compliance"))
    matrix = marks_of(see(room, "/compliance?project=p"))
    assert (before["annex_iv/1(b)"], after["annex_iv/1(b)"], matrix["1(b)"]) == ("missing", "complete", ["complete"])
    assert (before["annex_iv/1(f)"], after["annex_iv/1(f)"]) == ("missing", "not applicable")
    assert room.served.store.addenda(run_id) == []


def test_a_gap_leads_to_the_form_that_mends_it_already_filled_in(room: Room) -> None:
    run_id = sealed(room)
    shown = see(room, f"/runs/{run_id}/compliance")
    (row,) = re.findall(r'<tr id="annex_iv/2\(f\)">.*?</tr>', shown, re.DOTALL)
    (link,) = re.findall(r'href="([^"]+/attestation[^"]+)"', row)
    form = room.served.ask("GET", unescape(link), room.key).text
    assert '<input type="hidden" name="form" value="annex_iv">' in form
    assert '<option value="annex_iv/2(f)" selected>2(f) Pre-determined changes: missing</option>' in form
    said = {
        "claim": "There are none.",
        "by": "Ada Person",
        "role": "DPO",
        "form": "annex_iv",
        "subject": "annex_iv/2(f)",
    }
    assert send(room, f"/runs/{run_id}/attestation", **said).status_code == 303
    assert rows_of(see(room, f"/runs/{run_id}/compliance"))["annex_iv/2(f)"] == "complete"
    assert f'href="/w/{room.name}/runs/{run_id}/note?kind=failure_mode"' in shown
    note = see(room, f"/runs/{run_id}/note?kind=failure_mode")
    assert '<option value="failure_mode" selected>' in note


def test_a_run_that_is_not_sealed_is_to_be_sealed_first(room: Room) -> None:
    shown = see(room, f"/runs/{ended(room)}/compliance")
    assert "Seal the run first" in shown
    assert "/attestation?" not in shown


def test_every_row_that_lacks_something_leads_to_a_form() -> None:
    for law in COVERED:
        for told in (dossier(), bare(), rich()):
            for point, answer in zip(law.points, law.answers(told), strict=True):
                assert bool(mends(point, answer, sealed=True, project="p")) == bool(answer.missing)


def test_a_viewer_finds_no_form_and_no_name_of_an_account(room: Room) -> None:
    run_id = sealed(room)
    see(room, f"/runs/{run_id}")
    viewer = room.served.key(Role.VIEWER, room.name)
    pages = [
        (see(room, f"/runs/{run_id}/compliance", key), see(room, "/compliance?project=p&law=hipaa", key))
        for key in (room.key, viewer)
    ]
    assert "of a test, admin" in pages[0][0]
    for shown in pages[1]:
        assert "of a test, admin" not in shown
        assert not [control for control in ("/note?", "/attestation?", "/packages") if control in shown]
    assert "shown to roles that may see the access log" in pages[1][0]
    assert rows_of(pages[0][0]) == rows_of(pages[1][0])


def test_projects_stand_side_by_side_by_their_newest_sealed_run(room: Room) -> None:
    older, _, only = sealed(room, project="a & b"), ended(room, project="a & b"), ended(room, project="other")
    shown = see(room, "/compliance")
    assert f'href="/w/{room.name}/compliance?project=a+%26+b">a &amp; b</a>' in shown
    assert re.findall(r'href="/w/[^"]+/runs/(run_\w+)/compliance"', shown) == [older, only]
    assert shown.count('<svg class="bar"') == 4


def test_projects_and_runs_come_by_pages(room: Room) -> None:
    begun = [room.begin(project="many") for _ in range(14)]
    for number in range(13):
        room.begin(project=f"p{number:02}")
    first = see(room, "/compliance?project=many&sealed=no")
    (following,) = re.findall(r'href="/w/[^/]+(/compliance[^"]+)" rel="next"', first)
    rest = see(room, unescape(following))
    assert [_numbered(page) for page in (first, rest)] == [begun[:1:-1], begun[1::-1]]
    (following,) = re.findall(r'href="/w/[^/]+(/compliance[^"]+)" rel="next"', see(room, "/compliance"))
    assert re.findall(r"project=(p\d+)", see(room, unescape(following))) == [f"p{number:02}" for number in range(7, 13)]
    assert "No project comes after that" in see(room, "/compliance?after=zzz")


def _numbered(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/w/[^"]+/runs/(run_\w+)/compliance"', page)


def test_sealed_runs_are_one_link_away_and_none_is_said_to_be_none(room: Room) -> None:
    done, open_ = sealed(room), ended(room)
    assert _numbered(see(room, "/compliance?project=p&sealed=yes")) == [done]
    assert _numbered(see(room, "/compliance?project=p&sealed=no")) == [open_]
    assert "This project has no run" in see(room, "/compliance?project=none")
    assert "No run is like this" in see(room, "/compliance?project=none&sealed=yes")


@pytest.mark.parametrize("asked", ["?law=soc2", f"?project={'x' * 2001}", "?project=p&after=run_x", "?sealed=maybe"])
def test_what_is_no_page_is_refused_with_one(room: Room, asked: str) -> None:
    answer = room.served.ask("GET", f"/w/{room.name}/compliance{asked}", room.key)
    assert (answer.status_code in (404, 422), answer.headers["content-type"]) == (True, "text/html; charset=utf-8")


def test_nothing_of_another_workspace_is_shown(room: Room, served: Served) -> None:
    elsewhere = served.new_workspace()
    run_id = sealed(elsewhere, project="theirs")
    elsewhere.ask("PUT", "/profile", json=PROFILE).raise_for_status()
    assert served.ask("GET", f"/w/{room.name}/runs/{run_id}/compliance", room.key).status_code == 404
    assert served.ask("GET", f"/w/{elsewhere.name}/compliance", room.key).status_code == 404
    assert "theirs" not in see(room, "/compliance")
    assert "This project has no run" in see(room, "/compliance?project=theirs")


def test_an_addendum_counts_for_the_run_that_it_amends(room: Room) -> None:
    run_id = sealed(room)
    send(room, f"/runs/{run_id}/note", text="later")
    (addendum,) = room.served.store.addenda(run_id)
    answer = room.served.ask("GET", f"/w/{room.name}/runs/{addendum.run_id}/compliance", room.key)
    assert (answer.status_code, run_id in answer.text) == (409, True)


def test_whoever_looks_stands_in_the_access_log(room: Room) -> None:
    run_id = sealed(room)
    see(room, f"/runs/{run_id}/compliance")
    assert room.last_access(run_id)["action"] == "compliance"
    see(room, "/compliance")
    newest = room.ask("GET", "/accesses").json()["accesses"]
    assert ("compliance", None) in [(entry["action"], entry["run_id"]) for entry in newest]


@pytest.mark.parametrize("seal", [False, True])
def test_nothing_that_anybody_wrote_becomes_markup(room: Room, *, seal: bool) -> None:
    run_id = hostile_run(room)
    finish(room, run_id, seal=seal)
    (project,) = room.served.store.projects(workspace=room.name)
    address = f"/w/{room.name}/compliance"
    for path, query in (
        (f"/w/{room.name}/runs/{run_id}/compliance", {}),
        (address, {}),
        (address, {"project": project}),
        (address, {"project": project, "law": "hipaa"}),
        (address, {"after": project[:10]}),
    ):
        answer = room.served.ask("GET", path, room.key, params=query)
        assert answer.status_code == 200, answer.text
        assert what_pages_never_hold(answer.text) == []
        assert "<img" not in answer.text.replace('<img src="/static/', "")
        assert not {"\u202e", "\x1b", "\u2028"} & set(answer.text)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Room]:
    """A workspace of a server of its own, which may be damaged."""
    with serving(tmp_path) as served:
        yield served.new_workspace()


def test_a_record_that_does_not_read_answers_nothing_and_says_so(alone: Room) -> None:
    well, damaged = sealed(alone), sealed(alone)
    with closing(sqlite3.connect(alone.served.settings.store_path)) as raw, raw:
        raw.execute("DROP TRIGGER events_update")
        raw.execute("UPDATE events SET event = x'7b' WHERE seq = 2 AND run_id = ?", (damaged,))
    assert "does not read" in see(alone, f"/runs/{damaged}/compliance")
    assert "Does not read" in see(alone, "/compliance")
    matrix = see(alone, "/compliance?project=p")
    assert "Does not read" in matrix
    assert "What run 2 lacks" in matrix
    assert {len(states) for states in marks_of(matrix).values()} == {1}
    assert _numbered(matrix) == [damaged, well]


def test_states_are_remembered_until_something_is_added(room: Room) -> None:
    asked: list[str] = []

    def answer(told: Dossier, point: Point) -> Answer:
        asked.append(told.run_id)
        found = Findings()
        found.add(f"{len(told.notes)} notes", told.opened)
        return answered(told, point, found)

    law = Covered(covered("eu_ai_act").template, "ours", "", "{}", (Point("ours", "1", "t", "a", answer),))
    run_id, workspace = sealed(room), inside(room)
    known = Coverages(Portraits())

    def look() -> tuple[State, ...] | None:
        return known.states(workspace, workspace.store.run(run_id), law, InForce.of(workspace, "p"))

    assert [look(), look()] == [(State.COMPLETE,)] * 2
    assert len(asked) == 1
    send(room, f"/runs/{run_id}/note", text="later")
    look()
    assert len(asked) == 2
    room.ask("PUT", "/profile", json=PROFILE).raise_for_status()
    look()
    look()
    assert len(asked) == 3
