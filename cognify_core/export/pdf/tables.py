"""Tables: rows that know how to go on over the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cognify_core.export.document.blocks import Cell, Column, Table
from cognify_core.export.pdf.boxes import TextBox, cut_at
from cognify_core.export.pdf.flow import Box, Flow
from cognify_core.export.pdf.lines import Line
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.theme import CAPTION, CELL, CELL_HEAD, CONTENT, INK, MUTED, RULE, TINT, Colour
from cognify_core.export.pdf.writing import Writing

MOST_ROWS = 500
"""So many rows of one table are printed; the rest stands in evidence.json, and the table says so."""
PAD_X, PAD_Y = 4.0, 2.6


@dataclass(frozen=True, slots=True)
class CellBox:
    """The lines of one cell, and where it stands in its row."""

    lines: Sequence[Line]
    element: Element
    x: float


@dataclass(frozen=True, slots=True)
class RowBox:
    """A row of a table, or what of it stands on one page."""

    cells: Sequence[CellBox]
    width: float
    ground: Colour | None = None
    rule: Colour = RULE

    @property
    def height(self) -> float:
        """That of its highest cell."""
        return self._count * CELL.leading + 2 * PAD_Y

    @property
    def _count(self) -> int:
        return max((len(cell.lines) for cell in self.cells), default=1)

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Between two lines, in each cell at the same height."""
        cut = cut_at(self._count, room - 2 * PAD_Y, CELL.leading)
        if not cut:
            return None
        first = [replace(cell, lines=cell.lines[:cut]) for cell in self.cells]
        rest = [replace(cell, lines=cell.lines[cut:]) for cell in self.cells]
        return replace(self, cells=first), replace(self, cells=rest)

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The ground and the rule below, then each cell."""
        bottom = top - self.height
        with pen.artifact():
            if self.ground:
                pen.box(x, bottom, self.width, self.height, fill=self.ground)
            pen.rule(x, bottom, x + self.width, bottom, self.rule, 0.4)
        for cell in self.cells:
            draw = pen.grouped if _is_one_hash(cell.lines) else pen.lines
            draw(cell.lines, cell.element, x + cell.x + PAD_X, top - PAD_Y, CELL.leading)


def _is_one_hash(lines: Sequence[Line]) -> bool:
    """Whether the lines hold a hash and nothing that leads anywhere."""
    return any(line.grouped for line in lines) and not any(piece.link for line in lines for piece in line.pieces)


def lay_table(table: Table, flow: Flow, writing: Writing, parent: Element) -> None:
    """Lay a table out: caption, headings, rows, and what was left out."""
    if table.caption:
        flow.heading(TextBox(writing.lines(table.caption, CAPTION, CONTENT), parent.child("P"), CAPTION), 7)
    element = parent.child("Table")
    lefts, widths = columns_of(table.columns)
    head = element.child("THead").child("TR")
    header = header_row([column.title for column in table.columns], lefts, widths, writing, head)
    shown = table.rows[:MOST_ROWS]
    body = element.child("TBody")
    flow.rows(header, rows_of(shown, lefts, widths, writing, body), before=4)
    if more := _left_out(table, len(shown)):
        flow.add(TextBox(writing.lines(more, CAPTION, CONTENT), parent.child("P"), CAPTION), 4)


def columns_of(columns: Sequence[Column], width: float = CONTENT) -> tuple[list[float], list[float]]:
    """Where each column begins, and how wide its text may be."""
    total = sum(column.width for column in columns)
    full = [width * column.width / total for column in columns]
    return [sum(full[:place]) for place in range(len(full))], [one - 2 * PAD_X for one in full]


def header_row(
    titles: Sequence[str], lefts: Sequence[float], widths: Sequence[float], writing: Writing, row: Element
) -> RowBox:
    """The row of headings."""
    cells = [
        CellBox(writing.lines(title, CELL_HEAD, width), row.child("TH", scope="Column"), left)
        for title, left, width in zip(titles, lefts, widths, strict=True)
    ]
    return RowBox(cells, CONTENT, TINT, MUTED)


def rows_of(
    rows: Sequence[Sequence[Cell]],
    lefts: Sequence[float],
    widths: Sequence[float],
    writing: Writing,
    body: Element,
) -> Iterator[RowBox]:
    """A row at a time, so that a long table is never held twice."""
    for row in rows:
        element = body.child("TR")
        places = zip(row, lefts, widths, strict=False)  # a row may be short, where a template of others wrote it
        yield RowBox(
            [CellBox(writing.cell(cell, width), element.child("TD"), left) for cell, left, width in places], CONTENT
        )


def _left_out(table: Table, shown: int) -> str:
    if shown == len(table.rows):
        return table.more
    stated = f"{shown:,} of {len(table.rows):,} rows are printed; full list in evidence.json."
    return f"{stated} {table.more}".strip()


def lay_facts(
    rows: Sequence[tuple[str, Cell]], flow: Flow, writing: Writing, parent: Element, width: float = CONTENT
) -> None:
    """Pairs of a heading and what it says, as a table whose headings stand at the left."""
    element = parent.child("Table")
    flow.rows(None, fact_rows(rows, writing, element, width), before=4)


def fact_rows(rows: Sequence[tuple[str, Cell]], writing: Writing, element: Element, width: float) -> Iterator[RowBox]:
    """The rows of such a table, one at a time."""
    lefts, widths = columns_of((Column("", 0.27), Column("", 0.73)), width)
    label = CELL_HEAD.but(colour=INK)
    for name, cell in rows:
        row = element.child("TR")
        heading = CellBox(writing.lines(name, label, widths[0]), row.child("TH", scope="Row"), lefts[0])
        yield RowBox([heading, CellBox(writing.cell(cell, widths[1]), row.child("TD"), lefts[1])], width)
