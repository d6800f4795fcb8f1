"""A release as two people make it, each with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from tests.browser.dashboard import NARROW, WIDE, visiting
from tests.browser.test_dashboard import hold_to_the_rules, press
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_releasing import approve, key, propose
from tests.server.test_pages_run import sealed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("releasing")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


def write(page: Page, **said: str) -> None:
    """Fill in fields with the keyboard."""
    for name, text in said.items():
        page.locator(f"#f-{name}").focus()
        page.keyboard.type(text)


@SIZES
def test_one_person_proposes_a_run_and_another_approves_it(browser: Browser, room: Room, size: dict[str, int]) -> None:
    run_id = sealed(room, name="a fine-tune")
    with visiting(browser, room, size) as page:
        page.goto("runs")
        press(page, "a fine-tune")
        press(page, "Release")
        write(page, reason="It is better.", by="Tim Trainer", role="engineer", ran_by="Tim Trainer")
        press(page, "Propose the release")
        expect(page.get_by_role("status")).to_have_text(
            "The run is proposed for release. It waits for a second person."
        )
        expect(page.get_by_text("You cannot approve it: you proposed it yourself")).to_be_visible()
        expect(page.get_by_role("button", name="Approve the release")).to_have_count(0)
    with visiting(browser, Room(room.served, room.name, key(room)), size) as page:
        page.goto("compliance?project=p")
        press(page, "Waits for a second person")
        write(page, approved_by="Ada Person", role="DPO")
        press(page, "Approve the release")
        expect(page.get_by_role("status")).to_have_text("The run is released.")
        page.goto(f"runs/{run_id}")
        expect(page.get_by_text("approved by Ada Person (DPO)").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@SIZES
def test_no_page_of_a_release_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, size: dict[str, int], theme: str
) -> None:
    first, second, other = sealed(room), sealed(room), key(room)
    with visiting(browser, Room(room.served, room.name, other), size, color_scheme=theme) as page:
        hold_to_the_rules(page, [f"runs/{first}/release"])
        propose(room, first)
        hold_to_the_rules(page, [f"runs/{first}/release", f"runs/{first}", "compliance?project=p"])
        approve(room, first, other)
        propose(room, second)
        approve(room, second, other)
        hold_to_the_rules(
            page, [f"runs/{first}/release", f"runs/{second}/release", "compliance", "compliance?project=p"]
        )
