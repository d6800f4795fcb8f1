from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest

from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.inputs import SealedRun
from cognify_core.export.package_json import render
from tests.export.document.dossiers import bare, opening, rich
from tests.export.pdf.reading import (
    FORBIDDEN,
    attached,
    findings_of,
    fonts_of,
    images_of,
    needs_poppler,
    page_count,
    rendered,
    starts_of,
    structure_of,
    text_of,
)

TEMPLATES = (None, "eu_ai_act", "hipaa")
RICH = rich()
DOCUMENTS = {template: rendered(RICH, template) for template in TEMPLATES}
ROOT = RICH.seals[0].root


@pytest.fixture(params=TEMPLATES, ids=str)
def document(request: pytest.FixtureRequest) -> bytes:
    return DOCUMENTS[request.param]


def test_it_passes_the_validator_of_pdf_a_3b(document: bytes) -> None:
    assert findings_of(document) == ()


def test_every_font_is_embedded_and_none_is_helvetica(document: bytes) -> None:
    fonts = dict(fonts_of(document))
    assert set(fonts.values()) == {True}
    assert all("Liberation" in name for name in fonts)


@needs_poppler
def test_curves_codes_and_lineage_are_drawn_and_no_picture_is_in_the_file(document: bytes) -> None:
    with pikepdf.open(BytesIO(document)) as pdf:
        kinds = {str(found.get("/Subtype")) for found in pdf.objects if isinstance(found, pikepdf.Dictionary)}
    assert "/Image" not in kinds
    assert structure_of(document).count("Figure") >= 3


def test_the_attached_json_is_the_json_export_byte_for_byte(document: bytes) -> None:
    assert attached(document)["evidence.json"] == render(RICH.run, RICH.addenda)


def test_who_watches_is_told_of_each_page_that_is_drawn() -> None:
    told: list[tuple[str, int, int]] = []
    data = export_format("pdf", None).render(RICH, lambda what, done=0, total=0: told.append((what, done, total)))
    pages = len(pikepdf.open(BytesIO(data)).pages)
    assert [one[1:] for one in told if one[0] == "drawing pages"] == [(page, pages) for page in range(1, pages + 1)]
    assert data == DOCUMENTS[None]


def test_clear_values_travel_beside_it_only_where_the_template_shows_them() -> None:
    assert {template: set(attached(data)) for template, data in DOCUMENTS.items()} == {
        None: {"evidence.json"},
        "eu_ai_act": {"evidence.json"},
        "hipaa": {"evidence.json", "openings.json"},
    }


@needs_poppler
def test_the_code_on_the_cover_reads_as_the_root(document: bytes, tmp_path: Path) -> None:
    import zxingcpp
    from PIL import Image

    with Image.open(images_of(document, tmp_path)) as page:
        (code,) = zxingcpp.read_barcodes(page.convert("L"))
    assert code.text == ROOT


def test_the_same_dossier_gives_the_same_bytes(document: bytes, request: pytest.FixtureRequest) -> None:
    assert rendered(rich(), request.node.callspec.params["document"]) == document


AGAIN = """
import sys
from cognify_core.export.formats import export_format
from tests.export.document.dossiers import rich
sys.stdout.buffer.write(export_format("pdf", "eu_ai_act").render(rich()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "zone"), [("1", "Asia/Tokyo"), ("77", "America/Lima")])
def test_nor_do_process_hash_seed_time_zone_locale_or_others_settings_have_a_say(
    seed: str, zone: str, tmp_path: Path
) -> None:
    (tmp_path / "matplotlibrc").write_text("path.simplify: False\naxes.formatter.limits: 0, 0\n")
    (tmp_path / ".reportlab_settings").write_text("pageCompression = 1\ninvariant = 0\nuseA85 = 0\n")
    root = Path(__file__).parents[3]
    elsewhere = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C", "HOME": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", AGAIN], env=os.environ | elsewhere, cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == DOCUMENTS["eu_ai_act"]


@needs_poppler
def test_it_agrees_with_the_json_about_root_and_counts(document: bytes) -> None:
    evidence = json.loads(attached(document)["evidence.json"])
    said = text_of(document).replace(" ", "")
    assert evidence["record"]["root"] in said
    assert f"Itsrecordholds{evidence['record']['size']}events" in said
    for node in evidence["nodes"]:
        assert node["hash"] in said, "each digest stands in full, and is copied without the gaps between its groups"


@needs_poppler
def test_a_status_has_no_space_before_a_semicolon() -> None:
    text = text_of(rendered(rich(), "eu_ai_act"))
    assert "RECORDED; source: record" in text
    assert " ; source" not in text


@needs_poppler
def test_no_digest_is_cut_off(document: bytes) -> None:
    said = text_of(document).replace(" ", "")
    seal = RICH.seals[0]
    for whole in (seal.root, seal.key_id, seal.statement):
        assert whole in said


@needs_poppler
def test_every_page_says_which_run_which_root_which_template_and_which_page_of_how_many() -> None:
    footers = {
        None: "cognify-report/1",
        "eu_ai_act": "eu_ai_act/1 · Regulation (EU) 2024/1689, consolidated 27.07.2026",
        "hipaa": "hipaa/1 · 45 CFR Part 164, Subparts C, D and E, as in force in November 2026",
    }
    for template, footer in footers.items():
        data = DOCUMENTS[template]
        pages = page_count(data)
        for page in range(1, pages + 1):
            said = text_of(data, pages=(page, page))
            assert f"page {page} of {pages}" in said
            assert RICH.run_id in said
            assert f"root {ROOT[:16]}" in said
            assert footer in said


@needs_poppler
def test_it_never_says_more_than_evidence_can(document: bytes) -> None:
    said = text_of(document).lower()
    assert [word for word in FORBIDDEN if word in said] == []


@needs_poppler
def test_it_is_tagged_in_reading_order(document: bytes) -> None:
    tree = structure_of(document)
    kinds = set(re.findall(r"^ *([A-Za-z0-9]+) ", tree, re.MULTILINE)) | set(re.findall(r"[A-Za-z0-9]+", tree))
    assert {"Document", "H1", "H2", "P", "TOC", "TOCI", "Table", "TH", "TD", "Figure", "Link", "LBody"} <= kinds
    drawn = [starts_of(document, kind) for kind in ("H1", "H2", "Figure")]
    assert drawn == [sorted(places) for places in drawn]
    with pikepdf.open(BytesIO(document)) as pdf, pdf.open_outline() as outline:
        chapters = len(outline.root)
    assert len({page for page, _ in drawn[0]}) > 3
    assert len(drawn[0]) >= chapters > 8
    said = text_of(document)
    assert said.index("Contents") < said.rindex("Seal certificate") < said.rindex("Evidence index")


def test_contents_outline_and_citations_lead_somewhere(document: bytes) -> None:
    with pikepdf.open(BytesIO(document)) as pdf:
        pages = [page.obj.objgen for page in pdf.pages]
        links = [link for page in pdf.pages for link in page.get("/Annots", [])]
        assert len(links) > 40
        assert all(link.Dest[0].objgen in pages for link in links)
        assert all("/A" not in link for link in links), "nothing in it leads out of the document"
        with pdf.open_outline() as outline:
            titles = [item.title for item in outline.root]
    assert "Seal certificate" in titles
    assert titles[-2:] == ["Evidence index", "About this document"]


def test_it_names_its_renderer_and_the_libraries_that_made_it(document: bytes, request: pytest.FixtureRequest) -> None:
    with pikepdf.open(BytesIO(document)) as pdf:
        producer = str(pdf.docinfo["/Producer"])
        dates = {str(pdf.docinfo["/CreationDate"]), str(pdf.docinfo["/ModDate"])}
    template = request.node.callspec.params["document"]
    assert producer == export_format("pdf", template).version
    assert "+reportlab/" in producer
    assert dates == {"D:20250914090000Z"}, "the time of the last seal, and no other"


@needs_poppler
def test_the_banner_stands_on_every_page() -> None:
    sealed = RICH.run
    unsealed = SealedRun(sealed.run_id, sealed.events, b"", sealed.public_key, sealed.manifests)
    data = rendered(Dossier.of(unsealed, banner="NOT SEALED: a preview, and no evidence"))
    for page in range(1, page_count(data) + 1):
        assert "NOT SEALED: a preview, and no evidence" in text_of(data, pages=(page, page))
    assert attached(data) == {}
    assert findings_of(data) == ()


@needs_poppler
def test_scripts_without_glyphs_stand_as_escapes_and_are_counted() -> None:
    from tests.export.document.dossiers import dossier, training
    from tests.factories import note

    data = rendered(dossier(*training(), note(text="fails on 中文 and \N{GRINNING FACE} and \N{ARABIC LETTER ALEF}")))
    said = text_of(data)
    assert "fails on U+4E2D U+6587 and U+1F600 and U+0627" in said
    assert "4 characters of 4 kinds" in said


def test_a_clear_value_that_was_given_is_attached_with_what_opens_it() -> None:
    given = opening("ada")
    data = rendered(Dossier.of(RICH.run, RICH.addenda, openings=(given,)), "hipaa")
    (listed,) = json.loads(attached(data)["openings.json"])["openings"]
    assert listed == {"commitment": given.commitment, "label": "user", "random": given.random.hex(), "value": "ada"}


def test_a_run_of_nothing_gives_a_document_too() -> None:
    assert findings_of(rendered(bare())) == ()
