"""A PDF package against its own rendering: what its pages say must be what the evidence inside it says."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from cognify_core.errors import CognifyError, UnsupportedExportError
from cognify_core.export.document.clear_values import ClearValues, personal_commitments
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import FORMATS, ExportFormat, export_format
from cognify_core.verify.package_form import Package
from cognify_core.verify.pdf_form import PdfPackage
from cognify_core.verify.record_check import capped
from cognify_core.verify.report import Finding, contradicts, holds, unchecked


def check_pdf(pdf: PdfPackage, package: Package, data: bytes) -> list[Finding]:
    """Render the document again from the evidence inside it, and name what in it is otherwise."""
    try:
        kind = export_format("pdf", pdf.template)
    except UnsupportedExportError:
        return [unchecked("document_renderer", f"the template {pdf.template!r} is not installed here")]
    if pdf.renderer != kind.version:
        return [_other_renderer(pdf, kind)]
    dossier = Dossier.of(package.run, package.addenda, openings=pdf.openings or ())
    if found := list(_check_openings(pdf, dossier, kind)):
        return found
    return list(_check_bytes(dossier, kind, data))


def _other_renderer(pdf: PdfPackage, kind: ExportFormat) -> Finding:
    """A version that is not here is no contradiction: other bytes are to be expected from it."""
    told = f"the pages were not compared: rendered by {pdf.renderer[:200]!r}, and here is {kind.version!r}"
    libraries = FORMATS["pdf"].libraries
    here = dict(part.split("/", 1) for part in kind.version.split("+"))
    others = {name for name in here.keys() | pdf.versions.keys() if here.get(name) != pdf.versions.get(name)}
    return unchecked("document_libraries" if others <= {*libraries} else "document_renderer", told)


def _check_openings(pdf: PdfPackage, dossier: Dossier, kind: ExportFormat) -> Iterator[Finding]:
    """Whether each clear value that came along opens a commitment of the record."""
    takes = kind.template is not None and kind.template.shows_personal_data
    if takes != (pdf.openings is not None):
        yield contradicts(
            "document_openings", "clear values are attached where the template takes none, or the reverse"
        )
        return
    openings = pdf.openings or ()
    try:
        wanted = personal_commitments(dossier)
    except CognifyError:
        return  # the record does not read, which has been reported
    opened = ClearValues.of(openings).values
    for opening in openings:
        if opening.commitment not in wanted or opened.get(opening.commitment) != opening.value:
            told = f"the clear value {opening.label[:40]!r} opens no commitment of the record"
            yield contradicts("document_openings", told)


def _check_bytes(dossier: Dossier, kind: ExportFormat, data: bytes) -> Iterator[Finding]:
    try:
        expected = kind.render(dossier)
    except UnsupportedExportError as error:
        yield unchecked("document_renderer", f"the pages were not compared: {error}")
        return
    except CognifyError:
        yield unchecked("document", "the document cannot be rendered again, for what it is made from does not hold")
        return
    if expected == data:
        yield holds("document", "the document is, byte for byte, what its evidence renders to")
    else:
        yield from capped([contradicts("document", told) for told in _differences(data, expected)], "")


def _differences(found: bytes, expected: bytes) -> Iterator[str]:
    """One line for each part of the file that differs; one at least."""
    from pikepdf import Pdf

    with Pdf.open(BytesIO(found), suppress_warnings=True) as one, Pdf.open(BytesIO(expected)) as other:
        pages, wanted = _contents(one), _contents(other)
    if len(pages) != len(wanted):
        yield f"the document has {len(pages):,} pages, and its evidence renders to {len(wanted):,}"
    told = [number for number, pair in enumerate(zip(pages, wanted, strict=False), start=1) if pair[0] != pair[1]]
    yield from (f"page {number} of the document is not what its evidence renders to" for number in told)
    if not told:
        yield (
            "the document is not, byte for byte, what its evidence renders to, though the text and figures of each "
            "page are: fonts, metadata, attachments or the structure of the file differ"
        )


def _contents(pdf: Any) -> list[tuple[bytes | None, Any]]:
    return [(_drawn(page), _laid_over(page)) for page in pdf.pages]


def _laid_over(page: Any) -> Any:
    """The annotations of a page, which readers draw over what is on it; none where they cannot be read."""
    from pikepdf import PdfError

    try:
        return [
            (str(each.Subtype), str(each.get("/Contents", "")), [float(side) for side in each.Rect], "/AP" in each)
            for each in page.get("/Annots", ())
        ]
    except (PdfError, AttributeError, TypeError, ValueError, KeyError):
        return None


def _drawn(page: Any) -> bytes | None:
    """What is drawn on a page; none where that cannot be read."""
    from pikepdf import PdfError

    try:
        data: bytes = page.Contents.read_bytes()
    except (PdfError, AttributeError, TypeError, ValueError, KeyError):
        return None
    return data
