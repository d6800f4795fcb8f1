"""A compliance officer's way from "which runs are not sealed?" to an EU AI Act document that lies under a lock.

The server keeps its packages in a real bucket that enforces Object Lock; every step is one of `docs/dashboard.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright")

from botocore.exceptions import ClientError
from playwright.sync_api import expect

from tests.browser.dashboard import broken_rules, visiting
from tests.browser.test_dashboard import press, sign_in
from tests.server.serving import Room, Served, serving
from tests.server.test_pages_run import ended, sealed
from tests.servers.objects import s3
from tests.vault.buckets import Seaweed, in_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.slow
KIND = "PDF: eu ai act"
PATIENCE = 60_000
"""Milliseconds, for a document and for its way into the vault: a machine may be busy with something else."""


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with s3(tmp_path_factory.mktemp("seaweed")) as environ, in_environment(environ):
        yield Seaweed(environ)


@pytest.fixture(scope="module")
def bucket(seaweed: Seaweed) -> str:
    return seaweed.bucket()


@pytest.fixture(scope="module")
def served(seaweed: Seaweed, bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    where: Any = f"s3://{bucket}/trail?mode=COMPLIANCE&endpoint_url={seaweed.url}"
    with serving(tmp_path_factory.mktemp("journey"), vault=where) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    return served.new_workspace()


def locked(page: Page) -> Locator:
    """The row of the package, once its lock was read back; the officer loads the page again until then."""
    row = page.locator("#packages ~ .table tbody tr").filter(has_text="eu_ai_act")
    for _ in range(PATIENCE // 500):
        if "locked" in (row.text_content() or ""):
            return row
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"the package is not locked: {row.text_content()}")


def refused(seaweed: Seaweed, bucket: str, version: dict[str, Any]) -> bool:
    """Whether even the bucket's administrator, who says that he may, cannot delete that version."""
    try:
        seaweed.client().delete_object(
            Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
        )
    except ClientError:
        return True
    return False


def test_from_what_is_not_sealed_to_an_ai_act_document_under_a_lock(
    browser: Browser, room: Room, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    run_id = ended(room, name="a fine-tune")
    sealed(room, name="an older one")
    with visiting(browser, room) as page:
        sign_in(page, room)
        page.get_by_role("link", name="1 not sealed").click()
        page.get_by_role("link", name="a fine-tune").click()
        page.get_by_role("link", name="Seal run").click()
        page.get_by_role("button", name="Seal run").click()
        expect(page.get_by_role("status")).to_have_text("The run is sealed.")
        page.get_by_label("Make a package").select_option(label=KIND)
        page.get_by_label("Put it into the vault").check()
        page.get_by_role("button", name="Make package").click()
        expect(page.get_by_role("status")).to_contain_text("on its way into the vault", timeout=PATIENCE)
        row = locked(page)
        assert broken_rules(page) == []
        expect(row).to_contain_text("COMPLIANCE")
        with page.expect_download() as started:
            row.get_by_role("link", name="Download").click()
        document = tmp_path / "document.pdf"
        started.value.save_as(document)
        expect(row.locator("code.hash")).to_have_text(f"sha256:{sha256(document.read_bytes()).hexdigest()}")

    client = seaweed.client()
    versions = client.list_object_versions(Bucket=bucket)["Versions"]
    [mine] = [each for each in versions if run_id in each["Key"] and each["Key"].endswith(".pdf")]
    lock = client.get_object_retention(Bucket=bucket, Key=mine["Key"], VersionId=mine["VersionId"])["Retention"]
    assert lock["Mode"] == "COMPLIANCE"
    assert lock["RetainUntilDate"] > datetime.now(UTC) + timedelta(days=365)
    assert refused(seaweed, bucket, mine)


def test_the_same_with_the_keyboard_alone(browser: Browser, room: Room) -> None:
    ended(room, name="a fine-tune")
    with visiting(browser, room) as page:
        sign_in(page, room)
        for pressed in ("not sealed", "a fine-tune", "Seal run", "Seal run"):
            press(page, pressed)
        page.get_by_label("Make a package").focus()
        page.keyboard.type(KIND)
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.set_default_navigation_timeout(PATIENCE)
        press(page, "Make package")
        expect(locked(page)).to_contain_text("COMPLIANCE")
