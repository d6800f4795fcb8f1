"""The boxes that text stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cognify_core.export.pdf.flow import Box, Whole
from cognify_core.export.pdf.lines import Line
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.theme import CONTENT, MUTED, RULE, TINT, TINY, Colour, Style

SIGNED = ("Printed name", "Role", "Date", "Signature")
_WIDOW = 2
"""No fewer lines than these stand alone on a page."""


def cut_at(lines: int, room: float, leading: float) -> int:
    """After how many of `lines` to turn the page; 0 where all should move on."""
    fit = min(int(room // leading), lines - _WIDOW)
    return fit if fit >= _WIDOW else 0


@dataclass(frozen=True, slots=True)
class TextBox:
    """A paragraph, indented by `indent`; `label` stands before it, as a bullet does."""

    lines: Sequence[Line]
    element: Element
    style: Style
    indent: float = 0.0
    label: tuple[Element, str] | None = None

    @property
    def height(self) -> float:
        """All its lines."""
        return len(self.lines) * self.style.leading

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Between two lines."""
        cut = cut_at(len(self.lines), room, self.style.leading)
        if not cut:
            return None
        return replace(self, lines=self.lines[:cut]), replace(self, lines=self.lines[cut:], label=None)

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The label, then the lines."""
        if self.label:
            with pen.tagged(self.label[0]):
                pen.text(x + self.indent - 9, top - self.style.leading * 0.76, self.label[1], self.style)
        pen.lines(self.lines, self.element, x + self.indent, top, self.style.leading)


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines on a ground, with a bar in `bar` at the left: a callout, or text in monospace."""

    lines: Sequence[Line]
    element: Element
    style: Style
    ground: Colour
    bar: Colour | None = None
    hooks: bool = False
    """Whether a line that goes on where another broke is marked so."""
    pad: float = 6.0

    @property
    def height(self) -> float:
        """Its lines, and the room around them."""
        return len(self.lines) * self.style.leading + 2 * self.pad

    def split(self, room: float) -> tuple[Box, Box] | None:
        """Between two lines."""
        cut = cut_at(len(self.lines), room - 2 * self.pad, self.style.leading)
        if not cut:
            return None
        return replace(self, lines=self.lines[:cut]), replace(self, lines=self.lines[cut:])

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The ground, then the lines."""
        with pen.artifact():
            pen.box(x, top - self.height, CONTENT, self.height, fill=self.ground)
            if self.bar:
                pen.box(x, top - self.height, 3, self.height, fill=self.bar)
            for row, line in enumerate(self.lines):
                if self.hooks and line.follows:
                    _hook(pen, x + 5, top - self.pad - self.style.leading * (row + 0.55))
        left, inner = x + (14 if self.bar or self.hooks else 10), top - self.pad
        if self.hooks:
            self._verbatim(pen, left, inner)
        else:
            pen.lines(self.lines, self.element, left, inner, self.style.leading)

    def _verbatim(self, pen: Pen, left: float, top: float) -> None:
        """Each line as it was written is copied as one, however often it broke."""
        row = 0
        while row < len(self.lines):
            end = row + 1
            while end < len(self.lines) and self.lines[end].follows:
                end += 1
            pen.grouped(self.lines[row:end], self.element, left, top - row * self.style.leading, self.style.leading)
            row = end


def _hook(pen: Pen, x: float, y: float) -> None:
    """The mark of a line that goes on: ↳."""
    pen.path([(x, y + 5), (x, y), (x + 5, y)], MUTED, 0.6)
    pen.filled([(x + 4, y + 1.6), (x + 4, y - 1.6), (x + 6.6, y)], MUTED)


@dataclass(frozen=True)
class Heading(Whole):
    """A heading; one of the first level has a rule below it."""

    lines: Sequence[Line]
    element: Element
    style: Style
    ruled: bool = False

    @property
    def height(self) -> float:
        """Its lines, and some air."""
        return len(self.lines) * self.style.leading + (9 if self.ruled else 3)

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The lines, then the rule."""
        pen.lines(self.lines, self.element, x, top, self.style.leading)
        if self.ruled:
            y = top - len(self.lines) * self.style.leading - 3
            with pen.artifact():
                pen.rule(x, y, x + CONTENT, y, RULE, 0.8)


@dataclass(frozen=True)
class SignatureBox(Whole):
    """A box to sign in: what the signature means, and lines for name, role, date and hand."""

    lines: Sequence[Line]
    element: Element
    style: Style

    @property
    def height(self) -> float:
        """The meaning, and two rows of lines to write on."""
        return len(self.lines) * self.style.leading + 78

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The frame, the meaning, the lines."""
        half, inner = CONTENT / 2, top - 9 - len(self.lines) * self.style.leading
        places = [(x + 10 + column * half, inner - 25 - row * 33) for row in (0, 1) for column in (0, 1)]
        with pen.artifact():
            pen.box(x, top - self.height, CONTENT, self.height, stroke=RULE, fill=TINT, radius=3)
            for left, y in places:
                pen.rule(left, y, left + half - 20, y, MUTED, 0.5)
        pen.lines(self.lines, self.element, x + 10, top - 7, self.style.leading)
        with pen.tagged(self.element):
            for (left, y), name in zip(places, SIGNED, strict=True):
                pen.text(left, y - 8, name, TINY)
