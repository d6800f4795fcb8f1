"""The page and `cognify verify` say the same of every package that other tests forge, and of others by the hundred."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("playwright")
pytest.importorskip("fastapi")

from cognify_core.server.pages.standalone import standalone
from cognify_core.verify.package import check_package
from tests.adversarial.originals import LOGS, OTHER, PLAIN, TRUE
from tests.adversarial.test_fuzz import altered_bytes, altered_json
from tests.browser.verifier import Verifier, asked, opened, read_tried
from tests.factories import OTHER_SIGNER
from tests.tamper.keeping import ASKED
from tests.tamper.packaging import TRUSTED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
AT_ONCE = 40
FORGING = [
    *(f"tests/tamper/test_package_{what}.py" for what in ("record", "addenda", "bytes", "seal")),
    "tests/tamper/test_fuzzed_packages.py",
    "tests/adversarial/test_cases.py",
    "tests/adversarial/test_fuzz.py",
]
ASKED_FOR = ("data", "receipt", "keys", "logs")
LEAST = 3000
"""So many forgeries the tests have; fewer, and they were not kept."""


@pytest.fixture(scope="module")
def verifier(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    path = tmp_path_factory.mktemp("verifier") / "cognify-verify.html"
    path.write_bytes(standalone())
    with opened(browser, path.as_uri()) as page:
        yield page


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every package that those tests try, with what `verify` says of it."""
    folder = tmp_path_factory.mktemp("tried")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FORGING]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, ASKED: str(folder)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[-3000:]
    return [read_tried(path) for path in sorted(folder.iterdir())]


def test_every_forgery_gets_the_verdict_that_verify_gives_it(verifier: Verifier, tried: list[dict[str, Any]]) -> None:
    assert len(tried) >= LEAST
    wrong: list[tuple[int, int, list[str], list[str]]] = []
    for start in range(0, len(tried), AT_ONCE):
        some = tried[start : start + AT_ONCE]
        reports = verifier.reports(
            [{name: each[name] for name in ("data", "receipt", "keys", "logs")} for each in some]
        )
        for each, report in zip(some, reports, strict=True):
            code, found = each["exit_code"], report["exit_code"]
            if code != found and not (is_pdf(each) and found == 2):
                wrong.append((code, found, each["codes"], [one["message"] for one in report["findings"]]))
    assert wrong == []
    assert {0, 1, 2} <= {each["exit_code"] for each in tried}


def is_pdf(each: dict[str, Any]) -> bool:
    """Of a PDF the page says at most that it could not be checked to the end."""
    return str(each["data"]).startswith("JVBERi")


@settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(made=altered_json() | altered_bytes(), trusted=st.sampled_from([TRUSTED, (OTHER_SIGNER.public_key,), ()]))
def test_nothing_holds_here_that_does_not_hold_there(verifier: Verifier, made: Any, trusted: Any) -> None:
    data, receipt = made
    there = check_package(data, trusted=trusted, receipt=receipt, logs=LOGS)
    here = verifier.reports([asked(data, trusted, receipt, LOGS.pinned)])[0]
    assert (here["exit_code"] == 0) == (there.exit_code == 0), (here, sorted(there.codes))
    if there.exit_code == 1:
        assert here["exit_code"] in (1, 2)


@pytest.mark.parametrize("trusted", [TRUSTED, (OTHER_SIGNER.public_key,), ()], ids=["pinned", "another", "none"])
def test_what_nobody_altered_is_told_alike_section_by_section(verifier: Verifier, trusted: Any) -> None:
    for each in (TRUE, OTHER, PLAIN):
        for receipt in (None, each.receipt):
            there = check_package(each.package, trusted=trusted, receipt=receipt, logs=LOGS).to_json()
            here = verifier.report(each.package, trusted, receipt, LOGS.pinned)
            assert (here["exit_code"], here["sections"]) == (there["exit_code"], there["sections"])
            codes = [[(found["code"], found["verdict"]) for found in report["findings"]] for report in (here, there)]
            assert codes[0] == codes[1]
