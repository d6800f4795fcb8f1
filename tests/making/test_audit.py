"""`make audit` says that all is well only where it could see that."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.audit import KNOWN_TO_BE_BAD, ROOT, CannotAuditError, audit, read_ignored
from tests.servers.answering import Answering, listening

pytest.importorskip("pip_audit")

TODAY = date(2026, 11, 29)
PINS = ["colour==1.0", "paint==2.0"]
KNOWN = {"jinja2": ["CVE-2019-10906"], "paint": ["PYSEC-2026-1", "CVE-2026-0001"]}


@contextmanager
def service(known: dict[str, list[str]], status: int = 200) -> Iterator[dict[str, str]]:
    """A service that knows of these holes; the environment in which it is asked."""

    class Osv(Answering):
        def do_POST(self) -> None:  # noqa: N802 - its caller names it
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            told: dict[str, Any] = {}
            if ids := known.get(asked):
                package = {"name": asked, "ecosystem": "PyPI"}
                fixed = [{"type": "ECOSYSTEM", "events": [{"fixed": "3.0"}]}]
                told["vulns"] = [
                    {"id": ids[0], "aliases": ids[1:], "affected": [{"package": package, "ranges": fixed}]}
                ]
            self.answer(status, json.dumps(told).encode(), "application/json")

    with listening(Osv) as url:
        yield {**os.environ, "AUDIT_SERVICE": f"{url}/v1/query"}


def listed(folder: Path, text: str) -> Path:
    (folder / "audit.toml").write_text(text)
    return folder / "audit.toml"


def test_a_known_hole_is_named_and_does_not_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with service(KNOWN) as environ:
        assert audit(PINS, {}, TODAY, environ) == 1
    assert capsys.readouterr().out.splitlines() == [
        "paint 2.0: CVE-2026-0001, PYSEC-2026-1; mended in 3.0",
        "2 packages; 1 known hole but those of audit.toml",
    ]


def test_packages_without_a_known_hole_pass() -> None:
    with service({"jinja2": KNOWN["jinja2"]}) as environ:
        assert audit(PINS, {}, TODAY, environ) == 0


def test_a_hole_that_is_listed_with_a_reason_passes_until_its_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[[ignored]]\nid = "CVE-2026-0001"\nreason = "Not painted here."\nuntil = 2026-12-31\n'
    ignored = read_ignored(listed(tmp_path, text))
    with service(KNOWN) as environ:
        assert audit(PINS, ignored, TODAY, environ) == 0
        assert audit(PINS, ignored, date(2027, 1, 1), environ) == 1
    assert "was looked away from until 2026-12-31: Not painted here." in capsys.readouterr().out


def test_what_is_listed_and_found_no_more_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '[[ignored]]\nid = "CVE-1"\nreason = "r"\nuntil = 2026-12-31\n'
    with service({"jinja2": KNOWN["jinja2"]}) as environ:
        assert audit(PINS, read_ignored(listed(tmp_path, text)), TODAY, environ) == 0
    assert "CVE-1 stands in audit.toml, and nothing has it any more: take it out" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        '[[ignored]]\nid = "CVE-1"\nuntil = 2026-12-31\n',
        '[[ignored]]\nid = "CVE-1"\nreason = " "\nuntil = 2026-12-31\n',
        '[[ignored]]\nid = "CVE-1"\nreason = "r"\nuntil = "later"\n',
        "[[ignored\n",
    ],
)
def test_a_list_without_reasons_or_days_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CannotAuditError, match=r"audit\.toml.*(does not read|needs a reason, and a day)"):
        read_ignored(listed(tmp_path, text))


def test_the_list_of_this_project_reads() -> None:
    read_ignored(ROOT / "audit.toml")


def test_a_service_that_knows_of_no_holes_at_all_passes_nobody() -> None:
    with service({}) as environ, pytest.raises(CannotAuditError, match=f"knows of no hole in {KNOWN_TO_BE_BAD}"):
        audit(PINS, {}, TODAY, environ)


def test_a_service_that_fails_passes_nobody() -> None:
    with service(KNOWN, status=500) as environ, pytest.raises(CannotAuditError):
        audit(PINS, {}, TODAY, environ)


def test_a_service_that_cannot_be_reached_passes_nobody() -> None:
    with service(KNOWN) as environ:
        pass
    with pytest.raises(CannotAuditError, match="Connection refused"):
        audit(PINS, {}, TODAY, environ)


def test_a_package_that_could_not_be_looked_up_passes_nobody() -> None:
    with service(KNOWN) as environ, pytest.raises(CannotAuditError):
        audit([*PINS, "not a package"], {}, TODAY, environ)
