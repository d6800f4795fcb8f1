from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("openpyxl")

from cognify_core.verify.package import check_package
from tests.factories import SIGNER
from tests.samples import FOLDER, write

MOST_BYTES = 300_000


@pytest.mark.slow
def test_samples_come_out_alike_each_time_and_each_pdf_verifies(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one, two = write(first), write(second)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    for path in first.glob("*.pdf"):
        assert check_package(path.read_bytes(), trusted=[SIGNER.public_key]).exit_code == 0


def test_there_is_one_of_each_document_and_none_is_large() -> None:
    kept = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.name != "README.md"}
    assert {"report.pdf", "eu_ai_act.pdf", "hipaa.pdf", "report.xlsx"} <= kept.keys()
    assert max(kept.values()) < MOST_BYTES
