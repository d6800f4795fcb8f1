"""Datasets across runs, and two runs beside each other, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from tests.browser.dashboard import NARROW, WIDE, visiting
from tests.browser.test_dashboard import hold_to_the_rules, press
from tests.server.hostile import hostile_run
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_datasets import key_of
from tests.server.test_pages_run import ended, recorded

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("compared")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


def test_two_runs_are_ticked_in_the_list_and_compared_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    ended(room, name="first")
    ended(room, name="second")
    with visiting(browser, room) as page:
        page.goto("runs")
        for name in ("first", "second"):
            page.get_by_label(f"Compare {name}").focus()
            page.keyboard.press("Space")
        press(page, "Compare the two that are ticked")
        expect(page.get_by_role("heading", name="Two runs compared")).to_be_visible()
        expect(page.get_by_text("have the same nodes, with the same content")).to_be_visible()
        press(page, "second")
        expect(page.get_by_role("heading", level=1)).to_have_text("second")


def test_a_tick_stays_when_the_list_is_asked_for_again(browser: Browser, room: Room) -> None:
    run_id = recorded(room, name="a fine-tune")
    with visiting(browser, room) as page:
        page.goto("runs")
        page.get_by_label("Compare a fine-tune").check()
        page.get_by_role("heading", name="Runs").click()
        page.evaluate("document.activeElement.blur()")
        room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
        expect(page.locator(f'tr[data-key="{run_id}"]')).to_contain_text("Completed, not sealed", timeout=30_000)
        expect(page.get_by_label("Compare a fine-tune")).to_be_checked()


def test_a_dataset_leads_to_the_runs_that_had_it(browser: Browser, room: Room) -> None:
    ended(room, name="a fine-tune")
    with visiting(browser, room) as page:
        page.goto("datasets")
        page.get_by_role("link", name="patient_notes").click()
        page.get_by_role("link", name="a fine-tune").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("a fine-tune")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    with visiting(browser, room, size, color_scheme=theme) as page:
        hold_to_the_rules(page, ["datasets", "compare"])  # empty
        a, b = ended(room), recorded(room, {"kind": "metrics", "points": [[1, "other", 0.5]]})
        paths = ["datasets", f"datasets/{key_of('patient_notes')}", "datasets?name=x", f"compare?a={a}&b={b}"]
        hold_to_the_rules(page, [*paths, f"compare?a={a}", "runs"])


def test_no_text_of_a_record_runs_as_a_script(browser: Browser, room: Room) -> None:
    a, b = hostile_run(room), ended(room)
    with visiting(browser, room) as page:
        for path in ("datasets", f"compare?a={a}&b={b}", "compare"):
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.pwned") is None
            assert page.locator("img:not([src^='/static/'])").count() == 0
