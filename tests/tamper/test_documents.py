"""Someone changes a PDF package: its bytes, its pages, or what is attached to it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import export_format
from cognify_core.export.inputs import made_from, openings_file
from cognify_core.seal.sealing import seal_package
from cognify_core.store.protocol import Opening
from tests.export.document.dossiers import opening, rich
from tests.factories import SIGNER
from tests.tamper.packaging import amended, assert_contradicts, package, verify

RUN, ADDENDA = amended(1)
KIND = export_format("pdf", None)
DOCUMENT = KIND.render(Dossier.of(RUN, ADDENDA))
RICH = rich()
CLEAR = (opening("ada"), opening("192.0.2.7", "ip"))


def edited(data: bytes, change: Callable[[pikepdf.Pdf], object]) -> bytes:
    """The document after `change` has been done to it, saved as a careful forger would."""
    out = BytesIO()
    with pikepdf.open(BytesIO(data)) as pdf:
        change(pdf)
        pdf.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def hipaa(openings: tuple[Opening, ...]) -> bytes:
    return export_format("pdf", "hipaa").render(Dossier.of(RICH.run, RICH.addenda, openings=openings))


def receipt(data: bytes, **changed: str) -> bytes:
    said = {"format": "pdf", "template": None, "renderer": KIND.version} | changed
    return seal_package(data, "package.pdf", made_from(RUN, ADDENDA, **said), SIGNER)  # type: ignore[arg-type]  # of the names


def test_a_document_verifies_from_the_file_alone() -> None:
    report = verify(DOCUMENT)
    assert report.exit_code == 0
    assert any("byte for byte, what its evidence renders to" in finding.message for finding in report.findings)


def test_and_with_its_receipt() -> None:
    assert verify(DOCUMENT, receipt=receipt(DOCUMENT)).exit_code == 0


@pytest.mark.parametrize("template", ["eu_ai_act", "hipaa"])
def test_so_does_one_of_a_template(template: str) -> None:
    openings = CLEAR if template == "hipaa" else ()
    data = export_format("pdf", template).render(Dossier.of(RICH.run, RICH.addenda, openings=openings))
    assert verify(data).exit_code == 0


def test_a_receipt_of_another_format_is_refused() -> None:
    told = verify(DOCUMENT, receipt=receipt(DOCUMENT, format="json"))
    assert_contradicts(told, "receipt_contents", "format")


@pytest.mark.slow
def test_no_flipped_bit_goes_unseen() -> None:
    for place in range(0, len(DOCUMENT), 1 + len(DOCUMENT) // 40):
        flipped = bytearray(DOCUMENT)
        flipped[place] ^= 1 << place % 8
        assert verify(bytes(flipped)).exit_code != 0, f"byte {place}"


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.integers(0, len(DOCUMENT) - 1), length=st.integers(0, 40), patch=st.binary(max_size=40))
def test_no_patch_goes_unseen_and_none_breaks_the_verifier(place: int, length: int, patch: bytes) -> None:
    forged = DOCUMENT[:place] + patch + DOCUMENT[place + length :]
    assert (verify(forged).exit_code == 0) == (forged == DOCUMENT)


def test_a_page_that_says_something_else_is_named() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        drawn = pdf.pages[0].Contents.read_bytes()
        assert b"complete, 1 gap" in drawn
        pdf.pages[0].Contents = pdf.make_stream(drawn.replace(b"complete, 1 gap", b"complete, 0 gap"))

    told = verify(edited(DOCUMENT, forge))
    assert_contradicts(told, "document", "page 1 of the document is not what its evidence renders to")


def test_a_page_that_was_taken_out_is_missed() -> None:
    told = verify(edited(DOCUMENT, lambda pdf: pdf.pages.__delitem__(2)))
    assert_contradicts(told, "document", "pages, and its evidence renders to")


def test_something_that_was_added_behind_the_pages_is_seen() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Author"] = "a notified body"

    assert_contradicts(verify(edited(DOCUMENT, forge)), "document", "not, byte for byte")


def test_something_that_is_laid_over_a_page_is_named_with_the_page() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        stamp = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=[50, 50, 300, 90], Contents="approved"
        )
        pdf.pages[2].Annots = pikepdf.Array([pdf.make_indirect(stamp)])

    assert_contradicts(verify(edited(DOCUMENT, forge)), "document", "page 3 of the document is not what")


def test_a_second_attachment_of_the_same_name_is_refused() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        names = pdf.Root.Names.EmbeddedFiles.Names
        pdf.Root.Names.EmbeddedFiles.Names = pikepdf.Array([*names[:2], *names])

    assert_contradicts(verify(edited(DOCUMENT, forge)), "package_form", "two files of one name")


def test_what_a_library_calls_a_file_is_not_repeated() -> None:
    told = verify(DOCUMENT[:-2000])
    assert_contradicts(told, "package_form", "not a PDF package: unable to find trailer dictionary")


def test_bytes_behind_the_end_are_seen() -> None:
    assert_contradicts(verify(DOCUMENT + b"\n% seen by nobody\n"), "document", "not, byte for byte")


def test_pages_around_the_evidence_of_another_run_are_seen() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Names.EmbeddedFiles.Names[1].EF.F.write(package(RUN))

    assert_contradicts(verify(edited(DOCUMENT, forge)), "document", "page 1 of the document is not what")


def test_evidence_that_was_tampered_with_is_named_as_in_a_json_package() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        evidence = package(RUN, ADDENDA).replace(b"patient_notes", b"patient_votes")
        pdf.Root.Names.EmbeddedFiles.Names[1].EF.F.write(evidence)

    told = verify(edited(DOCUMENT, forge))
    assert told.exit_code == 1
    assert any(finding.code == "document" and finding.verdict == "unchecked" for finding in told.findings)


def test_a_document_without_evidence_is_no_package() -> None:
    told = verify(edited(DOCUMENT, lambda pdf: pdf.Root.__delitem__("/Names")))
    assert_contradicts(told, "package_form", "no evidence.json is attached")


def test_a_clear_value_that_opens_nothing_is_refused() -> None:
    given = CLEAR[0]
    forged = Opening(given.commitment, given.label, given.random, "eve")
    assert_contradicts(verify(hipaa((forged, CLEAR[1]))), "document_openings", "opens no commitment")


def test_a_clear_value_of_something_else_is_refused() -> None:
    assert_contradicts(verify(hipaa((*CLEAR, opening("eve")))), "document_openings", "opens no commitment")


def test_clear_values_do_not_travel_with_a_template_that_takes_none() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        spec = pikepdf.AttachedFileSpec(pdf, openings_file(CLEAR), filename="openings.json")
        pdf.attachments["openings.json"] = spec

    assert_contradicts(verify(edited(DOCUMENT, forge)), "document_openings", "takes none")


def test_a_renderer_that_is_not_known_here_is_not_called_tampering() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Producer"] = str(pdf.docinfo["/Producer"]).replace("cognify-pdf/1", "cognify-pdf/9")

    told = verify(edited(DOCUMENT, forge))
    assert told.exit_code == 2
    assert "document_renderer" in told.codes


def test_nor_are_other_versions_of_the_libraries() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Producer"] = str(pdf.docinfo["/Producer"]).replace("reportlab/", "reportlab/1")

    told = verify(edited(DOCUMENT, forge))
    assert told.exit_code == 2
    assert "document_libraries" in told.codes


def test_a_template_that_is_not_installed_is_not_called_tampering() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Producer"] = str(pdf.docinfo["/Producer"]) + "+house_rules/1"

    assert verify(edited(DOCUMENT, forge)).exit_code == 2


def test_a_file_that_unpacks_to_more_than_is_read_is_refused() -> None:
    def forge(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Names.EmbeddedFiles.Names[1].EF.F.write(b" " * (80 << 20))

    assert_contradicts(verify(edited(DOCUMENT, forge)), "package_form", "more than")


@pytest.mark.parametrize("data", [b"%PDF-", b"%PDF-1.7\n%%EOF", b"%PDF-1.7\ntrailer <</Root 1 0 R>>"])
def test_what_only_begins_like_one_is_refused(data: bytes) -> None:
    assert_contradicts(verify(data), "package_form", "not a PDF package")
