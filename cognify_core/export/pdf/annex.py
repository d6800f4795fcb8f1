"""What closes every document: the evidence index, and how the document itself came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import compress

from cognify_core.export.document.blocks import Cell, Column, Facts, Prose
from cognify_core.export.document.cells import count
from cognify_core.export.evidence import Evidence
from cognify_core.export.pdf.boxes import TextBox
from cognify_core.export.pdf.laying import Layout
from cognify_core.export.pdf.tables import RowBox, columns_of, header_row, rows_of
from cognify_core.export.pdf.theme import CAPTION, CONTENT
from cognify_core.model.digest import Digest

INDEX, ABOUT = "Evidence index", "About this document"
ANNEX = (INDEX, ABOUT)
MOST = 200
"""So many entries are printed, and every one that the document cites."""
_COLUMNS = (Column("Entry", 0.75), Column("What", 2.1), Column("Where, in evidence.json", 2.1), Column("Digest", 3.6))
_KINDS = 24


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that travels inside the document."""

    name: str
    packed: bytes
    """Its bytes, by zlib at its quickest: a long record is not held twice, and the whole file is packed again."""
    size: int
    digest: str
    """Hex."""
    says: str
    """What it is."""
    is_source: bool = True
    """Whether the document is made from it; else it adds to it."""

    @classmethod
    def of(cls, name: str, data: bytes, says: str, *, is_source: bool = True) -> Attached:
        """A file of these bytes."""
        return cls(name, compress(data, 1), len(data), Digest.of(data).hex, says, is_source)


def lay_annex(layout: Layout, attached: Sequence[Attached], renderer: str) -> None:
    """Lay out the index, then what is to be known of the document itself."""
    _lay_index(layout)
    layout.heading(ABOUT, 1)
    layout.block(Facts(tuple(_about(layout, attached, renderer))))


def _lay_index(layout: Layout) -> None:
    layout.heading(INDEX, 1)
    every = layout.dossier.evidence
    printed = [entry for place, entry in enumerate(every) if place < MOST or entry.number in layout.writing.cited]
    layout.block(
        Prose(
            "Each entry leads into evidence.json by a JSON pointer (RFC 6901); events stand there as they were signed."
        ),
        leads=True,
    )
    table = layout.root.child("Table")
    lefts, widths = columns_of(_COLUMNS)
    titles = [column.title for column in _COLUMNS]
    header = header_row(titles, lefts, widths, layout.writing, table.child("THead").child("TR"))
    rows = rows_of([_row(entry) for entry in printed], lefts, widths, layout.writing, table.child("TBody"))
    layout.flow.rows(header, _marked(layout, printed, rows), before=4)
    left = len(every) - len(printed)
    if left > 0:
        text = (
            f"{len(printed):,} of {count(len(every), 'entry', 'entries')} are printed, those that this document cites "
            "among them; full list in evidence.json."
        )
        layout.flow.add(TextBox(layout.writing.lines(text, CAPTION, CONTENT), layout.root.child("P"), CAPTION), 4)


def _marked(layout: Layout, printed: Sequence[Evidence], rows: Iterator[RowBox]) -> Iterator[RowBox]:
    """The rows; each is the place that its reference leads to."""
    for entry, row in zip(printed, rows, strict=True):
        layout.flow.mark(entry.ref)
        yield row


def _row(entry: Evidence) -> tuple[Cell, ...]:
    digest = Cell(entry.hash, mono=True) if entry.hash else Cell("")
    return Cell(entry.ref, mono=True), Cell(entry.what), Cell(entry.pointer, mono=True), digest


def _about(layout: Layout, attached: Sequence[Attached], renderer: str) -> Iterator[tuple[str, Cell]]:
    yield (
        "Format",
        Cell("PDF/A-3b (ISO 19005-3), tagged. The same record gives the same bytes, with the same libraries."),
    )
    yield "Renderer", Cell(renderer, mono=True)
    for file in attached:
        yield "Attached", Cell(f"{file.name}: {file.says}, {count(file.size, 'byte')}")
        yield f"SHA-256 of {file.name}", Cell(file.digest, mono=True)
    if not attached:
        yield "Attached", Cell("nothing: this is a preview, and no evidence")
    yield "Characters that are not shown", Cell(_escaped(layout))


def _escaped(layout: Layout) -> str:
    escapes = layout.writing.escapes
    if not escapes.count:
        return "none: every character of the recorded text stands as itself"
    kinds = [f"U+{ord(character):04X}" for character, _ in escapes.seen.most_common(_KINDS)]
    more = f" and {len(escapes.seen) - _KINDS} more" if len(escapes.seen) > _KINDS else ""
    return (
        f"{count(escapes.count, 'character')} of {count(len(escapes.seen), 'kind')} stand as escapes "
        f"({', '.join(kinds)}{more}), since the fonts lack them or would show them wrongly; evidence.json has them as "
        "they were recorded"
    )
