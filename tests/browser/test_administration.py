"""The pages of a workspace as administrators use them: with the keyboard alone, on a desk and on a telephone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from tests.browser.dashboard import NARROW, WIDE, visiting
from tests.browser.test_dashboard import (
    SIZES,
    find_no_script_of_others,
    hold_this_page,
    hold_to_the_rules,
    press,
    sign_in,
)
from tests.server.hostile import HOSTILE, SHORT
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_admin import add, hook_of
from tests.server.test_pages_hostile import hostile_key
from tests.server.test_pages_keeping import documented, in_force
from tests.server.test_pages_run import send
from tests.server.test_pages_storage import lying, vault_of
from tests.servers.receiving import Receiver, receiving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("administration"), webhook_hosts="127.0.0.1") as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def type_into(page: Page, label: str, text: str) -> None:
    """Press Tab until the field of that label has the focus, and write `text` in the place of what it holds."""
    field = page.get_by_label(label)
    for _ in range(80):
        page.keyboard.press("Tab")
        if field.evaluate("each => each === document.activeElement"):
            page.keyboard.press("Control+A")
            page.keyboard.type(text)
            return
    raise AssertionError(f"the keyboard does not reach the field {label!r}")


@SIZES
def test_the_retention_is_foreseen_and_saved_with_the_keyboard_alone(
    browser: Browser, room: Room, size: dict[str, int]
) -> None:
    room.sealed()
    with visiting(browser, room, size) as page:
        page.goto("runs")
        for pressed in ("Workspace", "Retention"):
            press(page, pressed)
        type_into(page, "Years from the seal", "25")
        press(page, "See what this would do")
        expect(page.get_by_text("1 run would be kept until another day.")).to_be_visible()
        assert in_force(room)["retention_years"] == 10
        press(page, "Save this retention")
        expect(page.get_by_role("status")).to_have_text("The retention is saved.")
    assert in_force(room)["retention_years"] == 25


def test_what_a_law_refuses_is_told_beside_the_field_and_to_whoever_has_it_read_out(
    browser: Browser, room: Room
) -> None:
    documented(room)
    with visiting(browser, room, refused=True) as page:
        sign_in(page, room)
        page.goto("retention")
        type_into(page, "Years from the seal", "3")
        page.get_by_role("button", name="See what this would do").click()
        field = page.get_by_label("Years from the seal")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(r"Regulation \(EU\) 2024/1689, Art\. 18\(1\)"))
        expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
        page.get_by_role("alert").get_by_role("link").click()
        expect(field).to_be_focused()


def test_a_vault_is_said_and_tried_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    with visiting(browser, room) as page:
        page.goto("storage")
        press(page, "Test the vault")
        expect(page.get_by_role("heading", name="What the test found")).to_be_visible()
        type_into(page, "Where", "s3://bucket/trail")
        press(page, "See what this would mean")
        press(page, "Save this vault")
        expect(page.get_by_role("status")).to_contain_text("The vault is saved.")
    assert vault_of(room) == "s3://bucket/trail"


def test_a_list_of_runs_is_made_and_taken_along(browser: Browser, room: Room) -> None:
    room.sealed()
    with visiting(browser, room) as page:
        sign_in(page, room)
        page.goto("population?since=2020-01-01&until=2099-12-31")
        expect(page.get_by_text("1 run would be listed")).to_be_visible()
        press(page, "Make the list")
        with page.expect_download() as started:
            page.get_by_role("link", name="Download").click()
        assert started.value.suggested_filename == "runs_2020-01-01_2099-12-31.xlsx"


@SIZES
def test_a_key_is_given_and_revoked_with_the_keyboard_alone(browser: Browser, room: Room, size: dict[str, int]) -> None:
    with visiting(browser, room, size) as page:
        page.goto("tokens")
        type_into(page, "For whom, or for what", "a dashboard")
        press(page, "Give the key")
        key = page.locator("#given ~ p code.whole").text_content() or ""
        page.goto("tokens")
        expect(page.get_by_text(key)).to_have_count(0)
        assert room.served.ask("GET", f"{room.path}/runs", key).status_code == 200
        press(page, "Revoke a dashboard")
        press(page, "Revoke the key")
        expect(page.get_by_role("status")).to_have_text("The key is revoked.")
    assert room.served.ask("GET", f"{room.path}/runs", key).status_code == 401


def test_a_webhook_is_added_tried_and_removed_with_the_keyboard_alone(
    browser: Browser, room: Room, receiver: Receiver
) -> None:
    with visiting(browser, room) as page:
        page.goto("webhooks")
        type_into(page, "URL", receiver.url)
        type_into(page, "What you call it", "the team")
        press(page, "Add it")
        expect(page.get_by_text(re.compile("^whsec_"))).to_be_visible()
        press(page, "the team")
        press(page, "Try it now")
        expect(page.get_by_role("status").first).to_contain_text("It was taken")
        press(page, "Remove")
        press(page, "Remove it")
        expect(page.get_by_text("Nobody is told")).to_be_visible()
    assert len(receiver.told) == 1


def test_a_name_is_found_and_erased_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    run_id = room.sealed()
    with visiting(browser, room) as page:
        page.goto("accesses")
        type_into(page, "Name or address", "127.0.0")
        press(page, "Find")
        expect(page.get_by_role("link", name=run_id).first).to_be_visible()
        press(page, "Verify the log")
        expect(page.get_by_role("heading", name="The log holds")).to_be_visible()
        press(page, "Back to the log")
        press(page, "Erase a name")
        type_into(page, "This name or address, wherever it stands", "127.0.0.1")
        press(page, "See what would be erased")
        press(page, "Erase")
        expect(page.get_by_role("status")).to_contain_text("Erased.")
    listed = room.ask("GET", "/accesses", params={"run_id": run_id}).json()["accesses"]
    assert {each["source"] for each in listed if each["action"] == "seal"} == {None}


def test_everything_works_without_a_script(browser: Browser, room: Room) -> None:
    room.sealed()
    with visiting(browser, room, java_script_enabled=False) as page:
        page.goto("retention")
        page.get_by_label("Years from the seal").fill("12")
        page.get_by_role("button", name="See what this would do").click()
        page.get_by_role("button", name="Save this retention").click()
        expect(page.locator(".toast")).to_have_text("The retention is saved.")
        page.goto("tokens")
        page.get_by_label("For whom, or for what").fill("a dashboard")
        page.get_by_role("button", name="Give the key").click()
        expect(page.get_by_text("This is the only time that it is shown.")).to_be_visible()


PATHS = (
    "workspace",
    "retention",
    "storage",
    "locks",
    "population",
    "accesses",
    "accesses/erasure",
    "tokens",
    "webhooks",
)
SENT = (
    *(("retention", "Years from the seal", years, "See what this would do") for years in ("25", "3", "101")),
    *(("storage", "Where", where, "See what this would mean") for where in ("s3://bucket", "file:///etc")),
    *(("tokens", "Days that it holds", days, "Give the key") for days in ("7", "0")),
    ("webhooks", "URL", "http://10.0.0.1", "Add it"),
    *(("accesses", "A head that you have kept elsewhere", head, "Verify the log") for head in ("", "nonsense")),
    ("accesses/erasure", "This name or address, wherever it stands", "127.0.0.1", "See what would be erased"),
)
"""What a field is filled with, and the button that is pressed then: with answers, and with errors."""


def filled(room: Room, receiver: Receiver) -> None:
    """Something to see on every page."""
    run_id = documented(room)
    lying(room, run_id, 30)
    lying(room, run_id, None, "other.json")
    room.ask("PATCH", "/retention", json={"retention_years": 11, "archive_after_days": 90}).raise_for_status()
    room.ask("POST", "/populations", json={"since": "2020-01-01", "until": "2099-12-31"}).raise_for_status()
    ended = room.ask("POST", "/tokens", json={"role": "viewer", "label": "ended"}).json()["token_id"]
    room.ask("DELETE", f"/tokens/{ended}").raise_for_status()
    add(room, receiver.url, "run.sealed")
    receiver.answers.append(500)
    for _ in range(2):
        send(room, f"/webhooks/{hook_of(room)}/test")


@pytest.mark.parametrize("theme", ["light", "dark"])
@SIZES
def test_no_page_breaks_a_rule_of_accessibility_or_is_wider_than_the_window(
    browser: Browser, room: Room, receiver: Receiver, size: dict[str, int], theme: str
) -> None:
    with visiting(browser, room, size, refused=True, color_scheme=theme) as page:
        filled(room, receiver)
        hook, token = f"webhooks/{hook_of(room)}", f"tokens/{room.key.split('_')[1]}"
        nothing = [
            "locks?days=0&state=lesser",
            "accesses?person=nobody",
            "population?since=2026-02-01&until=2026-01-01",
        ]
        hold_to_the_rules(page, [*PATHS, hook, f"{hook}/removal", f"{token}/revocation", *nothing])


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide-light", "narrow-dark"])
def test_no_empty_page_no_answer_and_no_error_breaks_a_rule_of_accessibility(
    browser: Browser, room: Room, receiver: Receiver, size: dict[str, int], theme: str
) -> None:
    with visiting(browser, room, size, refused=True, color_scheme=theme) as page:
        hold_to_the_rules(page, list(PATHS))
        filled(room, receiver)
        for path, label, text, button in SENT:
            page.goto(path)
            if path == "tokens":
                page.get_by_label("For whom, or for what").fill("a dashboard")
            page.get_by_label(label).fill(text)
            with page.expect_navigation():
                page.get_by_role("button", name=button).click()
            hold_this_page(page, f"{path}: {text}")


def test_no_text_of_a_name_or_a_form_runs_as_a_script(browser: Browser, room: Room, receiver: Receiver) -> None:
    room.key = hostile_key(room)
    filled(room, receiver)
    lying(room, room.sealed(), 30, SHORT.replace("/", ""), vault=HOSTILE)
    send(room, "/retention", retention_years="11", auto_export_format="json", override_reason=HOSTILE, version="1")
    hook = f"webhooks/{hook_of(room)}"
    send(room, f"/{hook}", label=SHORT, events="run.sealed", enabled="yes")
    with visiting(browser, room, refused=True) as page:
        token = f"tokens/{room.key.split('_')[1]}/revocation"
        find_no_script_of_others(page, [*PATHS, hook, f"{hook}/removal", token])


def test_a_printed_retention_has_no_form(browser: Browser, room: Room) -> None:
    with visiting(browser, room) as page:
        page.goto("retention")
        page.emulate_media(media="print")
        expect(page.get_by_label("Years from the seal")).to_be_hidden()
        expect(page.get_by_role("heading", name="Floors of the law")).to_be_visible()
