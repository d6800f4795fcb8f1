from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from cognify_core.export.inputs import made_from
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.sealing import seal_package
from cognify_core.store.sql import open_store
from cognify_core.verify.store_check import read_sealed
from tests.cli.running import cognify, json_of
from tests.cli.test_runs import sealed

NO_OPENPYXL = pytest.mark.skipif(find_spec("openpyxl") is None, reason="needs the extra xlsx")
KINDS = [pytest.param("xlsx", marks=NO_OPENPYXL), "cyclonedx", "hf-card"]


def exported(folder: Path, kind: str) -> Path:
    return Path(json_of(folder, "export", sealed(folder), "--format", kind)["path"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_verifies_by_its_receipt_and_is_rendered_again(mine: Path, kind: str) -> None:
    report = json_of(mine, "verify", exported(mine, kind))
    assert report["subject"].startswith("document sha256:")
    assert (report["exit_code"], report["run_id"]) == (0, sealed(mine))
    assert "document_rendering" in {finding["code"] for finding in report["findings"]}
    said = cognify(mine, "verify", exported(mine, kind)).stdout
    assert "rendered again from the run in the store" in said
    assert "holds: the file is, byte for byte, what a key that is trusted here signed" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_of_a_document_is_named(mine: Path, kind: str) -> None:
    path = exported(mine, kind)
    whole = path.read_bytes()
    for place in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        report = json_of(mine, "verify", path, code=1)
        assert "receipt_package" in {finding["code"] for finding in report["findings"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_without_its_receipt_could_not_be_checked(mine: Path, kind: str) -> None:
    alone = mine / f"alone.{kind}"
    shutil.copy(exported(mine, kind), alone)
    result = cognify(mine, "verify", alone)
    assert result.exit_code == 2
    assert "its receipt, which is not beside it" in result.stdout
    assert "--receipt FILE" in result.stdout.splitlines()[-1]


@NO_OPENPYXL
def test_a_workbook_that_another_program_saved_again_is_named_as_one_and_as_another_file(mine: Path) -> None:
    from openpyxl import load_workbook

    path = exported(mine, "xlsx")
    book = load_workbook(path)
    book["datasets"]["D2"] = 1_000_000
    book.save(path)
    findings = {each["code"]: each for each in json_of(mine, "verify", path, code=1)["findings"]}
    assert "and this file is sha256:" in findings["receipt_package"]["message"]
    assert "package_form" not in findings


def test_elsewhere_the_receipt_alone_speaks_for_a_document_and_an_unknown_key_for_nothing(
    mine: Path, tmp_path: Path
) -> None:
    path = exported(mine, "hf-card")
    elsewhere = tmp_path / "elsewhere"
    assert cognify(mine, "keys", "export", tmp_path / "signer.pub").exit_code == 0
    report = json_of(elsewhere, "verify", path, code=2)
    assert report["sections"]["signer"] == "unchecked"
    report = json_of(elsewhere, "verify", path, "--key", tmp_path / "signer.pub")
    (told,) = [each for each in report["findings"] if each["code"] == "document_not_rendered"]
    assert "the receipt alone speaks for it: there is no store here" in told["message"]
    assert not (elsewhere / "home" / "cognify.db").exists()


def test_a_receipt_of_another_document_is_not_this_ones(mine: Path) -> None:
    card, bom = exported(mine, "hf-card"), exported(mine, "cyclonedx")
    report = json_of(mine, "verify", card, "--receipt", f"{bom}.sigstore.json", code=1)
    assert "receipt_package" in {finding["code"] for finding in report["findings"]}


def test_a_document_of_another_renderer_is_not_rendered_again(mine: Path) -> None:
    ring, store = KeyRing(mine / "home" / "keys"), open_store(mine / "home" / "cognify.db")
    run, *addenda = read_sealed(store, sealed(mine), ring.trusted())
    card = mine / "card.md"
    card.write_bytes(b"---\n---\nsomething else\n")
    for renderer, code, verdict in (("cognify-hf-card/0", "document_not_rendered", 0), ("", "document_rendering", 1)):
        known = renderer or "cognify-hf-card/1"
        source = made_from(run, addenda, "hf-card", None, known)
        Path(f"{card}.sigstore.json").write_bytes(seal_package(card.read_bytes(), "card.md", source, ring.signer()))
        report = json_of(mine, "verify", card, code=verdict)
        assert code in {finding["code"] for finding in report["findings"]}
