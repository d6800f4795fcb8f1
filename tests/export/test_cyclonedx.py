from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from cognify_core.canonical import parse
from cognify_core.export.cyclonedx import RENDERER, render_dossier
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from tests.export.document.dossiers import bare, base_model, dossier, rich
from tests.export.templates.test_hostile import FORBIDDEN, HOSTILE, hostile
from tests.factories import checkpoint, config, dataset, note

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def bom(told: Dossier) -> dict[str, Any]:
    value: dict[str, Any] = parse(render_dossier(told, None))
    return value


def facts(part: dict[str, Any]) -> dict[str, str]:
    return {each["name"].removeprefix("cognify:"): each["value"] for each in part["properties"]}


@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_the_bom_is_strictly_valid_cyclonedx_1_6(told: Dossier) -> None:
    assert VALIDATOR.validate_str(render_dossier(told, None).decode()) is None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_leaves_it_valid(text: str) -> None:
    assert VALIDATOR.validate_str(render_dossier(hostile(text), None).decode()) is None


def test_the_record_is_named_by_its_root_and_statement() -> None:
    told = rich()
    said = facts(bom(told)["metadata"])
    assert (said["merkle_root"], said["statement"]) == (told.seals[0].root, told.seals[0].statement)
    assert said["addendum:1:merkle_root"] == told.seals[1].root
    assert said["gap"] == "base model: not found on disk"


def test_an_addendum_makes_a_new_version_of_the_same_bom() -> None:
    first, later = bom(dossier(dataset())), bom(dossier(dataset(), addenda=((note(),),)))
    assert first["serialNumber"] == later["serialNumber"] != bom(dossier())["serialNumber"]
    assert (first["version"], later["version"]) == (1, 2)


def test_the_model_has_its_base_as_ancestor_and_a_card_with_datasets_metrics_and_limits() -> None:
    model = bom(rich())["metadata"]["component"]
    assert [each["name"] for each in model["pedigree"]["ancestors"]] == ["meta-llama/Llama-3-8B"]
    card = model["modelCard"]
    assert {"ref": "node:ds_patient_notes_v3"} in card["modelParameters"]["datasets"]
    measured = card["quantitativeAnalysis"]["performanceMetrics"]
    assert measured[0] == {
        "type": "accuracy",
        "slice": "own",
        "value": "0.9",
        "confidenceInterval": {"lowerBound": "0.85", "upperBound": "0.94"},
    }
    assert [each["slice"] for each in measured][-1] == "own, sex = f (n = 80)"
    assert card["considerations"]["technicalLimitations"] == ["fails on negation", "repeats itself after 400 tokens"]


@pytest.mark.parametrize("licence", ["apache-2.0", "<b>", "x" * 100_000, "\u202e\n\x1b"])
def test_a_base_model_has_its_commit_as_version_and_its_licence_as_declared(licence: str) -> None:
    told = dossier(base_model(facts={"revision": "0f3c" * 10, "revision_by": "transformers", "license": licence}))
    assert VALIDATOR.validate_str(render_dossier(told, None).decode()) is None
    value = bom(told)
    (ancestor,) = value["metadata"]["component"]["pedigree"]["ancestors"]
    for part in (value["components"][0], ancestor):
        assert part["version"] == "0f3c" * 10
        assert part["licenses"][0]["license"]["acknowledgement"] == "declared"
        assert part["licenses"][0]["license"]["name"][:1] == licence[:1]


def test_of_a_base_model_without_them_neither_is_said() -> None:
    nothing: list[dict[str, Any]] = [{}, {"revision": 7, "license": ["mit"]}, {"revision": "", "license": None}]
    for known in nothing:
        (base,) = bom(dossier(base_model(facts=known)))["components"]
        assert not base.keys() & {"version", "licenses"}


def test_only_a_digest_of_a_file_is_a_hash_and_files_of_a_checkpoint_have_theirs() -> None:
    value = bom(dossier(dataset(manifest=None), config(), base_model(), checkpoint()))
    by_name = {each["name"]: each for each in value["components"]}
    assert by_name["patient_notes"]["hashes"][0]["content"] == facts(by_name["patient_notes"])["digest"][7:]
    assert "hashes" not in by_name["meta-llama/Llama-3-8B"]
    (last,) = value["metadata"]["component"]["components"]
    assert last["components"] == [
        {
            "type": "file",
            "name": "model.safetensors",
            "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
        }
    ]


def test_packages_of_the_environment_have_package_urls() -> None:
    urls = [each["purl"] for each in bom(rich())["components"] if each["type"] == "library"]
    assert urls == ["pkg:pypi/peft@0.21.2", "pkg:pypi/torch@2.13.0"]


def test_every_reference_names_a_component() -> None:
    value = bom(rich())
    refs = {each["bom-ref"] for each in (*value["components"], value["metadata"]["component"])}
    used = {each["ref"] for each in value["dependencies"]}
    used |= {ref for each in value["dependencies"] for ref in each["dependsOn"]}
    assert used <= refs


def test_what_is_not_known_to_be_all_does_not_say_that_it_is() -> None:
    assert [bom(told)["compositions"][0]["aggregate"] for told in (dossier(), rich())] == ["unknown", "incomplete"]


def test_the_golden_bom_is_rendered_again_byte_for_byte(golden: Callable[[str, bytes], None]) -> None:
    golden("run.cdx.json", render_dossier(rich(), None))


def test_the_bom_says_no_more_than_it_knows_and_names_its_renderer() -> None:
    assert not FORBIDDEN.search(render_dossier(rich(), None).decode())
    assert export_format("cyclonedx", None).version == RENDERER
    assert facts(bom(rich())["metadata"])["renderer"] == RENDERER


@pytest.mark.parametrize("module", ["cyclonedx", "model_card"])
def test_neither_hash_seed_nor_time_zone_changes_a_byte(module: str) -> None:
    program = (
        "import sys; from tests.export.document.dossiers import rich; "
        f"from cognify_core.export.{module} import render_dossier; "
        "sys.stdout.buffer.write(render_dossier(rich(), None))"
    )
    made = set()
    for seed, zone in (("1", "UTC"), ("77", "Asia/Tokyo")):
        where = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone}
        made.add(subprocess.run([sys.executable, "-c", program], env=where, capture_output=True, check=True).stdout)
    assert len(made) == 1
