"""Text broken into lines of a width: at spaces, then after punctuation, then anywhere. Nothing is ever cut off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cognify_core.export.pdf.fonts import width_of, widths
from cognify_core.export.pdf.theme import Face, Style

HASH = re.compile(r"(?:sha256:)?(?<![0-9a-zA-Z])[0-9a-f]{40,128}(?![0-9a-zA-Z])")
"""What is set in groups of eight, so that people can compare it."""
_TOKENS = re.compile(r"\n| +|[^\n ]+")
_SOFT = re.compile(r"[^/_\-.:,;=&?@\\]*[/_\-.:,;=&?@\\]?")
_GROUP = 8
_GAP = 0.45
"""Between two groups, in font sizes."""


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that the fonts can show, in one style; `link` is the destination that they lead to."""

    text: str
    style: Style
    link: str = ""


@dataclass(slots=True)
class Piece:
    """A part of a line, `x` from its left end."""

    x: float
    text: str
    style: Style
    link: str
    width: float


@dataclass(slots=True)
class Line:
    """A line. `follows` tells that it goes on where the line before broke."""

    pieces: list[Piece] = field(default_factory=list)
    follows: bool = False
    grouped: bool = False
    """Whether it holds a hash in groups, whose gaps are no spaces."""

    @property
    def text(self) -> str:
        """Its characters, as copied."""
        return "".join(piece.text for piece in self.pieces)


def lines_of(runs: Iterable[Run], width: float) -> list[Line]:
    """The lines of a paragraph; one at least."""
    breaker = _Breaker(max(width, 12.0))
    for run in runs:
        breaker.add(run)
    return breaker.lines


class _Breaker:
    def __init__(self, width: float) -> None:
        self.width = width
        self.lines = [Line()]
        self.x = 0.0

    def add(self, run: Run) -> None:
        """Set a run behind what there is."""
        for token in _TOKENS.findall(run.text):
            if token == "\n":  # noqa: S105 - a character
                self._next(follows=False)
            elif token[0] == " ":
                self._space(token, run)
            elif run.style.face in (Face.MONO, Face.MONO_BOLD) and HASH.fullmatch(token):
                self._hash(token, run)
            else:
                self._word(token, run)

    def _space(self, spaces: str, run: Run) -> None:
        width = width_of(spaces, run.style.face, run.style.size)
        if self.x + width < self.width and (self.x > 0 or not self.lines[-1].follows):
            self._put(spaces, width, run)

    def _word(self, word: str, run: Run) -> None:
        width = width_of(word, run.style.face, run.style.size)
        if self.x + width <= self.width:
            self._put(word, width, run)
        elif width <= self.width:
            self._next(follows=True)
            self._put(word, width, run)
        else:
            for part in self._parts(word, run.style):
                self._part(part, run)

    def _hash(self, word: str, run: Run) -> None:
        prefix, _, digits = word.rpartition(":")
        groups = [digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)]
        if prefix:
            self._part(f"{prefix}:", run)
        each = width_of(groups[0], run.style.face, run.style.size) + _GAP * run.style.size
        fit = max(1, int((self.width + _GAP * run.style.size) / each))
        alike = -(-len(groups) // -(-len(groups) // fit))  # as many on each line, where one line is too short
        for place, group in enumerate(groups):
            if place and place % alike == 0 and len(groups) > fit:
                self._next(follows=True)
            elif place:
                self.x += _GAP * run.style.size
            self._part(group, run)
            self.lines[-1].grouped = True

    def _part(self, part: str, run: Run) -> None:
        width = width_of(part, run.style.face, run.style.size)
        if self.x + width > self.width and self.x > 0:
            self._next(follows=True)
        self._put(part, width, run)

    def _parts(self, word: str, style: Style) -> Iterator[str]:
        """A word that is wider than a line, in parts that are not."""
        for part in filter(None, _SOFT.findall(word)):
            if width_of(part, style.face, style.size) <= self.width:
                yield part
            else:
                yield from self._letters(part, style)

    def _letters(self, part: str, style: Style) -> Iterator[str]:
        advances, room = widths(style.face), self.width / style.size
        start, used = 0, 0.0
        for place, letter in enumerate(part):
            if used + advances[letter] > room and place > start:
                yield part[start:place]
                start, used = place, 0.0
            used += advances[letter]
        yield part[start:]

    def _put(self, text: str, width: float, run: Run) -> None:
        pieces = self.lines[-1].pieces
        last = pieces[-1] if pieces else None
        joins = last is not None and last.style == run.style and last.link == run.link
        if last is not None and joins and abs(last.x + last.width - self.x) < 0.001:
            last.text += text
            last.width += width
        else:
            pieces.append(Piece(self.x, text, run.style, run.link, width))
        self.x += width

    def _next(self, *, follows: bool) -> None:
        self.lines.append(Line(follows=follows))
        self.x = 0.0
