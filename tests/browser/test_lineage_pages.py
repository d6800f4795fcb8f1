"""The picture of a lineage as people use it: with a mouse, with the keyboard, without a script, on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from tests.browser.dashboard import NARROW, WIDE, visiting
from tests.browser.test_dashboard import hold_to_the_rules, sign_in
from tests.server.hostile import hostile_run
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_lineage import many
from tests.server.test_pages_run import ended, sealed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.slow
DATASET = "ds_patient_notes_v3"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("lineages")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


def view(page: Page) -> list[float]:
    """What of the picture is looked at: left, top, width and height."""
    return [float(each) for each in str(page.locator("[data-graph] svg").get_attribute("viewBox")).split()]


def box(page: Page, name: str) -> Locator:
    return page.locator("[data-n]", has_text=name)


def panel(page: Page) -> Locator:
    return page.locator("[data-graph-panel]")


def to_the_picture(page: Page) -> None:
    """Press Tab until the picture has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-graph]')"):
            return
    raise AssertionError("the keyboard does not reach the picture")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_lineage_is_followed_with_the_keyboard_alone(browser: Browser, room: Room, size: dict[str, int]) -> None:
    sealed(room, name="an older one")
    run_id = ended(room)
    with visiting(browser, room, size) as page:
        page.goto(f"runs/{run_id}/lineage")
        to_the_picture(page)
        whole = view(page)
        page.keyboard.press("ArrowRight")
        assert view(page)[0] > whole[0]
        page.keyboard.press("ArrowDown")
        assert view(page)[1] > whole[1]
        page.keyboard.press("+")
        assert view(page)[2] < whole[2]
        page.keyboard.press("-")
        page.keyboard.press("0")
        assert view(page) == whole
        page.keyboard.press("Tab")
        expect(panel(page)).to_contain_text(DATASET)
        expect(panel(page)).to_contain_text("leads to 2 boxes")
        expect(panel(page).locator("code.whole")).to_contain_text("sha256:94798424e30c")
        expect(panel(page).get_by_role("link", name="an older one")).to_be_visible()
        expect(box(page, "ckpt_step_20")).to_have_class("g-box kind-checkpoint is-kin")
        assert page.url.endswith("#n0")
        page.keyboard.press("Escape")
        expect(panel(page)).to_be_hidden()
        page.keyboard.press("Enter")
        expect(panel(page)).to_contain_text(DATASET)


def test_a_box_that_gets_the_focus_is_brought_into_sight(browser: Browser, room: Room) -> None:
    run_id = many(room, 300)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/lineage?unfold=all")
        last = page.locator("[data-n]").last
        last.focus()
        around, place = page.locator("[data-graph]").bounding_box(), last.bounding_box()
        assert around is not None
        assert place is not None
        assert around["x"] <= place["x"] <= place["x"] + place["width"] <= around["x"] + around["width"]
        assert around["y"] <= place["y"] <= place["y"] + place["height"] <= around["y"] + around["height"]
        assert place["width"] > 100


def test_the_picture_is_dragged_and_zoomed_and_a_drag_chooses_nothing(browser: Browser, room: Room) -> None:
    run_id = ended(room)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/lineage")
        whole, place = view(page), box(page, DATASET).bounding_box()
        assert place is not None
        x, y = place["x"] + 60, place["y"] + 20
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 100, y + 40, steps=4)
        page.mouse.up()
        assert view(page)[0] == pytest.approx(whole[0] - 100, abs=2)
        expect(panel(page)).to_be_hidden()
        page.mouse.wheel(0, -100)
        assert view(page)[2] == pytest.approx(whole[2] / 1.25, abs=2)
        page.get_by_role("button", name="Fit").click()
        assert view(page) == whole
        box(page, DATASET).click()
        expect(panel(page)).to_contain_text(DATASET)
        page.get_by_role("button", name="Clear").click()
        expect(panel(page)).to_be_hidden()


def test_nodes_are_found_and_kinds_filtered(browser: Browser, room: Room) -> None:
    run_id = many(room)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/lineage")
        page.get_by_label("Find in the graph").fill("ckpt_step_7")
        expect(page.get_by_role("status").first).to_have_text("11 found in 1 box; Enter goes to the next")
        page.keyboard.press("Enter")
        expect(panel(page).get_by_role("heading")).to_have_text("80 checkpoints")
        expect(panel(page).get_by_role("link", name="Unfold checkpoints")).to_be_visible()
        page.get_by_role("checkbox", name="checkpoint").uncheck()
        expect(box(page, "80 checkpoints")).to_be_hidden()
        expect(page.locator(".g-line:visible")).to_have_count(0)
        page.get_by_role("button", name="Clear").click()
        expect(box(page, "80 checkpoints")).to_be_visible()
        page.get_by_role("link", name="Unfold checkpoints").click()
        expect(page.locator("[data-n]")).to_have_count(82)


def test_an_address_that_names_a_node_shows_it(browser: Browser, room: Room) -> None:
    run_id = ended(room)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/lineage#n2")
        expect(panel(page).get_by_role("heading")).to_have_text("ckpt_step_20")
        panel(page).get_by_role("link", name=DATASET).click()
        expect(panel(page).get_by_role("heading")).to_have_text(DATASET)


def test_without_a_script_boxes_lead_to_the_table(browser: Browser, room: Room) -> None:
    run_id = ended(room)
    with visiting(browser, room, java_script_enabled=False) as page:
        page.goto(f"runs/{run_id}/lineage")
        expect(page.get_by_label("Find in the graph")).to_be_hidden()
        box(page, DATASET).click()
        expect(page.locator("tr:target")).to_contain_text(DATASET)


def test_the_picture_is_taken_along_and_stands_alone(browser: Browser, room: Room, tmp_path: Path) -> None:
    run_id = many(room)
    with visiting(browser, room) as page:
        sign_in(page, room)
        page.goto(f"runs/{run_id}/lineage?unfold=all")
        with page.expect_download() as started:
            page.get_by_role("link", name="SVG").click()
        picture = tmp_path / started.value.suggested_filename
        started.value.save_as(picture)
    asked: list[str] = []
    alone = browser.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(picture.as_uri())
    assert alone.locator("text", has_text="ckpt_step_79").count() == 1
    alone.close()
    assert asked == [picture.as_uri()]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_page_breaks_no_rule_of_accessibility_and_is_not_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    empty, small, large = room.begin(), sealed(room), many(room)
    sealed(room, name="another")
    paths = [f"runs/{empty}/lineage", f"runs/{small}/lineage", f"runs/{small}/lineage#n0", f"runs/{large}/lineage#n2"]
    with visiting(browser, room, size, color_scheme=theme) as page:
        hold_to_the_rules(page, paths)


def test_no_text_of_a_record_runs_as_a_script(browser: Browser, room: Room) -> None:
    run_id = hostile_run(room)
    with visiting(browser, room) as page:
        page.goto(f"runs/{run_id}/lineage")
        for number in range(page.locator("[data-n]").count()):
            page.locator("[data-n]").nth(number).focus()
            expect(panel(page)).to_be_visible()
        page.get_by_label("Find in the graph").fill('"><img src=x onerror=window.pwned=1>')
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img:not([src^='/static/'])").count() == 0
