"""Retention as pages: what is in force and why, what a change would do before it is made, and the change."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import httpx
import pytest

from cognify_core.server.roles import Role
from cognify_core.version import VERSION
from tests.server.browsing import field_of
from tests.server.hostile import HOSTILE, what_pages_never_hold
from tests.server.serving import Room
from tests.server.test_pages import see
from tests.server.test_pages_run import send

FORM = {
    "retention_years": "10",
    "archive_after_days": "",
    "auto_export_format": "json",
    "override_reason": "",
    "version": "0",
}
CITATION = "Regulation (EU) 2024/1689, Art. 18(1)"


def text_of(answer: httpx.Response | str) -> str:
    """What a page says, in one line."""
    page = answer if isinstance(answer, str) else answer.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def preview(room: Room, **said: str) -> httpx.Response:
    return send(room, "/retention/preview", **(FORM | said))


def in_force(room: Room) -> dict[str, Any]:
    return dict(room.ask("GET", "/retention").json())


def documented(room: Room) -> str:
    """A sealed run of which a document under the EU AI Act was made."""
    run_id = room.sealed()
    made = room.ask("POST", f"/runs/{run_id}/exports", json={"format": "pdf", "template": "eu_ai_act"})
    assert made.status_code == 201, made.text
    return run_id


def test_what_is_in_force_is_shown_with_the_laws_and_whom_they_concern(room: Room) -> None:
    told = text_of(see(room, "/retention"))
    assert "never; these are the defaults" in told
    assert "no document was made with it" in told
    documented(room)
    told = text_of(see(room, "/retention"))
    for said in (
        CITATION,
        "45 CFR 164.316(b)(2)(i)",
        "10 years",
        "Applies to 1 run",
        "Art. 19(1), 26(6) none 6 months",
    ):
        assert said in told
    assert "Open holds 1 run The day of placing on the market is not known" in told


def test_a_change_is_shown_first_and_nothing_of_it_is_kept(room: Room) -> None:
    run_id = room.sealed()
    room.ask("POST", f"/runs/{run_id}/exports", json={}).raise_for_status()
    shown = preview(room, retention_years="25", auto_export_on_seal="yes", archive_after_days="90")
    assert shown.status_code == 200
    told = text_of(shown)
    for said in (
        *(
            "1 sealed run, with 1 exported package",
            "1 run would be kept until another day",
            "no day comes nearer afterwards",
            f"Cognify {VERSION} · tamper-evident",
        ),
        *(
            f"Cognify {VERSION} ·",
            run_id,
            "Years from the seal 10 25",
            "25 years after the seal",
            "after 90 days",
            "It is exported as json",
        ),
    ):
        assert said in told
    assert in_force(room)["version"] == 0


def test_what_was_foreseen_is_what_saving_does(room: Room) -> None:
    for _ in range(3):
        room.sealed()
    shown = preview(room, retention_years="25")
    assert "3 runs would be kept until another day" in text_of(shown)
    saved = send(room, "/retention", **(FORM | {"retention_years": "25", "version": field_of(shown, "version")}))
    assert (saved.status_code, saved.headers["location"]) == (303, f"/w/{room.name}/retention?done=retention")
    assert "The retention is saved." in see(room, "/retention?done=retention")
    assert in_force(room)["retention_years"] == 25
    assert room.ask("PATCH", "/retention", json={"retention_years": 25}).json()["kept_longer"] == 0
    assert "Each is kept until the same day as now" in text_of(preview(room, retention_years="25"))


def test_fewer_years_are_for_new_runs_alone_and_the_page_says_so(room: Room) -> None:
    room.sealed()
    told = text_of(preview(room, retention_years="3"))
    assert "Each is kept until the same day as now" in told
    assert "None is kept for less: fewer years, and a reason why floors do not apply, are for runs" in told


@pytest.mark.parametrize("path", ["/retention/preview", "/retention"])
def test_fewer_years_than_the_law_asks_are_refused_beside_the_field(room: Room, path: str) -> None:
    documented(room)
    refused = send(room, path, **(FORM | {"retention_years": "7"}))
    assert refused.status_code == 409
    beside = re.search(r'<p class="hint" id="h-retention_years"><strong>(.*?)</strong>', refused.text)
    assert beside is not None
    assert CITATION in beside[1]
    assert 'aria-invalid="true" value="7"' in refused.text
    assert in_force(room)["version"] == 0


def test_a_reason_switches_floors_off_for_what_is_sealed_from_then_on(room: Room) -> None:
    documented(room)
    said = {"retention_years": "7", "override_reason": "was never placed on the market"}
    told = text_of(preview(room, **said))
    assert "Floors of the law do not hold it, because: was never placed on the market" in told
    assert send(room, "/retention", **(FORM | said)).status_code == 303
    assert in_force(room)["override_reason"] == "was never placed on the market"
    shown = text_of(see(room, "/retention"))
    assert "Overridden for what is sealed under this retention; else it applies, to documents of 1 run in all" in shown


def test_an_open_hold_outlasts_a_reason_and_the_page_says_so(room: Room) -> None:
    documented(room)
    time.sleep(1)  # what is said in the second of a seal counts as said before it
    room.ask("PATCH", "/retention", json={"retention_years": 11}).raise_for_status()
    told = text_of(preview(room, retention_years="12", override_reason="was never placed on the market"))
    assert "Each is kept until the same day as now" in told
    assert "None is kept for less: fewer years, and a reason why floors do not apply, are for runs" in told


def test_a_change_that_was_foreseen_before_another_is_foreseen_again(room: Room) -> None:
    room.ask("PATCH", "/retention", json={"retention_years": 12}).raise_for_status()
    answer = send(room, "/retention", **(FORM | {"retention_years": "11"}))
    assert answer.status_code == 409
    assert "Somebody has changed the retention since you looked" in text_of(answer)
    assert (in_force(room)["retention_years"], field_of(answer, "version")) == (12, "1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retention_years", ""),
        ("retention_years", "101"),
        ("retention_years", "-1"),
        ("retention_years", "7.5"),
        ("retention_years", "\u0667"),
        ("archive_after_days", "0"),
        ("archive_after_days", "soon"),
        ("override_reason", "x" * 1001),
    ],
)
def test_a_field_that_says_what_it_cannot_is_told_beside_it(room: Room, field: str, value: str) -> None:
    for path in ("/retention/preview", "/retention"):
        answer = send(room, path, **(FORM | {field: value}))
        assert answer.status_code == 422
        assert re.search(rf'id="h-{field}"><strong>(Say a whole|A reason has)', answer.text)
    assert in_force(room)["version"] == 0


def test_longer_locks_are_counted_and_the_vault_is_named(room: Room) -> None:
    room.ask("PATCH", "/retention", json={"auto_export_on_seal": True}).raise_for_status()
    run_id = room.sealed()
    facts = room.within_a_while(lambda: list(room.served.store.facts(run_id)))
    told = text_of(preview(room, retention_years="30", auto_export_on_seal="yes"))
    assert re.search(r"[12] locks? of [12] files? would become longer , the longest until \d{4}", told)
    assert "in GOVERNANCE mode: only those to whom the account gives that right" in told
    assert facts[0].vault in told


def test_whoever_may_not_keep_sees_what_is_in_force_and_no_form(room: Room) -> None:
    viewer = room.served.key(Role.VIEWER, room.name)
    shown = see(room, "/retention", viewer)
    assert "Floors of the law" in shown
    assert "<textarea" not in shown
    for path in ("/retention/preview", "/retention"):
        assert send(room, path, viewer, **FORM).status_code == 403


def test_a_workspace_foresees_nothing_of_another(room: Room) -> None:
    documented(room)
    other = room.served.new_workspace()
    assert "It concerns 0 sealed runs, with 0 exported packages" in text_of(preview(other, retention_years="1"))
    for path in ("/retention", "/retention/preview"):
        answer = room.served.ask("POST", f"/w/{other.name}{path}", room.key, data=FORM)
        assert answer.status_code == 404


def test_no_reason_becomes_markup(room: Room) -> None:
    said = {"override_reason": HOSTILE, "retention_years": "11"}
    shown = preview(room, **said)
    saved = send(room, "/retention", **(FORM | said))
    assert (shown.status_code, saved.status_code) == (200, 303)
    wrong = preview(room, retention_years=HOSTILE[:90], archive_after_days=HOSTILE[:90], auto_export_format="json")
    for page in (shown.text, wrong.text, see(room, "/retention")):
        assert what_pages_never_hold(page) == []
        assert "{{7*7}}" in page or page == wrong.text
