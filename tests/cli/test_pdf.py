"""`cognify export --format pdf`, and `cognify verify` of what it wrote, from the file alone."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.running import cognify, json_of
from tests.cli.test_runs import sealed, still_open
from tests.export.pdf.reading import attached, needs_poppler, page_count, text_of


@pytest.fixture
def package(mine: Path) -> Path:
    target = mine / "audit.pdf"
    done = json_of(mine, "export", sealed(mine), "--format", "pdf", "-o", target)
    assert done["package_hash"] == "sha256:" + sha256(target.read_bytes()).hexdigest()
    return target


def test_a_document_holds_the_json_export_and_verifies(mine: Path, package: Path) -> None:
    assert cognify(mine, "export", sealed(mine), "-o", mine / "audit.json").exit_code == 0
    assert attached(package.read_bytes())["evidence.json"] == (mine / "audit.json").read_bytes()
    report = json_of(mine, "verify", package)
    assert report["exit_code"] == 0
    assert {"document", "receipt"} <= {finding["code"] for finding in report["findings"]}


def test_it_verifies_elsewhere_from_the_file_alone_with_the_key(mine: Path, package: Path, tmp_path: Path) -> None:
    alone = tmp_path / "handed-over.pdf"
    alone.write_bytes(package.read_bytes())
    assert cognify(mine, "keys", "export", tmp_path / "signer.pub").exit_code == 0
    assert cognify(tmp_path, "verify", alone).exit_code == 2
    assert cognify(tmp_path, "verify", alone, "--key", tmp_path / "signer.pub").exit_code == 0


def test_a_flipped_byte_does_not_hold(mine: Path, package: Path) -> None:
    forged = bytearray(package.read_bytes())
    forged[len(forged) // 2] ^= 1
    package.write_bytes(forged)
    assert cognify(mine, "verify", package).exit_code == 1


@pytest.mark.parametrize("template", ["eu_ai_act", "hipaa"])
def test_each_template_exports_and_verifies(mine: Path, template: str) -> None:
    target = mine / f"{template}.pdf"
    done = json_of(mine, "export", sealed(mine), "--format", "pdf", "--template", template, "-o", target)
    assert done["template"] == template
    assert done["personal_data"] == (template == "hipaa")
    assert cognify(mine, "verify", target).exit_code == 0


@needs_poppler
def test_a_run_that_is_not_sealed_is_drawn_with_a_banner_on_every_page_and_is_no_evidence(mine: Path) -> None:
    done = json_of(mine, "preview", still_open(mine), "--template", "eu_ai_act", "-o", mine / "preview.pdf")
    data = Path(done["path"]).read_bytes()
    assert done["banner"].startswith("NOT SEALED")
    for page in range(1, page_count(data) + 1):
        assert done["banner"] in text_of(data, pages=(page, page))
    assert attached(data) == {}
    result = cognify(mine, "verify", mine / "preview.pdf")
    assert result.exit_code == 1
    assert "a preview is no evidence" in result.stdout
    assert not list(mine.glob("*.sigstore.json"))


@needs_poppler
def test_so_is_one_whose_store_contradicts_its_seal_and_it_is_never_exported(mine: Path) -> None:
    run = sealed(mine)
    with sqlite3.connect(mine / "home" / "cognify.db") as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            database.execute(f"DROP TRIGGER {name}")
        forged = "CAST(replace(CAST(event AS TEXT), 'patient_notes', 'patient_votes') AS BLOB)"
        database.execute(f"UPDATE events SET event = {forged} WHERE run_id = ?", [run])
    database.close()
    assert cognify(mine, "export", run, "--format", "pdf").exit_code == 1
    done = json_of(mine, "preview", run, "-o", mine / "preview.pdf")
    assert done["banner"].startswith("DOES NOT VERIFY")
    data = Path(done["path"]).read_bytes()
    assert "DOES NOT VERIFY" in text_of(data, pages=(page_count(data), page_count(data)))


def test_a_run_that_is_sealed_and_holds_needs_no_preview(mine: Path) -> None:
    result = cognify(mine, "preview", sealed(mine))
    assert result.exit_code == 2
    assert "export it without a preview" in result.stderr
