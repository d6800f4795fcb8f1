"""The dashboard as people use it: with a mouse, with the keyboard alone, on a desk and on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from tests.browser.dashboard import NARROW, WIDE, broken_rules, visiting
from tests.server.hostile import finish, hostile_run
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_run import ended, recorded, sealed
from tests.server.test_silence import silent

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
FOCUSED = "document.activeElement.matches('a, button') ? document.activeElement.textContent : ''"
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("dashboard")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


def press(page: Page, text: str) -> None:
    """Press Tab until what has the focus says `text`, then Enter; the page that it leads to is there then."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if text in page.evaluate(
            "document.activeElement.matches('a, button') ? document.activeElement.textContent : ''"
        ):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard does not reach {text!r}")


def sign_in(page: Page, room: Room) -> None:
    """Let go of the key that each request carries, and sign in as people do; the list of runs is there then."""
    page.context.set_extra_http_headers({})
    page.goto("runs")
    page.get_by_label("API key").fill(room.key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs")


def test_from_what_is_not_sealed_to_a_package_that_is_checked(browser: Browser, room: Room, tmp_path: Path) -> None:
    run_id = ended(room, name="a fine-tune")
    sealed(room, name="an older one")
    with visiting(browser, room) as page:
        sign_in(page, room)
        page.get_by_role("link", name="1 not sealed").click()
        expect(page.get_by_role("link", name="an older one")).to_have_count(0)
        page.get_by_role("link", name="a fine-tune").click()
        page.get_by_role("link", name="Seal run").click()
        expect(page.get_by_role("heading", name="What cannot be undone")).to_be_visible()
        page.get_by_role("button", name="Seal run").click()
        expect(page.get_by_role("status")).to_have_text("The run is sealed.")
        expect(page.get_by_text("Seal run")).to_have_count(0)
        page.get_by_role("button", name="Verify now").click()
        expect(page.get_by_role("heading", name="It holds")).to_be_visible()
        page.get_by_role("link", name="Back to the run").click()
        page.get_by_label("Make a package").select_option("json")
        page.get_by_role("button", name="Make package").click()
        with page.expect_download() as started:
            page.get_by_role("link", name="Download").click()
        package = tmp_path / "package.json"
        started.value.save_as(package)
        shown = page.locator("#packages ~ .table code.hash").first.text_content()
        assert shown == f"sha256:{sha256(package.read_bytes()).hexdigest()}"
    assert room.served.store.run(run_id).status.value == "AUDIT_SEALED"


def test_a_run_is_sealed_and_a_note_added_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    ended(room, name="a fine-tune")
    with visiting(browser, room) as page:
        page.goto("runs")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        for pressed in ("a fine-tune", "Seal run", "Seal run"):
            press(page, pressed)
        expect(page.get_by_role("status")).to_have_text("The run is sealed.")
        press(page, "Add a note")
        page.get_by_label("Text", exact=True).focus()
        page.keyboard.type("fails on negation, says a <b>person</b>")
        press(page, "Add and seal the note")
        expect(page.get_by_text("fails on negation, says a <b>person</b>")).to_be_visible()


def test_everything_works_without_a_script(browser: Browser, room: Room) -> None:
    ended(room, name="a fine-tune")
    with visiting(browser, room, java_script_enabled=False) as page:
        page.goto("runs?status=unsealed")
        page.get_by_role("link", name="a fine-tune").click()
        page.get_by_role("link", name="Seal run").click()
        page.get_by_role("button", name="Seal run").click()
        expect(page.locator(".notice-good")).to_contain_text("Sealed on")
        expect(page.get_by_role("button", name="Dark theme")).to_have_count(0)


def test_a_running_run_is_seen_to_end_without_loading_the_page_again(browser: Browser, room: Room) -> None:
    run_id = recorded(room, name="a fine-tune")
    with visiting(browser, room) as page:
        page.goto("runs")
        row = page.locator(f'tr[data-key="{run_id}"]')
        expect(row).to_contain_text("Running")
        room.ask("POST", f"/runs/{run_id}/finish", json={"status": "COMPLETED"}).raise_for_status()
        expect(row).to_contain_text("Completed, not sealed", timeout=30_000)
        expect(page.get_by_role("link", name="0 running")).to_be_visible()


def test_a_table_that_goes_on_to_the_right_says_so_until_its_end_is_seen(browser: Browser, room: Room) -> None:
    sealed(room)
    with visiting(browser, room, NARROW) as page:
        page.goto("runs")
        expect(page.locator(".table[data-more]")).to_have_count(1)
        page.locator(".table").evaluate("table => { table.scrollLeft = table.scrollWidth; }")
        expect(page.locator(".table[data-more]")).to_have_count(0)
    with visiting(browser, room, WIDE) as page:
        page.goto("runs")
        expect(page.locator(".table[data-more]")).to_have_count(0)


def test_the_head_of_a_page_takes_two_lines_of_a_telephone_and_its_navigation(browser: Browser, room: Room) -> None:
    with visiting(browser, room, NARROW) as page:
        page.goto("runs")
        places = (page.locator(each).bounding_box() for each in (".brand", "[data-theme-switch]", ".menu-end", ".tabs"))
        brand, theme, visitor, tabs = (place["y"] for place in places if place is not None)
    assert brand < theme < tabs
    assert abs(theme - visitor) < 12


def test_the_chosen_theme_is_remembered(browser: Browser, room: Room) -> None:
    with visiting(browser, room, color_scheme="light") as page:
        page.goto("runs")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name="Dark theme").click()
        dark = page.evaluate(ground)
        page.reload()
        assert (page.evaluate(ground), dark != light) == (dark, True)
        expect(page.get_by_role("button", name="Light theme")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@SIZES
def test_no_page_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    paths = ["runs", "runs?status=FAILED"]  # empty, both times
    with visiting(browser, room, size, color_scheme=theme) as page:
        hold_to_the_rules(page, paths)
        running, closed, done = (
            recorded(room),
            ended(room, {"kind": "failure", "where": "w", "error": "e"}),
            sealed(room),
        )
        quiet, _ = silent(room, 25)
        paths = ["runs", *(f"runs/{run_id}" for run_id in (running, quiet, closed, done)), f"runs/{quiet}/interrupt"]
        hold_to_the_rules(page, [*paths, f"runs/{closed}/seal", f"runs/{done}/note", f"runs/{done}/attestation"])
        page.goto(f"runs/{done}")
        page.get_by_role("button", name="Verify now").click()
        expect(page.get_by_role("heading", name="It holds")).to_be_visible()
        assert broken_rules(page) == []


def hold_to_the_rules(page: Page, paths: list[str]) -> None:
    for path in paths:
        page.goto(path)
        hold_this_page(page, path)


def hold_this_page(page: Page, name: str) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = !each.matches('.menu') })")
    assert (name, broken_rules(page)) == (name, [])
    too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert (name, page.evaluate(too_wide)) == (name, 0)


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETED", "AUDIT_SEALED"])
def test_no_text_of_a_record_runs_as_a_script(browser: Browser, room: Room, status: str) -> None:
    run_id = hostile_run(room)
    if status != "RUNNING":
        finish(room, run_id, seal=status == "AUDIT_SEALED")
    with visiting(browser, room) as page:
        last = {"COMPLETED": ["/seal"], "AUDIT_SEALED": ["/note", "/attestation"]}.get(status, [])
        find_no_script_of_others(page, ["runs", f"runs/{run_id}", *(f"runs/{run_id}{each}" for each in last)])


def find_no_script_of_others(page: Page, paths: list[str]) -> None:
    for path in paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        page.mouse.move(300, 300)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img:not([src^='/static/'])").count() == 0


def test_a_printed_run_has_whole_digests_and_no_controls(browser: Browser, room: Room) -> None:
    run_id = sealed(room)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}")
        page.emulate_media(media="print")
        expect(page.get_by_role("button", name="Verify now")).to_be_hidden()
        digest = page.locator("code.hash").first
        assert digest.evaluate("each => each.scrollWidth <= each.clientWidth + 1")
