"""The dashboard in a browser: signed in, watched for what it should not do, held to the rules of accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.installed import MODULES, lacking
from tests.server.serving import Room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

AXE = MODULES / "axe-core" / "axe.min.js"
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 360, "height": 780}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_REFUSED = "Failed to load resource: the server responded with a status of 4"
_WATCH = """document.addEventListener("securitypolicyviolation", function (event) {
  console.error("Content Security Policy: " + event.violatedDirective + " " + event.blockedURI);
});"""


@contextmanager
def visiting(
    browser: Browser, room: Room, size: dict[str, int] = WIDE, *, refused: bool = False, **context: Any
) -> Iterator[Page]:
    """A page of a visitor of the workspace.

    Fails where a script goes wrong, the policy has to refuse anything, a dialog opens, or another host is asked; and
    where the server refuses anything, unless that is meant.
    """
    headers = {"Authorization": f"Bearer {room.key}"}
    opened = browser.new_context(viewport=size, extra_http_headers=headers, base_url=address(room), **context)  # type: ignore[arg-type]
    page = opened.new_page()
    wrong: list[str] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: _refuse(dialog, wrong))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2].partition(":")[0]))
    if context.get("java_script_enabled", True):
        page.add_init_script(_WATCH)
    yield page
    opened.close()
    assert [each for each in wrong if not (refused and each.startswith(_REFUSED))] == []
    assert hosts <= {"127.0.0.1"}


def _refuse(dialog: Dialog, wrong: list[str]) -> None:
    wrong.append(f"a dialog: {dialog.message}")
    dialog.dismiss()


def address(room: Room) -> str:
    """Where the workspace's pages are."""
    return f"{str(room.served.client.base_url).rstrip('/')}/w/{room.name}/"


def broken_rules(page: Page) -> list[str]:
    """The rules of accessibility that a page breaks, and where."""
    if not AXE.is_file():
        lacking("axe-core")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]
