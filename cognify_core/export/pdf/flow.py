"""Boxes one below the other, over as many pages as they need."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from cognify_core.export.pdf.pen import Pen, Place
from cognify_core.export.pdf.theme import LEFT

_SNUG = 60.0
"""How much of a box that can be split must stand on the page of its heading."""
_FEW = 12
"""A table of fewer rows may be short."""


class Box(Protocol):
    """Something that takes the width of the text, or less, and a height."""

    @property
    def height(self) -> float:
        """How high it is."""

    def split(self, room: float) -> tuple[Box, Box] | None:
        """The part that fits into `room`, and the rest; none where nothing would fit, or it is better left whole."""

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """Draw it from `top` downwards."""


class Whole:
    """A box that is never split."""

    def split(self, room: float) -> tuple[Box, Box] | None:  # noqa: ARG002 - what `Box` asks
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Placed:
    """A box on a page."""

    box: Box
    top: float


@dataclass(slots=True)
class Flow:
    """The pages of a document as they fill. The text of each stands between `top` and `bottom`."""

    top: float
    bottom: float
    pages: list[list[Placed]] = field(default_factory=lambda: [[]])
    places: dict[str, Place] = field(default_factory=dict)
    _y: float = field(init=False)
    _kept: list[tuple[Box, float, tuple[str, ...]]] = field(default_factory=list)
    """Headings that wait for what follows them."""
    _marks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._y = self.top

    @property
    def room(self) -> float:
        """What is left of the page."""
        return self._y - self.bottom

    def mark(self, name: str) -> None:
        """The next box is the place of that name."""
        self._marks.append(name)

    def heading(self, box: Box, before: float) -> None:
        """Add a box that stays with what follows it."""
        self._kept.append((box, before, self._taken()))

    def add(self, box: Box, before: float = 0.0) -> None:
        """Add a box `before` points below the last one; on the next page, or in parts, where it does not fit."""
        marks = self._taken()
        self._fit(before + (min(box.height, _SNUG) if box.split(_SNUG) else box.height))
        self._place_kept()
        self._place(box, before, marks)

    def rows(self, header: Box | None, rows: Iterable[Box], before: float = 0.0) -> None:
        """Add the rows of a table; its header is repeated on each page that they reach.

        A short table stays on one page, and the last row of a longer one is not left alone on the next.
        """
        coming = ((row, self._taken()) for row in rows)
        ahead = deque(islice(coming, _FEW))
        if ahead:
            self._begin([row for row, _ in ahead], header, before)
        while ahead:
            row, marks = ahead.popleft()
            ahead.extend(islice(coming, 1))
            if len(ahead) == 1 and row.height <= self.room < row.height + ahead[0][0].height <= self._short:
                self._turn()
                self._header(header)
            self._row(row, header, marks)

    def space(self, height: float) -> None:
        """Leave room, unless a page ends here."""
        self._y -= height

    def new_page(self) -> None:
        """Go on on a page of its own, unless nothing stands on this one yet."""
        self._place_kept()
        if self.pages[-1]:
            self._turn()

    def close(self) -> None:
        """End the last page; no empty one is left."""
        self._place_kept()
        if len(self.pages) > 1 and not self.pages[-1]:
            self.pages.pop()

    # -- within

    def _taken(self) -> tuple[str, ...]:
        marks = tuple(self._marks)
        self._marks.clear()
        return marks

    def _fit(self, needed: float) -> None:
        """Turn the page if the headings that wait, and so much below them, would not fit."""
        above = sum(box.height + before for box, before, _ in self._kept)
        if above + needed > self.room and self.pages[-1]:
            self._turn()

    def _place_kept(self) -> None:
        kept, self._kept = self._kept, []
        for box, before, marks in kept:
            self._place(box, before, marks)

    def _place(self, box: Box, before: float, marks: tuple[str, ...]) -> None:
        if self.pages[-1]:
            self._y -= before
        while box.height > self.room:
            parts = box.split(self.room)
            if parts:
                self._put(parts[0], marks)
                box, marks = parts[1], ()
            elif not self.pages[-1]:
                break  # higher than a page, and whole: it is drawn over the margin
            self._turn()
        self._put(box, marks)

    @property
    def _short(self) -> float:
        """What is kept on one page."""
        return (self.top - self.bottom) / 4

    def _begin(self, rows: Sequence[Box], header: Box | None, before: float) -> None:
        """Place a table's header where its first row fits below it; of a short table, all of them."""
        every = sum(row.height for row in rows)
        together = every if len(rows) < _FEW and every <= self._short else rows[0].height
        self._fit(before + (header.height if header else 0) + together)
        self._place_kept()
        self._header(header, before)

    def _header(self, header: Box | None, before: float = 0.0) -> None:
        if header:
            self._place(header, before, ())
        elif self.pages[-1]:
            self._y -= before

    def _row(self, row: Box, header: Box | None, marks: tuple[str, ...]) -> None:
        fresh = self.top - self.bottom - (header.height if header else 0)
        while row.height > self.room:
            parts = row.split(self.room) if row.height > fresh / 3 else None
            if parts:
                self._put(parts[0], marks)
                row, marks = parts[1], ()
            elif self.room >= fresh:
                break
            self._turn()
            self._header(header)
        self._put(row, marks)

    def _put(self, box: Box, marks: tuple[str, ...]) -> None:
        for name in marks:
            self.places[name] = Place(len(self.pages) - 1, self._y)
        self.pages[-1].append(Placed(box, self._y))
        self._y -= box.height

    def _turn(self) -> None:
        self.pages.append([])
        self._y = self.top


def draw_page(pen: Pen, placed: list[Placed]) -> None:
    """Draw the boxes of one page."""
    for item in placed:
        item.box.draw(pen, LEFT, item.top)
