"""Recorded strings as glyphs: what cannot be shown truthfully becomes `U+4E2D`, and is counted.

A character stands as itself where the fonts have a glyph for it and nothing beside it changes how it is read. Control
and format characters, marks that combine with others, and scripts that run from right to left are escaped: we
shape no text, so they would be shown wrongly, and an auditor could not tell.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from unicodedata import bidirectional, category, normalize

from cognify_core.export.pdf.fonts import glyphs, width_of
from cognify_core.export.pdf.theme import Style

NEWLINES = re.compile(r"\r\n|\r")
MANY_BLANK_LINES = re.compile(r"\n{4,}")
_RIGHT_TO_LEFT = ("R", "AL", "AN")


@dataclass(slots=True)
class Escapes:
    """The characters of one document that stand as escapes, and how often each."""

    seen: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many characters of the text are escaped."""
        return self.seen.total()


@cache
def is_shown(character: str) -> bool:
    """Whether a character stands as itself; a newline does not."""
    kind = category(character)
    return (
        ord(character) in glyphs()
        and kind[0] not in "CM"
        and kind not in ("Zl", "Zp")
        and bidirectional(character) not in _RIGHT_TO_LEFT
    )


def legible(text: str, escapes: Escapes) -> list[tuple[str, bool]]:
    """A text in parts, each with whether it is an escape. Newlines stay, in one spelling; tabs become spaces."""
    text = MANY_BLANK_LINES.sub("\n\n\n", NEWLINES.sub("\n", text)).replace("\t", "    ")
    if text.isascii() and text.replace("\n", "").isprintable():
        return [(text, False)]
    parts: list[tuple[str, bool]] = []
    for escaped, run in groupby(
        normalize("NFC", text), lambda character: character != "\n" and not is_shown(character)
    ):
        characters = "".join(run)
        parts.append((_escaped(characters), True) if escaped else (characters, False))
        if escaped:
            escapes.seen.update(characters)
    return [(_apart(place, parts), escaped) for place, (_, escaped) in enumerate(parts)]


def one_line(text: str, limit: int = 300) -> str:
    """A text for outlines and labels: on one line, escaped, not longer than `limit`."""
    joined = "".join(part for part, _ in legible(text[: 4 * limit], Escapes()))
    line = " ".join(joined.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shortened(text: str, style: Style, width: float) -> str:
    """A text that has glyphs, made to fit a width; what it loses, it loses at its end, and a `…` says so."""
    while text and width_of(text, style.face, style.size) > width:
        text = f"{text[:-2]}…" if len(text) > 2 else ""
    return text


def _escaped(characters: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in characters)


def _apart(place: int, parts: list[tuple[str, bool]]) -> str:
    """A part, with a space where it would run into an escape beside it and read as more of its digits."""
    text, escaped = parts[place]
    if escaped:
        return text
    before = " " if place > 0 and text[0].isalnum() else ""
    after = " " if place + 1 < len(parts) and text[-1].isalnum() else ""
    return f"{before}{text}{after}"
