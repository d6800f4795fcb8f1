"""`cognify export --format pdf`, and `cognify verify` of what it wrote, from the file alone."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.running import cognify, json_of
from tests.cli.test_runs import sealed
from tests.export.pdf.reading import attached


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
