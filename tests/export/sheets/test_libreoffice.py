"""A workbook as LibreOffice opens it: each sheet can be printed, and nothing in it is calculated."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cognify_core.export.package_xlsx import compose_book, render_dossier
from tests.export.document.dossiers import rich
from tests.export.templates.test_hostile import HOSTILE, hostile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("soffice") is None or shutil.which("pdftotext") is None,
        reason="LibreOffice or poppler-utils is not installed",
    ),
]


def pages_of(data: bytes, folder: Path) -> list[str]:
    """The text of each page that LibreOffice prints of a workbook."""
    (folder / "book.xlsx").write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = ["soffice", profile, "--headless", "--convert-to", "pdf", "book.xlsx"]
    subprocess.run(convert, cwd=folder, check=True, capture_output=True, timeout=120)
    read = ["pdftotext", "-layout", "book.pdf", "-"]
    said = subprocess.run(read, cwd=folder, check=True, capture_output=True, text=True).stdout
    return said.split("\f")[:-1]


def test_every_sheet_is_printed_with_its_headings(tmp_path: Path) -> None:
    book, pages = compose_book(rich()), pages_of(render_dossier(rich(), None), tmp_path)
    assert "Information produced by the entity" in pages[0]
    tops = [" ".join(page.split())[:300] for page in pages[1:]]
    for sheet in book.sheets[1:]:
        wanted = f"{sheet.columns[0].title} {sheet.columns[1].title}"
        assert any(wanted in top for top in tops), sheet.title


def test_nothing_is_calculated(tmp_path: Path) -> None:
    said = "\n".join(pages_of(render_dossier(hostile(HOSTILE["formula"]), None), tmp_path))
    assert HOSTILE["formula"] in said
    assert not any(mark in said for mark in ("#NAME?", "#REF!", "#VALUE!", "Err:"))
