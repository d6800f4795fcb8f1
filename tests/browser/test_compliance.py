"""Coverage as people use it: from a project to a row that is missing, and the form that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from cognify_core.server.profile_fields import PARTS
from tests.browser.dashboard import NARROW, WIDE, address, broken_rules, visiting
from tests.browser.test_dashboard import hold_to_the_rules, press
from tests.server.hostile import finish, hostile_run
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_profile import WHOLE
from tests.server.test_pages_run import ended, recorded, sealed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("compliance")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


@SIZES
def test_a_missing_row_is_found_and_mended_with_the_keyboard_alone(
    browser: Browser, room: Room, size: dict[str, int]
) -> None:
    sealed(room, name="a fine-tune", project="triage")
    with visiting(browser, room, size) as page:
        page.goto("runs")
        for pressed in ("Compliance", "triage", "what mends it (1(b))", "Attest this point (1(b))"):
            press(page, pressed)
        expect(page.get_by_label("Point of law")).to_have_value("annex_iv/1(b)")
        for label, text in (("exact words", "It is called by the letter service."), ("Name", "Ada"), ("role", "DPO")):
            page.get_by_label(label).focus()
            page.keyboard.type(text)
        press(page, "Add and seal the attestation")
        expect(page.get_by_role("status")).to_have_text("The attestation is added, and its addendum is sealed.")
        expect(page.locator("tr[id='annex_iv/1(b)']")).to_contain_text("Complete")
        page.goto("compliance?project=triage")
        row = page.locator("tr", has=page.get_by_role("rowheader", name="1(b) Interaction")).first
        expect(row.get_by_title("complete")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@SIZES
def test_no_page_of_coverage_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    with visiting(browser, room, size, color_scheme=theme) as page:
        hold_to_the_rules(page, ["compliance", "compliance?project=none"])
        runs = recorded(room), ended(room), sealed(room)
        hold_to_the_rules(page, ["compliance", "compliance?project=p", "compliance?project=p&law=hipaa"])
        hold_to_the_rules(page, [f"runs/{run_id}/compliance" for run_id in runs[1:]])
        asked = ("annex_iv&subject=annex_iv/7", "phi", "phi&basis=safe_harbor", "encryption_at_rest")
        hold_to_the_rules(page, [f"runs/{runs[2]}/attestation?form={form}" for form in asked])


@pytest.mark.parametrize("theme", ["light", "dark"])
@SIZES
def test_no_page_of_the_profile_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    with visiting(browser, room, size, color_scheme=theme) as page:
        hold_to_the_rules(page, ["profile"])
        room.ask("PUT", "/profile", json=WHOLE).raise_for_status()
        hold_to_the_rules(page, [*(f"profile?part={part.name}" for part in PARTS), "profile?version=1"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_form_that_is_refused_leads_to_the_field_that_is_wrong(browser: Browser, room: Room, theme: str) -> None:
    headers = {"Authorization": f"Bearer {room.key}"}  # not watched: a refusal is an error on the console
    context = browser.new_context(extra_http_headers=headers, base_url=address(room), color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("profile?part=owners")
    page.get_by_label("Who mends it").first.fill("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is saved")
    assert broken_rules(page) == []
    page.get_by_role("alert").get_by_role("link").click()
    assert page.url.endswith("#f-gap_owners|0|_key")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    context.close()


def test_a_gap_is_filled_in_in_the_profile_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    run_id = sealed(room, project="triage")
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/compliance")
        press(page, "Profile: 1(b)")
        answer = page.get_by_label("Answer").and_(page.locator("[name='answers|annex_iv/1(b)|text']"))
        expect(answer).to_be_visible()
        answer.focus()
        page.keyboard.type("It is called by the letter service.")
        press(page, "Save AI Act, Annex IV")
        expect(page.get_by_role("status")).to_contain_text("The profile is saved.")
        press(page, "System and provider")
        for label, text in (("Name, as printed", "Ada"), ("Role", "DPO")):
            page.locator("#stated_by").get_by_label(label).focus()
            page.keyboard.type(text)
        page.locator("#stated_by").get_by_label("Day").fill("2026-11-01")
        press(page, "Save System and provider")
        page.goto(f"runs/{run_id}/compliance")
        expect(page.locator("tr[id='annex_iv/1(b)']")).to_contain_text("stated by Ada, DPO, 2026-11-01")


def test_no_text_of_a_record_runs_as_a_script(browser: Browser, room: Room) -> None:
    run_id = hostile_run(room)
    finish(room, run_id, seal=True)
    with visiting(browser, room) as page:
        page.goto("compliance")
        page.locator("tbody th a").click()
        page.locator("tbody th a").first.click()
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None
        assert broken_rules(page) == []


def test_everything_is_told_without_a_script_and_in_print(browser: Browser, room: Room) -> None:
    run_id = sealed(room, project="triage")
    with visiting(browser, room, java_script_enabled=False) as page:
        page.goto("compliance")
        page.get_by_role("link", name="triage").click()
        page.get_by_role("link", name="HIPAA").click()
        expect(page.get_by_role("rowheader", name="164.312(b)")).to_be_visible()
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/compliance")
        page.emulate_media(media="print")
        expect(page.get_by_text("Attest this point").first).to_be_hidden()
        expect(page.get_by_text("Annex IV, point 9")).to_be_visible()
