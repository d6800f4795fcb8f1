"""How a document looks: the page, colours, and the styles of its text. Lengths are points, 1/72 inch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from cognify_core.export.document.blocks import RowStatus

Colour: TypeAlias = tuple[float, float, float]
"""sRGB, each from 0 to 1."""

PAGE_WIDTH, PAGE_HEIGHT = 595.276, 841.89
"""A4."""
LEFT, RIGHT = 52.0, 52.0
CONTENT = PAGE_WIDTH - LEFT - RIGHT
"""The width of the text."""

INK: Colour = (0.11, 0.13, 0.16)
MUTED: Colour = (0.36, 0.40, 0.45)
ACCENT: Colour = (0.11, 0.24, 0.40)
LINK: Colour = (0.04, 0.33, 0.63)
RULE: Colour = (0.80, 0.83, 0.86)
TINT: Colour = (0.955, 0.965, 0.975)
WHITE: Colour = (1.0, 1.0, 1.0)
ALARM: Colour = (0.73, 0.09, 0.11)
ESCAPED: Colour = (0.55, 0.22, 0.56)
"""Of what stands for a character that cannot be shown."""

STATUS: dict[RowStatus, Colour] = {
    RowStatus.RECORDED: (0.08, 0.42, 0.22),
    RowStatus.ATTESTED: (0.04, 0.33, 0.63),
    RowStatus.NOT_APPLICABLE: (0.42, 0.45, 0.50),
    RowStatus.GAP: (0.70, 0.30, 0.02),
}
TONES: dict[str, tuple[str, Colour, Colour]] = {
    "info": ("Note", LINK, (0.935, 0.955, 0.98)),
    "warning": ("Warning", (0.66, 0.40, 0.0), (0.995, 0.965, 0.90)),
    "alarm": ("Alarm", ALARM, (0.995, 0.93, 0.925)),
}
"""Of a callout: the word that it begins with, since colour alone says nothing; its colour; its ground."""


class Face(StrEnum):
    """The fonts, by the name that reportlab knows them by."""

    SANS = "CognifySans"
    BOLD = "CognifySansBold"
    MONO = "CognifyMono"
    MONO_BOLD = "CognifyMonoBold"


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of text is set; `leading` is the height of its line."""

    face: Face
    size: float
    leading: float
    colour: Colour = INK

    def but(self, *, face: Face | None = None, size: float | None = None, colour: Colour | None = None) -> Style:
        """The same style with another face, size or colour."""
        return replace(self, face=face or self.face, size=size or self.size, colour=colour or self.colour)


TITLE = Style(Face.BOLD, 23, 28, ACCENT)
SUBTITLE = Style(Face.SANS, 11.5, 15.5, MUTED)
HEADINGS = (
    Style(Face.BOLD, 15, 19, ACCENT),
    Style(Face.BOLD, 11.5, 15, INK),
    Style(Face.BOLD, 9.8, 13, INK),
)
BODY = Style(Face.SANS, 9.4, 13)
CAPTION = Style(Face.SANS, 8, 10.6, MUTED)
CELL = Style(Face.SANS, 8, 10.4)
CELL_MONO = Style(Face.MONO, 7.1, 10.4)
CELL_HEAD = Style(Face.BOLD, 7.8, 10.4)
CODE = Style(Face.MONO, 7.7, 10.4)
TINY = Style(Face.SANS, 6.8, 8.6, MUTED)
