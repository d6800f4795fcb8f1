"""The organisation's profile as a form: part by part, version by version, each error beside its field."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from cognify_core.export.templates.covered import COVERED
from cognify_core.model.profile import Profile, problems
from cognify_core.server.mending import mends
from cognify_core.server.profile_fields import PARTS, part_of, place_of
from cognify_core.server.profile_forms import name_of, read, settle, shown, shown_rows, spread
from cognify_core.server.roles import Role
from tests.export.document.dossiers import bare, dossier
from tests.server.hostile import HOSTILE, what_pages_never_hold
from tests.server.serving import Room
from tests.server.test_pages import see

DIGEST = f"sha256:{'ab' * 32}"
STATED = {"name": "B", "role": "r", "on": "2026-01-31"}
DECIDED = {"decision": "alternative", "rationale": "why", "alternative": "what"}
WHOLE: dict[str, Any] = {
    "stated_by": {"name": "Ada Person", "role": "DPO", "on": "2026-11-01"},
    "provider": {"name": "Klinik Nord", "address": "Kiel", "contact": "ai@example.org"},
    "system_name": "Letters",
    "market_date": "2026-03-01",
    "high_risk": "annex_iii",
    "intended_purpose": {
        "text": "Sorts letters.\nBy urgency.",
        "stated_by": {"name": "B", "role": "r", "on": "2026-01-31"},
    },
    "deployment_restrictions": ["Not for emergencies", "Adults alone"],
    "acceptable_use_policy": {"url": "https://example.org/aup", "sha256": DIGEST, "title": "AUP"},
    "incident_policy": {"url": "https://example.org/incidents"},
    "incident_contact": "security@example.org",
    "instructions_for_use": {"reference": {"url": "https://example.org/ifu", "sha256": DIGEST}},
    "standards": ["EN ISO 14971:2019"],
    "metric_rationale": {"eval_f1": "Classes are uneven.", "a b": "c"},
    "base_compute": {"meta/llama": {"flop": 7.2e23, "source": "its report", "systemic_risk": False}},
    "answers": {"annex_iv/1(f)": {"not_applicable": "Software only."}, "house/1": {"text": "of another template"}},
    "gap_owners": {"engineer": "Tim", "annex_iv/5": "Eve"},
    "hipaa": {
        "security_official": "Sue",
        "weights_treated_as_ephi": "yes",
        "vendors": [{"name": "Cloud", "baa": True, "baa_date": "2026-01-15"}, {"name": "Host", "baa": False}],
        "addressable": {"164.312(a)(2)(iv)": DECIDED},
        "incidents": {"text": "None."},
    },
}


def put(room: Room, profile: dict[str, Any], project: str | None = None) -> None:
    room.ask("PUT", "/profile", json=profile, params={"project": project} if project else {}).raise_for_status()


def kept(room: Room, project: str | None = None) -> dict[str, Any]:
    """The profile as it is saved."""
    answer = room.ask("GET", "/profile", params={"project": project} if project else {})
    return dict(answer.json()["profile"]) if answer.status_code == 200 else {}


def fields_of(page: str) -> dict[str, str]:
    """The form of a page, as a browser would send it unchanged."""
    form = re.search(r'<form method="post"[^>]*class="profile">(.*?)</form>', page, re.DOTALL)
    assert form is not None, page
    sent = dict(re.findall(r'<input type="(?:text|date|hidden)"[^>]* name="([^"]+)"[^>]*?value="([^"]*)"', form[1]))
    sent |= dict(re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form[1], re.DOTALL))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form[1]):
        sent[name] = dict(re.findall(r'value="([^"]*)"( selected)?', options)) and _selected(options)
    return {unescape(name): unescape(value) for name, value in sent.items()}


def _selected(options: str) -> str:
    found = re.search(r'value="([^"]*)" selected', options)
    return found[1] if found else ""


def save(room: Room, part: str, changes: dict[str, str], *, key: str | None = None, **asked: str) -> httpx.Response:
    """Open a part of the form, change fields of it, and send it."""
    query = str(httpx.QueryParams({"part": part, **asked}))
    sent = fields_of(see(room, f"/profile?{query}")) | changes
    return room.served.ask("POST", f"/w/{room.name}/profile?{query}", key or room.key, data=sent)


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_a_form_that_is_sent_unchanged_changes_nothing(room: Room, part: str) -> None:
    put(room, WHOLE)
    assert save(room, part, {}).status_code == 303
    assert kept(room) == WHOLE
    assert len(room.served.store.profiles(workspace=room.name)) == 1


def test_a_profile_is_spread_over_the_form_and_settles_as_it_was() -> None:
    settled = settle(spread(WHOLE))
    assert (settled.value, settled.wrong) == (WHOLE, {})
    assert Profile.parse(WHOLE).to_json() == WHOLE


def test_every_field_of_a_profile_stands_in_one_part_of_the_form() -> None:
    tree = spread(WHOLE)
    said = {name for part in PARTS for name, each in shown(part, tree, {}, {}).items() if each.value}
    said |= {each.name for part in PARTS for rows in part.rows for row in shown_rows(rows, tree, {}) for each in row}
    for path in _leaves(WHOLE):
        head = path[:1] if path[0] in ("gap_owners", "metric_rationale", "base_compute") else path
        found = any(name == name_of(path) or name.startswith(f"{name_of(head)}|") for name in said)
        assert found or "house/1" in path, path
    fields = {field.path[0] for part in PARTS for field in part.fields}
    assert fields | {rows.path[0] for part in PARTS for rows in part.rows} == set(Profile.model_fields)


def _leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [path]
    return [leaf for key, each in value.items() for leaf in _leaves(each, (*path, key))]


def test_a_part_that_is_saved_is_a_new_version_and_the_other_parts_stay(room: Room) -> None:
    put(room, {"answers": {"annex_iv/2(f)": {"text": "none"}}, "gap_owners": {"engineer": "Tim"}})
    changes = {"system_name": "Letters", "provider|name": "Klinik", "deployment_restrictions": "one\n\n two \n"}
    answer = save(room, "system", changes)
    assert answer.headers["location"] == f"/w/{room.name}/profile?part=system&done=profile"
    assert kept(room) == {
        "answers": {"annex_iv/2(f)": {"text": "none"}},
        "gap_owners": {"engineer": "Tim"},
        "system_name": "Letters",
        "provider": {"name": "Klinik"},
        "deployment_restrictions": ["one", "two"],
    }
    shown = see(room, "/profile?part=system&done=profile")
    assert "The profile is saved." in shown
    assert ("Version 1" in shown, "Version 2" in shown) == (True, True)
    assert "Letters" not in see(room, "/profile?version=1")
    assert "Letters" in see(room, "/profile?version=2")
    assert room.served.ask("GET", f"/w/{room.name}/profile?version=3", room.key).status_code == 404


def test_what_is_emptied_goes(room: Room) -> None:
    put(room, WHOLE)
    save(room, "system", {"provider|name": "", "provider|address": "", "provider|contact": "", "system_name": " "})
    save(room, "owners", {"gap_owners|0|_key": "", "gap_owners|0|value": ""})
    save(room, "hipaa", {"hipaa|vendors|0|name": "", "hipaa|vendors|0|baa": "", "hipaa|vendors|0|baa_date": ""})
    left = kept(room)
    assert "provider" not in left
    assert "system_name" not in left
    assert len(left["gap_owners"]) == 1
    assert left["hipaa"]["vendors"] == [{"name": "Host", "baa": False}]


def test_an_entry_is_added_in_an_empty_row(room: Room) -> None:
    added = {"metric_rationale|0|_key": "f1", "metric_rationale|0|value": "uneven", "base_compute|1|_key": "llama"}
    assert (
        save(room, "owners", added | {"base_compute|1|flop": "1e24", "base_compute|1|source": "it"}).status_code == 303
    )
    assert kept(room) == {
        "metric_rationale": {"f1": "uneven"},
        "base_compute": {"llama": {"flop": 1e24, "source": "it"}},
    }


@pytest.mark.parametrize(
    ("part", "changes", "field", "told"),
    [
        ("system", {"stated_by|name": "Ada"}, "stated_by|role", "needed as well"),
        ("system", {"market_date": "soon"}, "market_date", "a day, as in 2026-01-31"),
        ("system", {"acceptable_use_policy|sha256": DIGEST}, "acceptable_use_policy|url", "names a url or a path"),
        ("system", {"acceptable_use_policy|url": "u", "acceptable_use_policy|sha256": "x"},
         "acceptable_use_policy|sha256", "a digest is written sha256:<64 lower-case hex digits>"),
        ("annex_iv", {"answers|annex_iv/1(b)|text": "a", "answers|annex_iv/1(b)|not_applicable": "b"},
         "answers|annex_iv/1(b)|text", "no answer beside the reason"),
        ("hipaa", {"hipaa|vendors|1|service": "GPU"}, "hipaa|vendors|0|name", "needed as well"),
        ("hipaa", {"hipaa|addressable|164.312(a)(2)(iv)|decision": "implemented"},
         "hipaa|addressable|164.312(a)(2)(iv)|rationale", "needed as well"),
        ("owners", {"gap_owners|0|value": "Tim"}, "gap_owners|0|_key", "it has no name"),
        ("owners", {"gap_owners|0|_key": "engineer"}, "gap_owners|0|value", "nothing is said"),
        ("owners", {f"gap_owners|{n}|{k}": "x" for n in (0, 1) for k in ("_key", "value")},
         "gap_owners|1|_key", "stands there already"),
        ("owners", {"base_compute|0|_key": "m", "base_compute|0|flop": "many", "base_compute|0|source": "s"},
         "base_compute|0|flop", "valid number"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field_and_what_was_written_is_not_lost(
    room: Room, part: str, changes: dict[str, str], field: str, told: str
) -> None:
    answer = save(room, part, changes)
    assert answer.status_code == 422
    assert "Nothing is saved." in answer.text
    shown = answer.text
    hint = re.search(rf'id="h-{re.escape(field)}"><strong>([^<]+)</strong>', shown)
    assert hint is not None, shown
    assert told in unescape(hint[1])
    assert f'href="#f-{field}"' in shown
    assert f'aria-describedby="h-{field}" aria-invalid="true"' in shown
    written = fields_of(answer.text)
    assert set(changes.values()) <= set(written.values())
    assert kept(room) == {}


def test_a_project_stands_over_the_organisation_and_says_so(room: Room) -> None:
    put(room, {"system_name": "All of them", "provider": {"name": "Klinik"}})
    room.begin(project="triage")
    shown = see(room, "/profile?project=triage")
    assert "For all projects: All of them" in shown
    assert save(room, "system", {"system_name": "Triage"}, project="triage").status_code == 303
    assert (kept(room)["system_name"], kept(room, "triage")) == ("All of them", {"system_name": "Triage"})
    assert "name: Klinik" in see(room, "/profile?project=triage").partition("In force")[2]


def test_a_file_that_the_profile_refers_to_stays_as_it_was_or_goes(room: Room, tmp_path: Any) -> None:
    from cognify_core.api.profiles import save_profile

    (tmp_path / "aup.pdf").write_bytes(b"x")
    store = room.served.app.state.rooms.find(room.name).store
    save_profile(store, {"acceptable_use_policy": {"path": "aup.pdf"}}, project=None, folder=tmp_path)
    before = kept(room)["acceptable_use_policy"]
    assert save(room, "system", {"system_name": "Letters"}).status_code == 303
    assert kept(room)["acceptable_use_policy"] == before
    save(room, "system", {"acceptable_use_policy|url": "https://example.org/aup"})
    assert "path" not in kept(room)["acceptable_use_policy"]
    save_profile(store, {"incident_policy": {"path": "aup.pdf"}}, project=None, folder=tmp_path)
    assert save(room, "system", {"incident_policy|path": "drop"}).status_code == 303
    assert "incident_policy" not in kept(room)


def test_nobody_makes_the_server_read_a_file(room: Room) -> None:
    sent = {"acceptable_use_policy|path": "/etc/passwd", "incident_policy|path": "/etc/passwd"}
    assert save(room, "system", sent).status_code == 303
    assert kept(room) == {}


def test_what_somebody_else_saved_meanwhile_is_not_overwritten(room: Room) -> None:
    sent = fields_of(see(room, "/profile")) | {"system_name": "mine"}
    put(room, {"system_name": "theirs"})
    answer = room.served.ask("POST", f"/w/{room.name}/profile", room.key, data=sent)
    assert (answer.status_code, "Somebody else has saved" in answer.text) == (409, True)
    assert 'value="mine"' in answer.text
    assert kept(room)["system_name"] == "theirs"
    again = fields_of(answer.text)
    assert room.served.ask("POST", f"/w/{room.name}/profile", room.key, data=again).status_code == 303
    assert kept(room)["system_name"] == "mine"


@pytest.mark.parametrize("role", list(Role))
def test_only_whoever_keeps_a_workspace_changes_its_profile(room: Room, role: Role) -> None:
    put(room, {"system_name": "Letters"})
    key = room.served.key(role, room.name)
    may = role in (Role.COMPLIANCE, Role.ADMIN)
    shown = see(room, "/profile", key)
    assert ("system_name: Letters" in shown, 'method="post" action="/w/' in shown) == (True, may)
    assert save(room, "system", {"system_name": "x"}, key=key).status_code == (303 if may else 403)


def test_nothing_of_another_workspace_is_shown_or_changed(room: Room) -> None:
    elsewhere = room.served.new_workspace()
    put(elsewhere, {"system_name": "theirs"})
    assert "theirs" not in see(room, "/profile")
    answer = room.served.ask("POST", f"/w/{elsewhere.name}/profile", room.key, data={"version": "1"})
    assert answer.status_code == 404


def test_nothing_that_anybody_wrote_becomes_markup(room: Room) -> None:
    said = {"text": HOSTILE}
    hostile = {
        "system_name": HOSTILE,
        "intended_purpose": said,
        "answers": {"annex_iv/1(b)": said, "hipaa/scope": said, "house/'\"><img": said},
        "gap_owners": {HOSTILE: HOSTILE},
        "base_compute": {HOSTILE: {"flop": 1.0, "source": HOSTILE}},
        "hipaa": {
            "vendors": [{"name": HOSTILE}],
            "addressable": {HOSTILE: {"decision": "implemented", "rationale": "r"}},
        },
    }
    put(room, hostile)
    put(room, hostile, project=HOSTILE)
    for part in (*(part.name for part in PARTS), HOSTILE):
        for asked in ({"part": part}, {"part": part, "project": HOSTILE, "open": HOSTILE}, {"version": "1"}):
            answer = room.served.ask("GET", f"/w/{room.name}/profile", room.key, params=asked)
            assert answer.status_code == 200
            assert what_pages_never_hold(answer.text) == []
            assert "<img" not in answer.text.replace('<img src="/static/', "")
            assert not {"\u202e", "\x1b", "\u2028"} & set(answer.text)
    sent = {"version": "1", f"gap_owners|{HOSTILE}|_key": HOSTILE, "market_date": HOSTILE, "stated_by|on": HOSTILE}
    answer = room.served.ask("POST", f"/w/{room.name}/profile", room.key, data=sent)
    assert (answer.status_code, what_pages_never_hold(answer.text)) == (422, [])


def test_a_gap_leads_to_its_field_of_the_profile(room: Room) -> None:
    for law in COVERED:
        for told in (dossier(), bare()):
            for point, answer in zip(law.points, law.answers(told), strict=True):
                for mend in mends(point, answer, sealed=False, project="p"):
                    if mend.page == "profile":
                        asks = dict(mend.asks)
                        groups = [group.anchor for group in part_of(asks["part"]).groups]
                        assert asks["open"] == mend.anchor
                        assert mend.anchor in groups
    assert place_of("hipaa.security_official") == ("hipaa", "hipaa")
    assert place_of("system_version") == ("system", "system_name")
    run_id = room.sealed()
    shown = see(room, f"/runs/{run_id}/compliance")
    (row,) = re.findall(r'<tr id="annex_iv/1\(b\)">.*?</tr>', shown, re.DOTALL)
    (link,) = re.findall(r'href="/w/[^/]+(/profile[^"#]+)#annex_iv/1\(b\)"', row)
    opened = see(room, unescape(link))
    assert '<details class="card" open><summary><strong>1(b)' in opened
    assert "Profile of p" in opened


def test_rows_beyond_those_that_are_shown_are_kept() -> None:
    many = {f"p{number}": "x" for number in range(250)}
    (part,) = (part for part in PARTS if part.name == "owners")
    tree = spread({"gap_owners": many})
    (rows,) = (rows for rows in part.rows if rows.path == ("gap_owners",))
    sent = {each.name: each.value for row in shown_rows(rows, tree, {}) for each in row}
    assert settle(read(part, sent, tree)).value == {"gap_owners": many}


def test_everything_that_is_wrong_is_told_by_its_place() -> None:
    wrong = problems({"system_name": "", "market_date": "x", "answers": {"nothing": "x"}, "unknown": 1})
    assert set(wrong) == {("system_name",), ("market_date",), ("answers", "nothing", "[key]"), ("unknown",)}
    assert problems(WHOLE) == {}
