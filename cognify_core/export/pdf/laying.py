"""Blocks into boxes: what a template composed, laid out below one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from cognify_core.export.document.blocks import (
    Block,
    Bullets,
    Callout,
    CurvesFigure,
    Facts,
    LineageFigure,
    Prose,
    Section,
    SignOff,
    Table,
    Verbatim,
)
from cognify_core.export.dossier import Dossier
from cognify_core.export.logged import Logged
from cognify_core.export.pdf.boxes import Heading, Panel, SignatureBox, TextBox
from cognify_core.export.pdf.curves import COLUMNS, CurvesRow
from cognify_core.export.pdf.flow import Flow
from cognify_core.export.pdf.graph import diagram, spoken
from cognify_core.export.pdf.legible import one_line
from cognify_core.export.pdf.lineage import LineageBox
from cognify_core.export.pdf.lines import Run, lines_of
from cognify_core.export.pdf.series import Series, series
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.tables import lay_facts, lay_table
from cognify_core.export.pdf.theme import BODY, CAPTION, CODE, CONTENT, HEADINGS, TINT, TONES, Face
from cognify_core.export.pdf.writing import Writing

PARAGRAPH = 6.0
_BEFORE = (20.0, 13.0, 9.0)
"""Above a heading, by its level."""
_BULLET = 13.0
_LED = (Table, Facts, Verbatim, LineageFigure, CurvesFigure)
"""What a sentence before it leads to."""
_FEW_LINES = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A heading, as contents and outline list it; `name` is the place that it leads to."""

    title: str
    level: int
    name: str


@dataclass(slots=True)
class Layout:
    """A document as it is laid out."""

    dossier: Dossier
    flow: Flow
    writing: Writing
    root: Element
    entries: list[Entry] = field(default_factory=list)

    def sections(self, sections: Sequence[Section]) -> None:
        """Lay out sections below one another."""
        for section, following in zip_longest(sections, sections[1:]):
            self._section(section, leads=following is not None and following.level > section.level)

    def _section(self, section: Section, *, leads: bool) -> None:
        """Lay out a heading and what stands below it; its last sentence `leads` to a section within."""
        if section.new_page:
            self.flow.new_page()
        self.heading(section.heading, section.level)
        self.blocks(section.blocks, leads=leads)

    def heading(self, text: str, level: int) -> None:
        """Lay out a heading, which stays with what follows, and note it for contents and outline."""
        level = min(max(level, 1), len(HEADINGS))
        entry = Entry(one_line(text, 200), level, f"section {len(self.entries) + 1}")
        self.entries.append(entry)
        self.flow.mark(entry.name)
        style = HEADINGS[level - 1]
        lines = self.writing.lines(text, style, CONTENT)
        box = Heading(lines, self.root.child(f"H{level}"), style, ruled=level == 1)
        self.flow.heading(box, _BEFORE[level - 1])

    def blocks(self, blocks: Sequence[Block], *, leads: bool = False) -> None:
        """Lay out blocks; the last of them `leads` to what comes after."""
        for block, following in zip_longest(blocks, blocks[1:]):
            self.block(block, leads=leads if following is None else isinstance(following, _LED))

    def block(self, block: Block, *, leads: bool = False) -> None:
        """Lay out one block; a sentence that `leads` to the next one stays with it."""
        match block:
            case Prose():
                self._prose(block, leads=leads)
            case Bullets():
                self._bullets(block)
            case Callout():
                self._callout(block)
            case Verbatim():
                self._verbatim(block)
            case Table():
                lay_table(block, self.flow, self.writing, self.root)
            case Facts():
                lay_facts(block.rows, self.flow, self.writing, self.root)
            case LineageFigure():
                self._lineage(block)
            case CurvesFigure():
                self._curves(block)
            case SignOff():
                self._sign_off(block)

    # -- text

    def _prose(self, block: Prose, *, leads: bool) -> None:
        lines = self.writing.cited_lines(block.text, block.evidence, BODY, CONTENT)
        place = self.flow.heading if leads and len(lines) <= _FEW_LINES else self.flow.add
        place(TextBox(lines, self.root.child("P"), BODY), PARAGRAPH)

    def _bullets(self, block: Bullets) -> None:
        elements = self.root.child("L")
        for place, item in enumerate(block.items):
            element = elements.child("LI")
            label = element.child("Lbl")
            lines = self.writing.cited_lines(item.text, item.evidence, BODY, CONTENT - _BULLET)
            box = TextBox(lines, element.child("LBody"), BODY, _BULLET, (label, "•"))
            self.flow.add(box, PARAGRAPH if place == 0 else 2.5)

    def _callout(self, block: Callout) -> None:
        word, colour, ground = TONES.get(block.tone, TONES["info"])
        runs = [Run(f"{word}. ", BODY.but(face=Face.BOLD, colour=colour)), *self.writing.runs(block.text, BODY)]
        lines = lines_of(runs, CONTENT - 24)
        self.flow.add(Panel(lines, self.root.child("P"), BODY, ground, bar=colour), PARAGRAPH + 2)

    def _verbatim(self, block: Verbatim) -> None:
        lines = self.writing.verbatim(block.text.rstrip("\n"), CODE, CONTENT - 24)
        self.flow.add(Panel(lines, self.root.child("Code"), CODE, TINT, hooks=True), PARAGRAPH)

    # -- figures

    def _caption(self, text: str) -> None:
        self.flow.heading(
            TextBox(self.writing.lines(text, CAPTION, CONTENT), self.root.child("P"), CAPTION), PARAGRAPH + 2
        )

    def _lineage(self, block: LineageFigure) -> None:
        nodes, edges = self.dossier.nodes, self.dossier.edges
        drawn = diagram(nodes, edges)
        more = f" {drawn.together:,} nodes are drawn together with others of their type." if drawn.together else ""
        self._caption(f"{block.caption} A dashed frame: nobody hashed the content.{more}")
        self.flow.add(LineageBox(drawn, self.root.child("Figure", alt=one_line(spoken(nodes, edges), 6000))), 5)

    def _curves(self, block: CurvesFigure) -> None:
        self._caption(block.caption)
        for pair in _in_pairs(block.metrics):
            drawn = [series(name, self.dossier.metrics.get(name, Logged()), COLUMNS) for name in pair]
            self.flow.add(CurvesRow([(one, self.root.child("Figure", alt=_said(one))) for one in drawn]), 6)

    def _sign_off(self, block: SignOff) -> None:
        for meaning in block.meanings:
            lines = self.writing.lines(meaning, BODY, CONTENT - 20)
            self.flow.add(SignatureBox(lines, self.root.child("P"), BODY), 9)


def _in_pairs(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[place : place + 2] for place in range(0, len(names), 2))


def _said(drawn: Series) -> str:
    return f"Curve of {one_line(drawn.name, 120)} over the steps of the training: {drawn.told}."
