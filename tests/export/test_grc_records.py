from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from cognify_core.canonical import parse
from cognify_core.export.grc_records import TITLE, grc_records
from cognify_core.export.package_json import DOCUMENTS, render
from cognify_core.seal.signing import PublicKey
from cognify_core.verify.package import check_package
from tests.conftest import GOLDENS
from tests.export.document.dossiers import attestation, bare, dossier, rich
from tests.export.templates.test_hostile import HOSTILE, hostile
from tests.factories import checkpoint, dataset, gap, note

SCHEMA = json.loads(files("cognify_core.export").joinpath("package.schema.json").read_text())
OLD = GOLDENS.parent / "old"
FIELDS = {
    "record_id", "record_type", "title", "framework", "control_ref", "status", "evidence_ref", "sha256", "occurred_at",
    "actor", "run_id",
}  # fmt: skip


def test_rows_are_flat_and_hold_nothing_but_text() -> None:
    for row in grc_records(rich()):
        assert row.keys() == FIELDS
        assert all(type(value) is str for value in row.values())


def test_every_row_has_an_id_of_its_own_that_stays_when_an_addendum_follows() -> None:
    first, later = grc_records(bare()), grc_records(rich())
    assert len({row["record_id"] for row in later}) == len(later)
    both = dossier(dataset(), addenda=((note(),),))
    alone = {row["record_id"] for row in grc_records(dossier(dataset()))}
    assert alone < {row["record_id"] for row in grc_records(both)}
    assert {row["run_id"] for row in (*first, *later)} == {bare().run_id}


def test_a_row_points_at_the_event_that_it_is_of() -> None:
    told = rich()
    package = parse(render(told.run, told.addenda))
    rows = [row for row in package["grc_records"] if row["record_type"] != "seal"]
    for row in rows:
        *path, place = row["evidence_ref"].removeprefix("/").split("/")
        found = package
        for key in path:
            found = found[int(key) if isinstance(found, list) else key]
        event = json.loads(found[int(place)])
        assert event["kind"] == row["record_type"]
        assert row["record_id"] == f"{event['run_id']}/{event['seq']}"
        assert row["sha256"] in (event.get("hash") or event.get("evidence") or "")


def test_what_nobody_checked_what_is_void_and_what_is_missing_say_so() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated", inputs=())
    said = checkpoint(60, assurance="declared", inputs=())
    void = attestation(datasets=())
    told = dossier(dataset(), unseen, said, gap(), note(), void, attestation(datasets=None))
    found = [(row["record_type"], row["status"]) for row in grc_records(told)]
    assert found == [
        ("run_opened", "RECORDED"),
        ("dataset", "RECORDED"),
        ("checkpoint", "GAP"),
        ("checkpoint", "DECLARED"),
        ("gap", "GAP"),
        ("note", "DECLARED"),
        ("attestation", "VOID"),
        ("attestation", "ATTESTED"),
        ("run_closed", "RECORDED"),
        ("seal", "RECORDED"),
    ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_fits_the_schema_and_long_titles_are_cut(text: str) -> None:
    told = hostile(text)
    package = parse(render(told.run, told.addenda))
    jsonschema.Draft202012Validator(SCHEMA).validate(package)
    assert max(len(row["title"]) for row in package["grc_records"]) <= TITLE


def test_a_package_without_rows_is_valid_only_of_the_renderer_that_knew_none() -> None:
    run = rich().run
    jsonschema.Draft202012Validator(SCHEMA).validate(DOCUMENTS["cognify-json/1"](run, []))
    value = DOCUMENTS["cognify-json/2"](run, [])
    del value["grc_records"]
    with pytest.raises(jsonschema.ValidationError, match="'grc_records' is a required property"):
        jsonschema.Draft202012Validator(SCHEMA).validate(value)


@pytest.mark.parametrize("path", sorted(OLD.glob("package-*.json")), ids=lambda path: path.stem)
def test_a_package_of_an_older_renderer_verifies_for_ever(path: object) -> None:
    signer = PublicKey.parse((OLD / "signer.pub").read_bytes())
    data = (OLD / f"{getattr(path, 'name', path)}").read_bytes()
    assert check_package(data, trusted=[signer]).exit_code == 0
