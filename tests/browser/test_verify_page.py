"""The page that checks packages, from disk and from a server: what it says, to whom, and that it sends nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright")
pytest.importorskip("fastapi")

from cognify_core.canonical import encode, parse
from cognify_core.server.pages.standalone import FOLDER, STYLES, bundle, policy, standalone
from tests.adversarial.originals import LOG, OTHER, PLAIN, TRUE
from tests.browser.verifier import Verifier, in_memory, opened
from tests.factories import OTHER_SIGNER, SIGNER, note, sealed_run, whole
from tests.installed import MODULES, lacking, the
from tests.server.serving import Served, serving
from tests.tamper.packaging import TRUSTED, edited, package

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DATA = Path(__file__).parents[1] / "data"
PEM = SIGNER.public_key.pem.decode()
HONEST = (DATA / "goldens" / "package.json", DATA / "old" / "package-cognify-json-1.json")
AXE = MODULES / "axe-core" / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u0000\x1b[31m`&amp;'\""


@pytest.fixture(scope="session")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the file."""
    path = tmp_path_factory.mktemp("verifier") / "cognify-verify.html"
    path.write_bytes(standalone())
    return path.as_uri()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def verifier(browser: Browser, on_disk: str) -> Iterator[Verifier]:
    with opened(browser, on_disk) as page:
        yield page


@pytest.fixture(params=["from disk", "from a server"])
def anywhere(request: pytest.FixtureRequest, browser: Browser, on_disk: str) -> Iterator[Verifier]:
    address = on_disk
    if request.param == "from a server":
        served: Served = request.getfixturevalue("served")
        address = f"{str(served.client.base_url).rstrip('/')}/verify"
    with opened(browser, address) as page:
        yield page


def pasted_receipt(original: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return in_memory("run.json", original.package), in_memory("run.json.sigstore.json", original.receipt)


# -- the file


def test_the_file_names_what_it_runs_and_forbids_everything_else() -> None:
    text = standalone().decode()
    for name, where in (("script", "script-src"), ("style", "style-src")):
        (inline,) = re.findall(rf"<{name}[^>]*>(.*?)</{name}>", text, re.DOTALL)
        digest = b64encode(sha256(inline.encode()).digest()).decode()
        assert f"{where} 'sha256-{digest}'" in policy()
    assert f'content="{policy()}"' in text
    assert "unsafe" not in policy()
    assert not re.findall(r'(?:src|href)="(?!#|/"|data:,")[^"]*"', text)
    assert "//" not in re.sub(r"http://www\.w3\.org/2000/svg|https://(?:cognify\.dev|in-toto\.io)/", "", policy())


def test_the_file_is_the_same_each_time_it_is_made(tmp_path: Path) -> None:
    made = tmp_path / "again.html"
    told = subprocess.run(
        [sys.executable, "-c", "from cognify_core.cli import app; app()", "verifier", "-o", str(made)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert made.read_bytes() == standalone()
    assert told.stdout.split() == [sha256(standalone()).hexdigest(), str(made)]


def test_each_module_stands_in_it_once_behind_those_that_it_imports() -> None:
    order = re.findall(r"^const module_([a-z]+) = ", bundle("page"), re.MULTILINE)
    assert sorted(order) == sorted(path.stem for path in FOLDER.glob("*.js"))
    for path in FOLDER.glob("*.js"):
        imported = re.findall(r'from "\./([a-z]+)\.js"', path.read_text("utf-8"))
        assert all(order.index(name) < order.index(path.stem) for name in imported), path.name
    assert all(path.is_file() for path in STYLES)


def test_a_server_gives_the_very_file_to_anybody(served: Served) -> None:
    answer = served.ask("GET", "/verify")
    assert (answer.status_code, answer.content) == (200, standalone())
    assert answer.headers["content-security-policy"] == f"{policy()}; frame-ancestors 'none'"
    assert answer.headers["etag"] == f'"{sha256(standalone()).hexdigest()}"'


# -- what it says


@pytest.mark.parametrize("path", HONEST, ids=lambda path: path.name)
def test_an_honest_package_holds_under_the_key_that_was_pinned(anywhere: Verifier, path: Path) -> None:
    anywhere.pin(PEM)
    anywhere.choose(path)
    assert anywhere.verdict == 0
    assert "Holds: intact, and sealed by a key that you pinned" in anywhere.told
    assert (anywhere.section("intact"), anywhere.section("signer")) == ("ok", "ok")
    assert sha256(path.read_bytes()).hexdigest() in anywhere.told


def test_a_key_is_pinned_by_its_id_as_well(verifier: Verifier) -> None:
    verifier.pin(SIGNER.public_key.key_id)
    verifier.choose(*pasted_receipt(TRUE))
    assert verifier.verdict == 0
    assert "the receipt is for this very file" in verifier.told


def test_a_ledger_whose_key_is_given_holds(verifier: Verifier) -> None:
    verifier.pin(PEM)
    verifier.choose(*pasted_receipt(TRUE))
    assert (verifier.verdict, verifier.section("ledger")) == (0, "unchecked")
    verifier.pin(str(LOG.log.key), "logs")
    verifier.wait()
    assert (verifier.verdict, verifier.section("ledger")) == (0, "ok")


def test_without_a_key_nobody_is_believed(verifier: Verifier) -> None:
    verifier.choose(HONEST[0])
    assert verifier.verdict == 2
    assert "Intact, but the signer is not known here" in verifier.told
    assert SIGNER.public_key.key_id in verifier.told
    verifier.pin(OTHER_SIGNER.public_key.key_id)
    verifier.wait()
    assert verifier.verdict == 2


def test_a_key_that_lies_beside_the_package_is_not_pinned(verifier: Verifier) -> None:
    verifier.choose(HONEST[0], DATA / "goldens" / "signer.pub")
    assert verifier.verdict == 2
    assert "a key that comes with a package proves nothing" in verifier.page.locator("#chosen").inner_text()


def test_an_edited_lineage_is_named(verifier: Verifier) -> None:
    verifier.pin(PEM)
    forged = edited(TRUE.package, lambda value: value["nodes"][2].update(step=999))
    verifier.choose(in_memory("run.json", forged))
    assert verifier.verdict == 1
    assert "nodes 2: the package says" in verifier.told
    assert "none of it is to be believed" in verifier.told


def test_a_receipt_for_another_file_contradicts(verifier: Verifier) -> None:
    verifier.pin(PEM)
    verifier.choose(in_memory("run.json", TRUE.package), in_memory("run.json.sigstore.json", OTHER.receipt))
    assert verifier.verdict == 1
    assert "and this file is sha256:" in verifier.told


def test_another_package_hash_than_was_announced_contradicts(verifier: Verifier) -> None:
    verifier.pin(PEM)
    verifier.pin(sha256(PLAIN.package).hexdigest(), "expected")
    verifier.choose(in_memory("run.json", PLAIN.package))
    assert verifier.verdict == 0
    verifier.pin("0" * 64, "expected")
    verifier.wait()
    assert verifier.verdict == 1
    assert f"and should be sha256:{'0' * 64}" in verifier.told


@pytest.mark.parametrize("name", ["report.pdf", "eu_ai_act.pdf", "hipaa.pdf"])
def test_of_a_pdf_the_evidence_is_checked_and_the_pages_are_not(verifier: Verifier, name: str) -> None:
    verifier.pin(PEM)
    verifier.choose(Path(__file__).parents[2] / "docs" / "samples" / name)
    assert (verifier.verdict, verifier.section("signer")) == (2, "ok")
    assert "not that its pages say the same" in verifier.told


@pytest.mark.parametrize("name", ["report.xlsx", "report.md", "report.cdx.json", "population.xlsx"])
def test_a_document_needs_its_receipt(verifier: Verifier, name: str) -> None:
    verifier.pin(PEM)
    data = (Path(__file__).parents[2] / "docs" / "samples" / name).read_bytes()
    verifier.choose(in_memory(name, data))
    assert verifier.verdict == 2
    assert "Ask whoever gave you the file for its receipt" in verifier.told
    verifier.choose(in_memory(name, data), in_memory(f"{name}.sigstore.json", receipt_for(name, data)))
    assert verifier.verdict == 0
    verifier.choose(in_memory(name, data + b"\n"), in_memory(f"{name}.sigstore.json", receipt_for(name, data)))
    assert verifier.verdict == 1


def receipt_for(name: str, data: bytes) -> bytes:
    from cognify_core.seal.sealing import seal_package, seal_population
    from cognify_core.seal.statement import PopulationPredicate

    if name.startswith("population"):
        day = {"since": "2026-01-01", "until": "2026-12-31", "made_at": "2026-12-31T00:00:00Z"}
        said = PopulationPredicate(workspace="default", runs=3, format="xlsx", renderer="cognify-xlsx/1", **day)
        return seal_population(data, name, said, SIGNER)
    kind = {"report.xlsx": "xlsx", "report.md": "hf-card", "report.cdx.json": "cyclonedx"}[name]
    return seal_package(data, name, PLAIN.predicate.model_copy(update={"format": kind, "renderer": "any/1"}), SIGNER)


def test_timestamps_are_said_not_to_be_checked(verifier: Verifier) -> None:
    def stamp(value: dict[str, Any]) -> None:
        bundle = parse(value["seal"]["bundle"].encode())
        listed = [{"signedTimestamp": b64encode(b"\x30\x03\x02\x01\x00").decode()}]
        bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": listed}
        value["seal"] |= {"bundle": encode(bundle).decode(), "time": "timestamped", "anchor": [{"kind": "timestamp"}]}

    report = verifier.report(edited(PLAIN.package, stamp), TRUSTED)
    assert report["exit_code"] == 2
    assert any("which a browser cannot check" in finding["message"] for finding in report["findings"])


def test_what_cannot_be_pinned_is_said_where_it_was_pasted(verifier: Verifier) -> None:
    verifier.pin("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
    verifier.page.set_input_files("#files", HONEST[0])
    said = verifier.page.locator("#keys-field [role=alert]")
    said.wait_for()
    assert "the pinned key cannot be used" in said.inner_text()
    assert verifier.page.locator("#result").is_hidden()


def test_a_file_that_is_too_large_is_not_read(verifier: Verifier, tmp_path: Path) -> None:
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate((1 << 26) + 1)
    verifier.choose(tmp_path / "large.json")
    assert verifier.verdict == 2
    assert "67,108,865 bytes are more than the 67,108,864 that are read" in verifier.told


@pytest.mark.slow
def test_of_fifty_megabytes_it_says_how_far_it_is_and_ends_within_a_minute(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(package(sealed_run(whole([note(text="x" * 4_000) for _ in range(12_000)]))))
    assert path.stat().st_size > 48_000_000
    verifier.pin(PEM)
    verifier.page.evaluate(
        """() => {
          globalThis.steps = new Set();
          const step = document.getElementById('step');
          new MutationObserver(() => steps.add(step.textContent)).observe(step, { childList: true });
        }"""
    )
    begun = time.monotonic()
    verifier.page.set_input_files("#files", path)
    verifier.wait(120)
    assert verifier.verdict == 0
    assert time.monotonic() - begun < 60
    steps = verifier.page.evaluate("[...steps]")
    assert any(re.fullmatch(r"Checking events: [0-9,]+ of 12,002", step) for step in steps)


def test_where_the_browser_withholds_its_cryptography_nothing_is_believed(served: Served, browser: Browser) -> None:
    """As it does on pages in clear from other machines, of which the name is one here."""
    chromium = shutil.which("google-chrome") or the("chromium")
    how = ["--host-resolver-rules=MAP verify.test 127.0.0.1", "--no-sandbox"]
    other = browser.browser_type.launch(executable_path=chromium, args=how)
    with opened(other, f"http://verify.test:{served.client.base_url.port}/verify") as page:
        assert page.page.evaluate("globalThis.crypto.subtle ?? null") is None
        page.choose(HONEST[0])
        assert page.verdict == 2
        assert "open cognify-verify.html from disk" in page.told
        assert all("Cross-Origin-Opener-Policy" in said for said in page.complaints)  # it needs https as well
        page.complaints.clear()
    other.close()


def test_the_report_can_be_taken_along(anywhere: Verifier) -> None:
    anywhere.pin(PEM)
    anywhere.choose(HONEST[0])
    with anywhere.page.expect_download() as waiting:
        anywhere.page.get_by_role("button", name="Download the report").click()
    assert waiting.value.suggested_filename == "package.json.report.json"
    found = json.loads(Path(waiting.value.path()).read_text("utf-8"))
    assert (found["exit_code"], found["sections"]["intact"]) == (0, "ok")
    anywhere.requests = [each for each in anywhere.requests if not each.startswith("blob:")]


# -- what it must not do


def test_what_a_package_says_is_text_and_nothing_else(anywhere: Verifier) -> None:
    hostile = HOSTILE.replace("\x00", "")
    bodies = whole([note(text=hostile)])
    bodies[0] = bodies[0].model_copy(update={"project": hostile, "name": hostile, "recorder": hostile})
    data = package(sealed_run(bodies))
    anywhere.pin(PEM)
    anywhere.choose(in_memory(f"{'<b>x</b>'}.json", data))
    assert anywhere.verdict == 0
    assert "<img src=x onerror=alert(1)>" in anywhere.told
    assert "\\u{202e}" in anywhere.told
    assert "\u202e" not in anywhere.page.content()
    for key in ("run_id", "status", "renderer", "sealed_at", "schema", "gaps"):
        anywhere.choose(in_memory("x.json", edited(data, lambda value, key=key: value.update({key: HOSTILE}))))  # type: ignore[misc]
        assert anywhere.verdict != 0
        assert anywhere.page.locator("#result img, #result script, #result b, #chosen b").count() == 0


def test_nothing_can_be_sent_even_if_a_script_tried(anywhere: Verifier) -> None:
    tried = anywhere.page.evaluate(
        """async () => {
          const said = [];
          try { await fetch('http://127.0.0.1:9/'); said.push('fetched'); } catch { said.push('refused'); }
          try { document.body.innerHTML = '<p>x</p>'; said.push('written'); } catch { said.push('refused'); }
          return said;
        }"""
    )
    assert tried == ["refused", "refused"]
    assert anywhere.complaints
    anywhere.complaints.clear()


# -- for everybody


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (360, 740)], ids=["wide", "narrow"])
def test_it_can_be_used_by_everybody(browser: Browser, on_disk: str, theme: str, size: tuple[int, int]) -> None:
    if not AXE.is_file():
        lacking("axe-core")
    how = {"color_scheme": theme, "viewport": {"width": size[0], "height": size[1]}, "bypass_csp": True}
    with opened(browser, on_disk, **how) as page:
        page.page.add_script_tag(content=AXE.read_text("utf-8"))
        forged = edited(TRUE.package, lambda value: value["nodes"].clear())
        for data, pinned in ((None, ""), (TRUE.package, ""), (TRUE.package, PEM), (forged, PEM)):
            if data is not None:
                page.pin(pinned)
                page.choose(in_memory("run.json", data))
            found = page.page.evaluate("axe.run()")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
            wide = page.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not wide, "the page scrolls sideways"


def test_it_can_be_used_with_the_keyboard_alone(verifier: Verifier) -> None:
    page = verifier.page
    places: list[str] = []
    for _ in range(8):
        page.keyboard.press("Tab")
        places.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert places[:4] == ["Skip to the content", "files", "keys", "keyfile"]
    assert places[5:7] == ["check", "over"]
    page.locator("#keys").focus()
    page.keyboard.insert_text(PEM)
    page.locator("#files").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(HONEST[0])
    verifier.wait()
    assert page.evaluate("document.activeElement.id") == "result"
    assert page.locator("#status").inner_text().startswith("Holds")
    page.locator("#over").focus()
    page.keyboard.press("Enter")
    assert page.locator("#result").is_hidden()


def test_a_file_can_be_dropped_anywhere(verifier: Verifier) -> None:
    verifier.pin(PEM)
    verifier.page.evaluate(
        """(text) => {
          const carried = new DataTransfer();
          carried.items.add(new File([text], 'run.json'));
          const how = { bubbles: true, cancelable: true, dataTransfer: carried };
          document.body.dispatchEvent(new DragEvent('drop', how));
        }""",
        PLAIN.package.decode(),
    )
    verifier.wait()
    assert verifier.verdict == 0
