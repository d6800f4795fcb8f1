"""The page that checks packages, opened in a real Chromium, and everything that it does besides noted down."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognify_core.seal.notes import LogKey
from cognify_core.seal.signing import PublicKey

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ASK = """async (asked) => {
  const bytes = (text) => (text === null ? null : Uint8Array.from(atob(text), (mark) => mark.charCodeAt(0)));
  const answers = [];
  for (const { data, receipt, keys, logs } of asked) {
    answers.push(await cognifyVerify(bytes(data), { receipt: bytes(receipt), keys, logs }));
  }
  return answers;
}"""


@dataclass
class Verifier:
    """The page, and what it asked for, complained about and threw."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def choose(self, *files: Path | dict[str, Any]) -> None:
        """Choose files, and wait for the verdict."""
        self.page.set_input_files("#files", list(files))  # type: ignore[arg-type]  # paths, or files in memory
        self.wait()

    def wait(self, seconds: float = 60) -> None:
        """Wait until the page has made up its mind."""
        self.page.locator("#working").wait_for(state="hidden", timeout=seconds * 1000)
        self.page.locator("#result").wait_for(state="visible", timeout=seconds * 1000)

    def pin(self, key: str, field_id: str = "keys") -> None:
        """Paste something into a field, and leave it."""
        if not self.page.locator(f"#{field_id}").is_visible():
            self.page.get_by_text("The ledger's key, the package hash").click()
        self.page.fill(f"#{field_id}", key)
        self.page.locator(f"#{field_id}").blur()

    @property
    def verdict(self) -> int:
        """The exit code that the colour of the verdict stands for."""
        names = self.page.locator(".verdict").get_attribute("class") or ""
        return int(names[-1])

    @property
    def told(self) -> str:
        """All that the page says of the file."""
        return self.page.locator("#result").inner_text()

    def section(self, name: str) -> str:
        """A section's verdict."""
        return self.page.locator(f"[data-section={name}]").get_attribute("data-verdict") or ""

    def reports(self, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The reports on packages that are given as bytes, as programs ask for them."""
        found: list[dict[str, Any]] = self.page.evaluate(ASK, list(asked))
        return found

    def report(
        self, data: bytes, trusted: Sequence[PublicKey] = (), receipt: bytes | None = None, logs: Sequence[LogKey] = ()
    ) -> dict[str, Any]:
        """The report on one package."""
        return self.reports([asked(data, trusted, receipt, logs)])[0]


def asked(
    data: bytes, trusted: Sequence[PublicKey] = (), receipt: bytes | None = None, logs: Sequence[LogKey] = ()
) -> dict[str, Any]:
    """What the page is asked about one package."""
    return {
        "data": b64encode(data).decode(),
        "receipt": None if receipt is None else b64encode(receipt).decode(),
        "keys": "".join(key.pem.decode() for key in trusted),
        "logs": "\n".join(map(str, logs)),
    }


@contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[Verifier]:
    """The page at an address. It fails whoever opened it, where it asks for anything else, or complains."""
    page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **how})
    verifier = Verifier(page, address)
    page.on("request", lambda request: verifier.requests.append(request.url))
    page.on("pageerror", lambda error: verifier.complaints.append(str(error)))
    page.on("console", lambda message: verifier.complaints.append(message.text))
    page.goto(address)
    yield verifier
    page.close()
    assert set(verifier.requests) <= {address}, "it asked for something else than itself"
    assert verifier.complaints == []


def in_memory(name: str, data: bytes) -> dict[str, Any]:
    """A file to choose that lies nowhere."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def read_tried(path: Path) -> dict[str, Any]:
    """One of the packages that other tests tried (`tests/tamper/keeping.py`)."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
