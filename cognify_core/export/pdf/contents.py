"""The contents: each heading with dots, its page, and a link to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cognify_core.export.document.blocks import Section
from cognify_core.export.pdf.boxes import Heading
from cognify_core.export.pdf.flow import Flow, Whole
from cognify_core.export.pdf.fonts import width_of
from cognify_core.export.pdf.laying import Entry
from cognify_core.export.pdf.legible import one_line, shortened
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.theme import ACCENT, CONTENT, HEADINGS, MUTED, Face, Style
from cognify_core.export.pdf.writing import Writing

LEVELS = 2
"""Headings below these levels are not listed."""
_STYLES = (Style(Face.BOLD, 9.2, 14.4, ACCENT), Style(Face.SANS, 8.4, 11.5))
_INDENT = 14.0
_NUMBER = 26.0
_DOTS = 3.4
_AIR = 22.0


@dataclass(frozen=True)
class ContentsLine(Whole):
    """One heading. Its page is looked up when it is drawn, when all pages are known."""

    entry: Entry
    element: Element

    @property
    def height(self) -> float:
        """One line."""
        return self._style.leading

    @property
    def before(self) -> float:
        """The room above it."""
        return 2.0 if self.entry.level == 1 else 0.0

    @property
    def _style(self) -> Style:
        return _STYLES[self.entry.level - 1]

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The heading, the dots, the page; all of it leads there."""
        style = self._style
        left, baseline = x + _INDENT * (self.entry.level - 1), top - style.leading * 0.78
        title = shortened(self.entry.title, style, CONTENT - (left - x) - _NUMBER - 12)
        number = str(pen.places[self.entry.name].page + 1)
        ends = left + width_of(title, style.face, style.size)
        starts = x + CONTENT - width_of(number, style.face, style.size)
        with pen.artifact():
            count = int((starts - ends - 8) / _DOTS)
            if count > 1:
                pen.dots(starts - 4 - count * _DOTS, starts - 4, baseline + 0.6, MUTED)
        link = self.element.child("Link")
        with pen.tagged(link):
            pen.text(left, baseline, title, style)
            pen.text(starts, baseline, number, style)
        box = (left, top - style.leading, x + CONTENT, top)
        pen.link(link, box, self.entry.name, f"{self.entry.title}, page {number}")


def entries_of(sections: Sequence[Section], annex: Sequence[str]) -> list[Entry]:
    """The headings of a document, named as `Layout` names them."""
    every = [(section.heading, min(max(section.level, 1), len(HEADINGS))) for section in sections]
    every += [(heading, 1) for heading in annex]
    return [Entry(one_line(text, 200), level, f"section {place}") for place, (text, level) in enumerate(every, start=1)]


def lay_contents(entries: Sequence[Entry], flow: Flow, root: Element) -> None:
    """Lay out the contents, below the cover where they fit there as a whole, or where the cover has a second page."""
    lines = Writing().lines("Contents", HEADINGS[0], CONTENT)
    heading = Heading(lines, root.child("H1"), HEADINGS[0], ruled=True)
    table = root.child("TOC")
    listed = [ContentsLine(entry, table.child("TOCI")) for entry in entries if entry.level <= LEVELS]
    needed = _AIR + heading.height + sum(line.height + line.before for line in listed)
    if len(flow.pages) == 1 and needed > flow.room:
        flow.new_page()
    flow.heading(heading, _AIR)
    for line in listed:
        flow.add(line, line.before)
