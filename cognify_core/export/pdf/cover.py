"""The cover: what this is, of which run, how it stands, and a code that a telephone reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cognify_core.export.document.blocks import Composed
from cognify_core.export.document.cells import count
from cognify_core.export.dossier import Dossier
from cognify_core.export.pdf.boxes import TextBox
from cognify_core.export.pdf.flow import Whole
from cognify_core.export.pdf.fonts import width_of
from cognify_core.export.pdf.laying import Layout
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.qr import draw_qr
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.tables import RowBox, fact_rows
from cognify_core.export.pdf.theme import (
    ALARM,
    BODY,
    CAPTION,
    CELL_HEAD,
    CONTENT,
    MUTED,
    RULE,
    STATUS,
    SUBTITLE,
    TINY,
    TITLE,
    WHITE,
    Colour,
    Face,
)

_QR, _BETWEEN = 104.0, 14.0
_PILL = CELL_HEAD.but(size=8.6, colour=WHITE)
_SEALED: Colour = (0.08, 0.42, 0.22)
_ASSURANCES: dict[str, tuple[str, Colour]] = {
    "content": ("hashed in full", (0.08, 0.42, 0.22)),
    "sampled": ("hashed in part", (0.42, 0.55, 0.10)),
    "declared": ("declared", (0.04, 0.33, 0.63)),
    "unresolved": ("not resolved", (0.70, 0.30, 0.02)),
}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a bar."""

    name: str
    count: int
    colour: Colour


@dataclass(frozen=True)
class Pill(Whole):
    """A word on a coloured ground."""

    text: str
    colour: Colour
    element: Element

    @property
    def height(self) -> float:
        """A line with air around it."""
        return 17.0

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The ground, the word."""
        with pen.artifact():
            width = width_of(self.text, _PILL.face, _PILL.size) + 16
            pen.box(x, top - self.height, width, self.height, fill=self.colour, radius=3)
        with pen.tagged(self.element):
            pen.text(x + 8, top - 11.6, self.text, _PILL)


@dataclass(frozen=True)
class Bar(Whole):
    """How a whole is divided, as a bar and in words."""

    title: str
    shares: Sequence[Share]
    element: Element

    @property
    def height(self) -> float:
        """Title, bar, words."""
        return 44.0

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The shares from left to right, then each with its colour and number."""
        total = sum(share.count for share in self.shares)
        with pen.tagged(self.element):
            pen.text(x, top - 9, self.title, CELL_HEAD)
            left = x
            for share in self.shares:
                width = CONTENT * share.count / total if total else 0.0
                if width:
                    pen.box(left, top - 25, width, 10, fill=share.colour)
                left += width
            pen.box(x, top - 25, CONTENT, 10, stroke=RULE)
            left = x
            for share in self.shares:
                said = f"{share.count:,} {share.name}"
                pen.box(left, top - 38.5, 6, 6, fill=share.colour)
                pen.text(left + 9, top - 38, said, CAPTION)
                left += width_of(said, CAPTION.face, CAPTION.size) + 24


@dataclass(frozen=True)
class CoverTable(Whole):
    """What a cover says, and beside it the root of the record as a code."""

    rows: Sequence[RowBox]
    root: str
    """Of the sealed record; empty where there is no seal."""
    figure: Element

    @property
    def height(self) -> float:
        """Whichever is higher."""
        return max(sum(row.height for row in self.rows), _QR + 22)

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The rows at the left, the code at the right."""
        y = top
        for row in self.rows:
            row.draw(pen, x, y)
            y -= row.height
        left = x + CONTENT - _QR
        with pen.tagged(self.figure):
            if self.root:
                draw_qr(pen, self.root, left, top, _QR)
                pen.text(left + 10, top - _QR - 4, "the Merkle root, to be", TINY)
                pen.text(left + 10, top - _QR - 12.5, "compared with evidence.json", TINY)
            else:
                pen.box(left, top - _QR, _QR, _QR, stroke=ALARM, dash=(4, 3))
                pen.text(left + 22, top - _QR / 2 - 3, "NOT SEALED", CELL_HEAD.but(colour=ALARM))


def lay_cover(composed: Composed, layout: Layout) -> None:
    """Lay out page one."""
    dossier, flow, writing, root = layout.dossier, layout.flow, layout.writing, layout.root
    flow.add(TextBox(writing.lines("Cognify", CELL_HEAD, CONTENT), root.child("P"), CELL_HEAD.but(colour=MUTED)))
    flow.add(TextBox(writing.lines(composed.title, TITLE, CONTENT), root.child("H1"), TITLE), 8)
    flow.add(TextBox(writing.lines(composed.subtitle, SUBTITLE, CONTENT), root.child("P"), SUBTITLE), 3)
    flow.add(_status(dossier, root), 9)
    if composed.banner:
        alarm = BODY.but(face=Face.BOLD, colour=ALARM)
        flow.add(TextBox(writing.lines(composed.banner, alarm, CONTENT), root.child("P"), alarm), 6)
    width = CONTENT - _QR - _BETWEEN
    rows = list(fact_rows(composed.cover, writing, root.child("Table"), width))
    sealed = dossier.seals[0].root if dossier.seals else ""
    alt = f"QR code of the Merkle root {sealed}" if sealed else "No code: the record is not sealed"
    flow.add(CoverTable(rows, sealed, root.child("Figure", alt=alt)), 10)
    flow.add(_bar(composed, dossier, root), 12)
    layout.blocks(composed.first_page)


def _status(dossier: Dossier, root: Element) -> Pill:
    if dossier.banner:
        return Pill("READ THE RED BANNER FIRST", ALARM, root.child("P"))
    return Pill(
        "AUDIT_SEALED" if dossier.is_sealed else "NOT SEALED", _SEALED if dossier.is_sealed else ALARM, root.child("P")
    )


def _bar(composed: Composed, dossier: Dossier, root: Element) -> Bar:
    if composed.coverage is not None:
        title = f"Coverage: {count(composed.coverage.total, 'row')} of the template"
        shares = [
            Share(
                status.value.lower() if status.value != "GAP" else "gaps", composed.coverage.rows.get(status, 0), colour
            )
            for status, colour in STATUS.items()
        ]
    else:
        counted = Counter[str](node.assurance for node in dossier.nodes)
        title = f"Evidence: {count(len(dossier.nodes), 'artifact')}, by how its digest was obtained"
        shares = [Share(said, counted[name], colour) for name, (said, colour) in _ASSURANCES.items()]
    said = ", ".join(f"{share.count:,} {share.name}" for share in shares)
    return Bar(title, shares, root.child("Figure", alt=f"{title}: {said}"))
