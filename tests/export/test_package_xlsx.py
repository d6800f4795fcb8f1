from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cognify_core.canonical import parse
from cognify_core.export.formats import FORMATS, export_format, render_package
from cognify_core.export.package_json import render
from cognify_core.export.package_xlsx import RENDERER, compose_book, render_dossier
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import Body
from tests.export.document.dossiers import attestation, bare, dossier, profile, release, rich
from tests.export.sheets.workbooks import digest_of, ipe_facts, ipe_sheets, opened, parts, rows, table
from tests.export.templates.test_hostile import FORBIDDEN, HOSTILE, hostile
from tests.factories import checkpoint, dataset, gap, note, sealed_run

SPECIFIED = ["IPE", "datasets", "configs", "checkpoints", "eval metrics"]
THEN = {"lineage", "access log", "approvals", "controls", "gaps"}


def test_the_first_sheet_is_the_ipe_and_there_is_one_for_each_type() -> None:
    titles = opened(render_dossier(rich(), None)).sheetnames
    assert titles[:5] == SPECIFIED
    assert set(titles) >= THEN


def test_the_ipe_names_source_filter_period_root_and_how_to_verify() -> None:
    told = rich()
    facts = ipe_facts(render_dossier(told, None))
    assert facts["Merkle root of the record (RFC 6962)"] == told.seals[0].root
    assert facts["Period (UTC)"] == f"{told.opened_at} to {told.closed_at}"
    assert facts["Filter"] == f"run_id = {told.run_id}, with its 1 sealed addendum; nothing is left out"
    assert str(facts["Made by"]).startswith(RENDERER)
    assert "cognify verify" in str(facts["How to verify this file"])


def test_who_watches_is_told_how_many_rows_are_written() -> None:
    told: list[tuple[str, int, int]] = []
    book = compose_book(rich())
    render_dossier(rich(), None, lambda what, done=0, total=0: told.append((what, done, total)))
    total = sum(len(sheet.rows) for sheet in book.sheets)
    counted = [(done, of) for what, done, of in told if what == "writing rows"]
    assert counted == sorted(counted)
    assert (counted[0], counted[-1]) == ((0, total), (total, total))


def test_each_sheet_has_the_rows_and_the_digest_that_the_ipe_says() -> None:
    data = render_dossier(rich(), None)
    said = ipe_sheets(data)
    assert list(said) == opened(data).sheetnames[1:]
    for title, (_, _, count, digest, *_) in said.items():
        below = rows(data, title)[1:]
        assert (len(below), digest_of(below)) == (count, digest)


@pytest.mark.parametrize("told", [dossier(), bare(), rich()], ids=["empty", "bare", "rich"])
def test_the_rows_are_as_many_as_the_json_package_counts(told: object) -> None:
    assert isinstance(told, type(rich()))
    data, package = render_dossier(told, None), parse(render(told.run, told.addenda))
    runs = [package, *package["addenda"]]
    nodes = Counter(node["type"] for run in runs for node in run["nodes"])
    for title, kind in (("datasets", "dataset"), ("configs", "config"), ("checkpoints", "checkpoint")):
        assert len(table(data, title)) == nodes[kind]
    assert len(table(data, "evaluations")) == nodes["evaluation"]
    assert len(table(data, "lineage")) == sum(nodes.values())
    assert sum(int(row["inputs"] or 0) for row in table(data, "lineage")) == sum(len(run["edges"]) for run in runs)
    assert len(table(data, "gaps")) == sum(len(run["gaps"]) for run in runs)
    assert {row[5] for row in ipe_sheets(data).values()} <= {"yes", None}


def test_digests_stand_in_full_and_times_as_text() -> None:
    told = rich()
    (row,) = table(render_dossier(told, None), "checkpoints")
    assert row["digest"] == str(told.checkpoints[0].body.hash)
    assert row["recorded at (UTC)"] == told.checkpoints[0].body.at
    assert row["JSON pointer"] == told.checkpoints[0].evidence.pointer
    cells = [cell for sheet in opened(render_dossier(told, None)) for line in sheet.iter_rows() for cell in line]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert {cell.number_format for cell in cells} == {"General"}


def test_every_sheet_but_the_first_has_a_frozen_heading_and_a_filter_over_all_rows() -> None:
    book = opened(render_dossier(rich(), None))
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(dimension.width > 9 for dimension in sheet.column_dimensions.values())


def test_a_release_shows_whether_who_approved_is_who_ran_it() -> None:
    data = render_dossier(dossier(addenda=((release(), release(ran_by="ada  PERSON")),)), None)
    said = [row["approver is not who ran it"] for row in table(data, "approvals")]
    assert said == ["yes", "NO: the same name"]
    (change,) = [row for row in table(data, "controls") if row["criteria"] == "CC8.1"]
    assert "names the same person as approver" in str(change["what is recorded"])


def test_who_ran_it_by_a_commitment_is_not_called_somebody_else() -> None:
    unnamed = release(ran_by=f"not named; the user behind the commitment sha256:{'5' * 64}")
    data = render_dossier(dossier(addenda=((unnamed,),)), None)
    (row,) = [row for row in table(data, "approvals") if row["what"] == "release"]
    assert row["approver is not who ran it"] == "not to be seen here: who ran it is a commitment"
    (change,) = [row for row in table(data, "controls") if row["criteria"] == "CC8.1"]
    assert "cannot be seen here" in str(change["what is recorded"])


def test_a_criterion_without_evidence_is_a_gap_with_an_owner() -> None:
    found = {str(row["criteria"]): row for row in table(render_dossier(dossier(), None), "controls")}
    assert found["PI1.4"]["status"] == "GAP"
    assert found["PI1.4"]["owner"] == "engineer"
    assert found["A1.2"]["what is missing"] == "an attestation about soc2/A1.2"
    assert all(row["status"] in ("RECORDED", "ATTESTED", "GAP") for row in found.values())


def controls(*bodies: Body) -> dict[str, dict[str, Value]]:
    rows = table(render_dossier(dossier(dataset(provenance={}), *bodies), None), "controls")
    return {str(row["criteria"]): row for row in rows}


def test_an_attestation_is_evidence_for_what_it_is_about_and_for_nothing_else() -> None:
    at_rest = attestation(form="encryption_at_rest", subject="/srv", facts={"encrypted": True})
    found = controls(at_rest, attestation(form="phi"), attestation(subject="soc2/A1.2"))
    assert "attestation" not in str(found["CC8.1"]["what is recorded"])
    assert found["CC6.1; CC6.2; CC6.3"]["status"] == "ATTESTED"
    assert "an attestation about soc2/CC6.1" in str(found["CC6.1; CC6.2; CC6.3"]["what is missing"])
    assert found["C1.1; C1.2"]["what is recorded"] == "attestation: 2"
    assert (found["A1.2"]["status"], found["A1.2"]["evidence"]) == ("ATTESTED", 1)
    assert "attestation: 1" in str(controls(attestation())["CC8.1"]["what is recorded"])


def test_what_a_row_asks_to_be_supplied_is_counted_once_it_is_and_as_what_it_is() -> None:
    policy = profile(incident_policy={"url": "https://example.org/incidents"})
    found = controls(policy, note(note_kind="incident"), dataset(ref="d", provenance={"personal_data": "none"}))
    assert (found["CC7.3; CC7.4"]["status"], found["CC7.3; CC7.4"]["evidence"]) == ("DECLARED", 2)
    assert found["CC7.3; CC7.4"]["what is missing"] == "how incidents are responded to: an attestation about soc2/CC7.3"
    assert found["C1.1; C1.2"]["status"] == "DECLARED"
    assert found["CC9.2"]["status"] == "GAP"
    assert controls(dataset(ref="d", provenance={"obtained": "Example Ltd"}))["CC9.2"]["status"] == "DECLARED"


def test_what_could_not_be_seen_is_evidence_for_nothing() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated", inputs=())
    found = controls(unseen, gap(), attestation(datasets=()))
    assert [found[ref]["status"] for ref in ("PI1.4", "CC6.7", "CC7.3; CC7.4")] == ["GAP", "GAP", "GAP"]


def test_an_unresolved_checkpoint_says_why_and_is_a_gap() -> None:
    unseen = checkpoint(40, assurance="unresolved", hash=None, manifest=None, reason="rotated", inputs=())
    data = render_dossier(dossier(unseen, gap()), None)
    (row,) = table(data, "checkpoints")
    assert (row["digest"], row["status"]) == ("none: rotated", "GAP")
    assert len(table(data, "gaps")) == 2


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_in_every_field_is_only_text(text: str) -> None:
    data = render_dossier(hostile(text), None)
    for name, part in parts(data):
        assert not re.search(rb"<f[ >/]|<hyperlink|<oleObject|externalLink|\.bin", part), name
        assert text[:20].encode() not in name.encode()
    assert list(opened(data).defined_names) == []
    cells = [cell for sheet in opened(data) for line in sheet.iter_rows() for cell in line if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
    assert {row[5] for row in ipe_sheets(data).values()} <= {"yes", None}


def test_the_file_says_no_more_than_it_knows() -> None:
    for told in (dossier(), bare(), rich()):
        data = render_dossier(told, None)
        assert [name for name, part in parts(data) if FORBIDDEN.search(part.decode())] == []


def test_neither_hash_seed_nor_time_zone_nor_the_xml_library_changes_a_byte() -> None:
    program = (
        "import sys; from tests.export.document.dossiers import rich; "
        "from cognify_core.export.package_xlsx import render_dossier; "
        "sys.stdout.buffer.write(render_dossier(rich(), None))"
    )
    made = {render_dossier(rich(), None)}
    for seed, zone, lxml in (("1", "UTC", "False"), ("77", "Asia/Tokyo", "True")):
        where = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "OPENPYXL_LXML": lxml}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=where, cwd=Path(__file__).parents[2], capture_output=True, check=True
        )
        made.add(ran.stdout)
    assert len(made) == 1


def test_the_renderers_version_names_the_library_that_wrote_the_bytes() -> None:
    assert FORMATS["xlsx"].version == RENDERER
    assert re.fullmatch(rf"{RENDERER}\+openpyxl/[0-9.]+", export_format("xlsx", None).version)
    assert render_package("xlsx", None, sealed_run()).startswith(b"PK")


def test_without_openpyxl_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['openpyxl'] = None; from cognify_core.export.formats import *; "
        "from tests.factories import sealed_run\n"
        "try: render_package('xlsx', None, sealed_run())\n"
        "except UnsupportedExportError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout == "the format 'xlsx' needs openpyxl: pip install 'cognify-audit[xlsx]'\n"
