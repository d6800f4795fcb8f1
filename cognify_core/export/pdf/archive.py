"""A drawn document as PDF/A-3b (ISO 19005-3): tags, outline, metadata, output intent, and the files attached.

Nothing of it depends on a clock, a setting or the order of a set: the same document gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cognify_core.export.pdf.annex import Attached
from cognify_core.export.pdf.laying import Entry
from cognify_core.export.pdf.pen import Link, Place
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.tagging import destination, write_structure

PROFILE = Path(__file__).parent / "colour" / "sRGB.icc"
CREATOR = "Cognify"


@dataclass(frozen=True, slots=True)
class Description:
    """What a document says of itself to programs."""

    title: str
    subject: str
    keywords: str
    renderer: str
    """Its version, and those of the libraries that have a say in the bytes."""
    at: str
    """RFC 3339: when the youngest seal was made."""


def archived(
    drawn: bytes,
    root: Element,
    links: Sequence[Link],
    entries: Sequence[Entry],
    places: dict[str, Place],
    attached: Sequence[Attached],
    about: Description,
) -> bytes:
    """The bytes of the finished document."""
    from pikepdf import Dictionary, Name, ObjectStreamMode, Pdf, StreamDecodeLevel

    with Pdf.open(BytesIO(drawn)) as pdf:
        for key in list(pdf.Root.keys()):
            if key not in ("/Type", "/Pages"):
                del pdf.Root[key]
        for page in pdf.pages:
            for key in ("/Trans", "/Rotate"):  # reportlab writes both, and says nothing with them
                if key in page.obj:
                    del page.obj[key]
        write_structure(pdf, root, links)
        _write_outline(pdf, entries, places)
        _attach(pdf, attached, about.at)
        _write_output_intent(pdf)
        _write_metadata(pdf, about)
        pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        pdf.Root.PageMode = Name.UseOutlines
        out = BytesIO()
        pdf.save(
            out,
            force_version="1.7",
            deterministic_id=True,
            compress_streams=True,
            recompress_flate=True,
            stream_decode_level=StreamDecodeLevel.generalized,
            object_stream_mode=ObjectStreamMode.generate,
            fix_metadata_version=False,
        )
    return out.getvalue()


def _write_outline(pdf: Any, entries: Sequence[Entry], places: dict[str, Place]) -> None:
    from pikepdf import OutlineItem

    pages = [page.obj for page in pdf.pages]
    with pdf.open_outline() as outline:
        above: list[Any] = []
        for entry in entries:
            place = places[entry.name]
            item = OutlineItem(entry.title or "…", destination(pages[place.page], place.top))
            del above[entry.level - 1 :]
            (above[-1].children if above else outline.root).append(item)
            above.append(item)


def _attach(pdf: Any, attached: Sequence[Attached], at: str) -> None:
    from pikepdf import Array, Dictionary, Name, String

    if not attached:
        return
    specs = []
    for file in sorted(attached, key=lambda one: one.name):
        stream = pdf.make_stream(
            file.packed, Type=Name.EmbeddedFile, Subtype=Name("/application/json"), Filter=Name.FlateDecode
        )
        stream.Params = Dictionary(Size=file.size, ModDate=String(_pdf_date(at)), CreationDate=String(_pdf_date(at)))
        spec = Dictionary(
            Type=Name.Filespec,
            F=String(file.name),
            UF=String(file.name),
            Desc=String(file.says),
            AFRelationship=Name.Source if file.is_source else Name.Supplement,
            EF=Dictionary(F=stream, UF=stream),
        )
        specs += [(file.name, pdf.make_indirect(spec))]
    names = Array([part for name, spec in specs for part in (String(name), spec)])
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=names))
    pdf.Root.AF = Array([spec for _, spec in specs])


def _write_output_intent(pdf: Any) -> None:
    from pikepdf import Array, Dictionary, Name, String

    profile = pdf.make_stream(PROFILE.read_bytes(), N=3)
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name("/GTS_PDFA1"),
        OutputConditionIdentifier=String("sRGB"),
        Info=String("sRGB"),
        DestOutputProfile=profile,
    )
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])


def _write_metadata(pdf: Any, about: Description) -> None:
    """The information of the file, once as a dictionary and once as XMP, which must agree (ISO 19005-3, 6.6.3)."""
    from pikepdf import Dictionary, Name, String

    date = String(_pdf_date(about.at))
    pdf.trailer.Info = pdf.make_indirect(
        Dictionary(
            Title=String(about.title),
            Subject=String(about.subject),
            Keywords=String(about.keywords),
            Creator=String(CREATOR),
            Producer=String(about.renderer),
            CreationDate=date,
            ModDate=date,
        )
    )
    packet = XMP.format(
        title=escape(about.title),
        subject=escape(about.subject),
        keywords=escape(about.keywords),
        creator=escape(CREATOR),
        producer=escape(about.renderer),
        at=_moment(about.at).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    pdf.Root.Metadata = pdf.make_stream(packet.encode(), Type=Name.Metadata, Subtype=Name.XML)


def _pdf_date(at: str) -> str:
    return _moment(at).strftime("D:%Y%m%d%H%M%SZ")


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


XMP = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
   <pdfaid:part>3</pdfaid:part>
   <pdfaid:conformance>B</pdfaid:conformance>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
   <dc:language><rdf:Bag><rdf:li>en-GB</rdf:li></rdf:Bag></dc:language>
   <pdf:Keywords>{keywords}</pdf:Keywords>
   <pdf:Producer>{producer}</pdf:Producer>
   <xmp:CreatorTool>{creator}</xmp:CreatorTool>
   <xmp:CreateDate>{at}</xmp:CreateDate>
   <xmp:ModifyDate>{at}</xmp:ModifyDate>
   <xmp:MetadataDate>{at}</xmp:MetadataDate>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
