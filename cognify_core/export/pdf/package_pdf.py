"""The PDF package: a document for people, with the JSON package that it was made from inside it.

It is a function of the dossier, the template and the renderer's version, which the file names as its producer.
"""

from __future__ import annotations

from io import BytesIO

from cognify_core.export.document.blocks import Composed
from cognify_core.export.document.report import compose_report
from cognify_core.export.dossier import Dossier
from cognify_core.export.formats import renderer_version
from cognify_core.export.inputs import openings_file
from cognify_core.export.package_json import render
from cognify_core.export.pdf.annex import ANNEX, Attached, lay_annex
from cognify_core.export.pdf.archive import Description, archived
from cognify_core.export.pdf.contents import entries_of, lay_contents
from cognify_core.export.pdf.cover import lay_cover
from cognify_core.export.pdf.flow import Flow, draw_page
from cognify_core.export.pdf.furniture import BOTTOM, TOP, Furniture
from cognify_core.export.pdf.laying import Layout
from cognify_core.export.pdf.legible import one_line
from cognify_core.export.pdf.pen import Pen, new_canvas
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.writing import Writing
from cognify_core.export.templates.template import Template
from cognify_core.export.watched import Watch, unwatched

EVIDENCE, OPENINGS = "evidence.json", "openings.json"


def render_dossier(dossier: Dossier, template: Template | None, watch: Watch = unwatched) -> bytes:
    """The document's bytes; `watch` is told how many pages are drawn.

    Raises:
        FormatError, SigningKeyError: an input is not what it should be.
    """
    renderer = renderer_version("pdf", template)
    watch("rendering the evidence within")
    attached = attachments(dossier, template)  # first, while nothing else of a long record is held
    watch("laying out")
    composed = compose_report(dossier) if template is None else template.compose(dossier)
    layout = _laid_out(composed, dossier, attached, renderer)
    pen, drawn = _drawn(layout, _furniture(composed, dossier), watch)
    watch("packing the document")
    at = max(seal.sealed_at for seal in dossier.seals) if dossier.seals else dossier.closed_at
    about = Description(
        title=f"{one_line(composed.title)}: {dossier.run_id}",
        subject=one_line(composed.subtitle),
        keywords=dossier.seals[0].root if dossier.seals else "not sealed",
        renderer=renderer,
        at=at,
    )
    return archived(drawn, layout.root, pen.links, layout.entries, layout.flow.places, attached, about)


def attachments(dossier: Dossier, template: Template | None) -> tuple[Attached, ...]:
    """The JSON package, and the clear values that the template was given; a preview carries nothing."""
    if not dossier.seals or dossier.banner:
        return ()
    package = render(dossier.run, dossier.addenda)
    found = [Attached.of(EVIDENCE, package, "the JSON package that this document was rendered from")]
    if template is not None and template.shows_personal_data:
        says = "the clear values that this document shows, and the random bytes that open their commitments"
        found.append(Attached.of(OPENINGS, openings_file(dossier.openings), says, is_source=False))
    return tuple(found)


def _laid_out(composed: Composed, dossier: Dossier, attached: tuple[Attached, ...], renderer: str) -> Layout:
    layout = Layout(dossier, Flow(TOP, BOTTOM), Writing(), Element("Document"))
    lay_cover(composed, layout)
    lay_contents(entries_of(composed.sections, ANNEX), layout.flow, layout.root)
    layout.flow.new_page()
    layout.sections(composed.sections)
    lay_annex(layout, attached, renderer)
    layout.flow.close()
    return layout


def _furniture(composed: Composed, dossier: Dossier) -> Furniture:
    root = f"root {dossier.seals[0].root[:16]}…" if dossier.seals else "not sealed"
    return Furniture(dossier.run_id, root, composed.footer, composed.banner or "")


def _drawn(layout: Layout, furniture: Furniture, watch: Watch) -> tuple[Pen, bytes]:
    out = BytesIO()
    pages = layout.flow.pages
    pen = Pen(new_canvas(out, layout.dossier.run_id), layout.flow.places, len(pages))
    for number, placed in enumerate(pages, start=1):
        furniture.draw(pen)
        draw_page(pen, placed)
        pen.next_page()
        watch("drawing pages", number, len(pages))
    pen.canvas.save()
    return pen, out.getvalue()
