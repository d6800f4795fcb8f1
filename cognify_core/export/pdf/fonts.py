"""The fonts that documents embed: Liberation Sans and Mono, with glyphs for Latin, Greek and Cyrillic.

They are vendored because reportlab writes wrong widths for fonts whose `hmtx` table is compressed (DejaVu among them),
and because a document may not depend on what a machine has installed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cognify_core.export.pdf.theme import Face

FOLDER = Path(__file__).parent / "fonts"
FILES = {
    Face.SANS: "LiberationSans-Regular.ttf",
    Face.BOLD: "LiberationSans-Bold.ttf",
    Face.MONO: "LiberationMono-Regular.ttf",
    Face.MONO_BOLD: "LiberationMono-Bold.ttf",
}


@cache
def fonts() -> dict[Face, Any]:
    """The fonts as reportlab holds them, registered with it under names that only we use."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    loaded = {
        face: TTFont(face.value, FOLDER / file, asciiReadable=True, shapable=False) for face, file in FILES.items()
    }
    for font in loaded.values():
        registerFont(font)
    return loaded


@cache
def glyphs() -> frozenset[int]:
    """The code points for which every one of the fonts has a glyph."""
    return frozenset.intersection(*(frozenset(font.face.charToGlyph) for font in fonts().values()))


@cache
def widths(face: Face) -> dict[str, float]:
    """The advance of each character at size 1."""
    found = fonts()[face].face.charWidths
    return {chr(code): found[code] / 1000 for code in glyphs()}


def width_of(text: str, face: Face, size: float) -> float:
    """How wide a text is that consists of characters which have glyphs."""
    return sum(map(widths(face).__getitem__, text)) * size
