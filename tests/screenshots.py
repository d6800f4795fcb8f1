"""`make screenshots`: the dashboard's pages in both themes, of made-up runs, in docs/screenshots."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cognify_core.api.refreshing import seal_addendum
from cognify_core.api.workspace import Workspace
from cognify_core.capture.commitments import commit
from cognify_core.model.events import Body, Draft, RunClosed, RunOpened
from cognify_core.model.names import stamp_time
from cognify_core.model.record import counts_by_kind
from cognify_core.seal.ledger import opened_leaf
from tests import factories
from tests.installed import the
from tests.samples import sample
from tests.server.serving import Served, serving
from tests.store.contract_keeping import fact

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
WORKSPACE = "clinical"
SIZE = {"width": 1280, "height": 900}
BEGUN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
NAMES = ("llama3-notes-lora", "triage-bert", "radiology-summaries", "discharge-letters", "coding-assistant")
PROJECTS = ("clinical-nlp", "triage", "radiology")
PEOPLE = ("ada", "grace", "tim")
PROFILE: dict[str, object] = {
    "stated_by": {"name": "Dr. Ada Person", "role": "head of compliance", "on": "2026-09-01"},
    "provider": {"name": "Example Clinic GmbH", "address": "Hauptstrasse 1, Vienna", "contact": "ai@clinic.example"},
    "system_name": "Discharge letter assistant",
    "system_version": "2.1, succeeds 2.0",
    "intended_purpose": {"text": "It drafts discharge letters, which a physician reads, corrects and signs."},
}
PROPOSAL: dict[str, object] = {
    "by": "Tim Trainer",
    "role": "ML engineer",
    "ran_by": "Tim Trainer",
    "reason": "It is better than the released run on every ward, and names no medicine that is not in the notes.",
    "market_date": "2026-12-01",
}


def main() -> None:
    """Fill a workspace, and look at it."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cognify-screenshots-") as home, serving(Path(home)) as served:
        pages = dict(_pages(served))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=the("chromium"), args=["--no-sandbox"])
            for theme in ("light", "dark"):
                _shoot(browser, served, pages, theme)
            browser.close()


def _pages(served: Served) -> Iterator[tuple[str, str]]:
    """What is shown, by the name of the picture."""
    served.app.state.rooms.add(WORKSPACE, "Clinical team")
    room: Workspace = served.app.state.rooms.find(WORKSPACE)
    told = sample()
    for manifest in factories.MANIFESTS.values():
        room.store.put_manifest(manifest)
    for run in (told.run, *told.addenda):
        for manifest in run.manifests.values():
            room.store.put_manifest(manifest)
    for number in range(24):
        _small_run(room, number)
    whole = [event.body for event in told.run.record.events[1:-1]]
    sealed = _recorded(room, 30, whole, name="llama3-8b clinical notes, LoRA r=4", seal=True)
    for addendum in told.addenda:
        seal_addendum(room, sealed, [event.body for event in addendum.record.events[1:-1]])
    room.export(sealed)
    proposed = _recorded(room, 32, whole, name="llama3-8b clinical notes, LoRA r=8", seal=True)
    _said_by_people(served, proposed)
    ended = _recorded(room, 31, whole, name="llama3-8b clinical notes, second try")
    yield "runs", "/runs"
    yield "run", f"/runs/{sealed}"
    yield "seal", f"/runs/{ended}/seal"
    yield "lineage", f"/runs/{sealed}/lineage"
    yield "compare", f"/compare?a={sealed}&b={ended}"
    yield "compliance", "/compliance?project=clinical-nlp&sealed=yes"
    room.export(sealed, format="pdf", template="hipaa")
    for number, clocks in enumerate(room.store.all_clocks()):
        until = f"{2026 if number < 3 else 2037}-12-{1 + number:02d}T00:00:00Z"
        lying = fact(run_id=clocks.run_id, key=f"{clocks.run_id}/{clocks.run_id}.pdf", vault="s3://audit/clinical")
        room.store.put_fact(replace(lying, until=until, asked_until=until))
    yield "locks", "/locks"
    yield "retention", "/retention"
    yield "profile", "/profile"
    yield "attestation", f"/runs/{proposed}/attestation?form=sign_off"
    yield "release", f"/runs/{proposed}/release"


def _said_by_people(served: Served, run_id: str) -> None:
    """What the organisation says of itself, and that a run be released, as its people send it."""
    key = served.key(workspace=WORKSPACE)
    said: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("PUT", "profile", PROFILE),
        ("POST", f"runs/{run_id}/release/proposal", PROPOSAL),
    )
    for method, path, body in said:
        served.ask(method, f"/v2/workspaces/{WORKSPACE}/{path}", key, json=body).raise_for_status()


def _small_run(room: Workspace, number: int) -> None:
    bodies: list[Body] = [factories.dataset(), factories.config()]
    if number % 4 == 1:
        bodies.append(factories.gap(owner="compliance"))
    status = {4: "FAILED", 7: "INTERRUPTED"}.get(number % 9, "COMPLETED")
    _recorded(room, number, bodies, status=None if number == 23 else status, seal=number % 9 in (0, 1, 3, 6, 8))


def _recorded(
    room: Workspace,
    number: int,
    bodies: Sequence[Body],
    *,
    name: str | None = None,
    status: str | None = "COMPLETED",
    seal: bool = False,
) -> str:
    begun = BEGUN + timedelta(hours=7 * number)
    run_id = f"run_{begun:%Y%m%d_%H%M%S}_{number:05x}"
    opened = RunOpened(
        nonce=f"{number:032x}",
        workspace=WORKSPACE,
        project=PROJECTS[number % 3],
        name=name or f"{NAMES[number % 5]}-{number}",
        recorder="cognify-audit 0.1.0",
    )
    first = Draft(stamp_time(begun), opened, "open", 0)
    _ = room.ledger
    room.store.create(run_id, first, leaf=opened_leaf(first.at(run_id, 0).encode(), room.signer))
    room.store.put_openings(run_id, [commit("user", PEOPLE[number % 3])])
    counts = counts_by_kind(body.kind for body in (opened, *bodies))
    end = [] if status is None else [RunClosed.model_validate({"status": status, "complete": True, "counts": counts})]
    said = enumerate([*bodies, *end])
    room.store.append(run_id, [Draft(stamp_time(begun + timedelta(seconds=9 * n)), body, "w", n) for n, body in said])
    if seal:
        room.seal(run_id)
        room.outbox.sealed(run_id)
    return run_id


def _shoot(browser: Browser, served: Served, pages: dict[str, str], theme: str) -> None:
    headers = {"Authorization": f"Bearer {served.key(workspace=WORKSPACE)}"}
    address = f"{str(served.client.base_url).rstrip('/')}/w/{WORKSPACE}"
    context = browser.new_context(viewport=SIZE, color_scheme=theme, extra_http_headers=headers)  # type: ignore[arg-type]
    page = context.new_page()
    for name, path in pages.items():
        page.goto(address + path)
        if name == "retention":
            page.get_by_label("Years from the seal").fill("12")
            page.get_by_role("button", name="See what this would do").click()
        page.screenshot(path=FOLDER / f"{name}-{theme}.png")
        print(f"docs/screenshots/{name}-{theme}.png")
    context.close()


if __name__ == "__main__":
    main()
