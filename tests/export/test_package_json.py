from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cognify_core.canonical import parse
from cognify_core.errors import FormatError, UnsupportedExportError
from cognify_core.export.formats import FORMATS, export_format, render_package
from cognify_core.export.package_json import RENDERER, render
from cognify_core.model.digest import Digest
from tests.conftest import GOLDENS
from tests.factories import MANIFESTS, SIGNER, addendum, checkpoint, config, dataset, gap, sealed_run, whole

SCHEMA = json.loads(files("cognify_core.export").joinpath("package.schema.json").read_text())
FIRST_KEYS = {"run_id", "status", "sealed_at", "nodes", "edges"}


def package() -> dict[str, Any]:
    run = sealed_run()
    value: dict[str, Any] = parse(render(run, [addendum(run)]))
    return value


def test_the_lineage_is_at_the_top_level_as_the_design_shows_it() -> None:
    value = package()
    assert value.keys() >= FIRST_KEYS
    assert value["status"] == "AUDIT_SEALED"
    assert value["sealed_at"] == "2025-09-12T16:45:00Z"
    assert value["nodes"][0] == {
        "type": "dataset",
        "id": "ds_patient_notes_v3",
        "hash": value["nodes"][0]["hash"],
        "timestamp": "2025-09-12T15:00:00Z",
        "assurance": "content",
        "record_count": 3,
        "role": "train",
        "schema_version": "3",
    }
    assert {"from": "ds_patient_notes_v3", "to": "ckpt_step_20"} in value["edges"]


def test_a_package_is_valid_under_the_published_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(package())
    assert package()["schema"] == SCHEMA["$id"]


@pytest.mark.parametrize(
    "key", ["run_id", "status", "sealed_at", "nodes", "edges", "record", "seal", "gaps", "addenda"]
)
def test_the_schema_misses_what_is_missing(key: str) -> None:
    value = package()
    del value[key]
    with pytest.raises(jsonschema.ValidationError, match=f"'{key}' is a required property"):
        jsonschema.Draft202012Validator(SCHEMA).validate(value)


def test_an_unresolved_artifact_is_valid_shown_with_its_reason_and_listed_as_a_gap() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated before hashed", inputs=())
    value = parse(render(sealed_run(whole([dataset(), config(), checkpoint(), unseen])), []))
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    assert value["nodes"][-1]["reason"] == "rotated before hashed"
    assert value["gaps"] == [{"subject": "ckpt_step_40", "reason": "rotated before hashed", "owner": "engineer"}]


def test_an_unresolved_artifact_that_has_a_gap_of_its_own_is_listed_once() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated", inputs=())
    bodies = [unseen, gap(subject="ckpt_step_40", reason="rotated before hashed", mend="save_total_limit=None")]
    value = parse(render(sealed_run(whole(bodies)), []))
    assert [entry["mend"] for entry in value["gaps"]] == ["save_total_limit=None"]


def test_events_travel_byte_for_byte() -> None:
    run = sealed_run()
    value = parse(render(run, []))
    assert tuple(event.encode() for event in value["record"]["events"]) == run.events
    assert value["seal"]["bundle"].encode() == run.bundle


def test_a_manifest_with_a_file_name_that_is_not_utf8_travels_as_base64() -> None:
    tree = b"# cognify.tree/v1\n" + b"0" * 64 + b"  caf\xe9\n"
    bodies = whole([checkpoint(hash=Digest.of(tree), inputs=())])
    run = sealed_run(bodies, manifests={str(Digest.of(tree)): tree})
    value = parse(render(run, []))
    assert b64decode(value["manifests"][str(Digest.of(tree))]["base64"]) == tree
    jsonschema.Draft202012Validator(SCHEMA).validate(value)


def test_a_manifest_that_is_not_there_is_named() -> None:
    name, *_ = MANIFESTS
    with pytest.raises(FormatError, match=f"missing .*{name}"):
        render(sealed_run(manifests={}), [])


def test_the_same_inputs_give_the_same_bytes_in_another_locale_time_zone_and_hash_seed() -> None:
    program = (
        "import sys; from tests.factories import *; from cognify_core.export.package_json import render;"
        "run = sealed_run(); sys.stdout.buffer.write(render(run, [addendum(run)]))"
    )
    strange = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7", "COGNIFY_PROJECT": "other"}
    there = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | strange,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )
    run = sealed_run()
    assert there.stdout == render(run, [addendum(run)])


def test_a_new_addendum_makes_a_new_package() -> None:
    run = sealed_run()
    assert render(run, []) != render(run, [addendum(run)])


def test_the_golden_package_is_rendered_again_byte_for_byte(golden: Callable[[str, bytes], None]) -> None:
    run = sealed_run()
    later = addendum(run)
    golden("package.json", render(run, [later]))
    golden("seal.sigstore.json", run.bundle)
    golden("signer.pub", SIGNER.public_key.pem)


def test_the_golden_package_of_this_release_verifies() -> None:
    from cognify_core.seal.signing import PublicKey
    from cognify_core.verify.package import check_package

    signer = PublicKey.parse((GOLDENS / "signer.pub").read_bytes())
    assert check_package((GOLDENS / "package.json").read_bytes(), trusted=[signer]).exit_code == 0


@pytest.mark.parametrize(("kind", "template"), [("docx", None), ("json", "eu_ai_act"), ("", ""), ("JSON", None)])
def test_an_unknown_pair_is_answered_with_the_table_of_those_that_exist(kind: str, template: str | None) -> None:
    with pytest.raises(UnsupportedExportError, match=r"(?s)there is no export of .*FORMAT.*json +\(none\)"):
        render_package(kind, template, sealed_run())


def test_a_format_is_found_by_name_and_its_version_is_the_renderers_own() -> None:
    assert render_package("json", None, sealed_run()) == render(sealed_run(), [])
    assert export_format("json", None).extension == "json"
    assert export_format("json", None).version == RENDERER
    assert FORMATS["json"].version == RENDERER
