"""Recorded text into lines: every string of a document passes here, and none is read as anything but text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cognify_core.export.document.blocks import Cell
from cognify_core.export.evidence import Evidence
from cognify_core.export.pdf.legible import Escapes, legible
from cognify_core.export.pdf.lines import HASH, Line, Run, lines_of
from cognify_core.export.pdf.theme import CELL, CELL_MONO, ESCAPED, LINK, STATUS, Face, Style

LONGEST = 6000
"""So many characters of one text are printed; the rest stands in evidence.json, and the text says so."""


@dataclass(slots=True)
class Writing:
    """What is known of a document's text as it is set: what it cites, and what could not be shown."""

    escapes: Escapes = field(default_factory=Escapes)
    cited: set[int] = field(default_factory=set)

    def runs(self, text: str, style: Style, link: str = "") -> list[Run]:
        """A text in runs."""
        left_out = len(text) - LONGEST
        if left_out > 0:
            text = f"{text[:LONGEST]} […] {left_out:,} further characters: see evidence.json"
        runs: list[Run] = []
        for part, escaped in legible(text, self.escapes):
            if escaped:
                runs.append(Run(part, style.but(face=Face.MONO, size=style.size * 0.92, colour=ESCAPED), link))
            else:
                runs += _with_hashes(part, style, link)
        return runs

    def lines(self, text: str, style: Style, width: float) -> list[Line]:
        """A text in lines."""
        return lines_of(self.runs(text, style), width)

    def cited_lines(self, text: str, evidence: Sequence[Evidence], style: Style, width: float) -> list[Line]:
        """A text and, behind it, what it rests on."""
        return lines_of(self.runs(text, style) + self.citations(evidence, style), width)

    def citations(self, evidence: Sequence[Evidence], style: Style) -> list[Run]:
        """References to the evidence index, each a link."""
        self.cited.update(entry.number for entry in evidence)
        small = style.but(face=Face.SANS, size=style.size * 0.86, colour=LINK)
        runs: list[Run] = []
        for entry in evidence:
            runs += [Run(" ", small), Run(f"[{entry.ref}]", small, entry.ref)]
        return runs

    def verbatim(self, text: str, style: Style, width: float) -> list[Line]:
        """Text whose lines stay as they are; nothing is left out."""
        runs = [
            Run(part, style.but(colour=ESCAPED) if escaped else style) for part, escaped in legible(text, self.escapes)
        ]
        return lines_of(runs, width)

    def cell(self, cell: Cell, width: float) -> list[Line]:
        """A table's cell: its status in a word, its text, what it rests on."""
        runs: list[Run] = []
        text = cell.text
        if cell.status is not None:
            runs.append(Run(cell.status.value, CELL.but(face=Face.BOLD, colour=STATUS[cell.status])))
            text = text.removeprefix(cell.status.value)
            text = f" {text}" if text and text[0] not in " ;" else text
        runs += self.runs(text, CELL_MONO if cell.mono else CELL)
        return lines_of(runs + self.citations(cell.evidence, CELL), width)


def _with_hashes(text: str, style: Style, link: str) -> Iterator[Run]:
    """A text whose hashes stand in monospace, so that they are set in groups wherever they are named."""
    end = 0
    for found in HASH.finditer(text):
        if found.start() > end:
            yield Run(text[end : found.start()], style, link)
        mono = style if style.face in (Face.MONO, Face.MONO_BOLD) else style.but(face=Face.MONO, size=style.size * 0.9)
        yield Run(found[0], mono, link)
        end = found.end()
    if end < len(text) or not text:
        yield Run(text[end:], style, link)
