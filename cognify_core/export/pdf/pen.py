"""Drawing: a reportlab canvas that tags what it draws and remembers the links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cognify_core.export.pdf.lines import Line
from cognify_core.export.pdf.structure import Annotation, Content, Element
from cognify_core.export.pdf.theme import PAGE_HEIGHT, PAGE_WIDTH, Colour, Style


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a document: a page, counted from 0, and a height above its bottom."""

    page: int
    top: float


@dataclass(frozen=True, slots=True)
class Link:
    """A rectangle on a page that leads to a place."""

    page: int
    box: tuple[float, float, float, float]
    target: Place
    element: Element
    says: str


class Pen:
    """Draws one document. Coordinates are PDF's: from the bottom left corner of a page, upwards."""

    def __init__(self, canvas: Any, places: dict[str, Place], pages: int) -> None:
        """Draw on `canvas` a document of so many `pages`; `places` are what links lead to."""
        self.canvas = canvas
        self.places = places
        self.pages = pages
        self.page = 0
        self.links: list[Link] = []
        self._mcid = 0

    # -- pages and tags

    def next_page(self) -> None:
        """End a page."""
        self.canvas.showPage()
        self.page += 1
        self._mcid = 0

    @contextmanager
    def tagged(self, element: Element) -> Iterator[None]:
        """What is drawn within belongs to `element`."""
        self._code(f"/{element.kind} <</MCID {self._mcid}>> BDC")
        element.kids.append(Content(self.page, self._mcid))
        self._mcid += 1
        yield
        self._code("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """What is drawn within is not read out: rules, grounds, footers."""
        self._code("/Artifact BMC")
        yield
        self._code("EMC")

    @contextmanager
    def copied_as(self, text: str) -> Iterator[None]:
        """What is drawn within is copied, searched and read out as `text` (ISO 32000-1, 14.9.4)."""
        utf16 = f"\ufeff{text}".encode("utf-16-be").hex().upper()
        self._code(f"/Span <</ActualText <{utf16}>>> BDC")
        yield
        self._code("EMC")

    # -- text

    def text(self, x: float, baseline: float, text: str, style: Style) -> None:
        """Set characters that the fonts can show."""
        self.canvas.setFont(style.face.value, style.size)
        self.canvas.setFillColorRGB(*style.colour)
        line = self.canvas.beginText(x, baseline)
        line.textLine(text)
        self.canvas.drawText(line)

    def line_of_text(self, line: Line, x: float, baseline: float) -> None:
        """Set a line, without tags or links."""
        for piece in line.pieces:
            self.text(x + piece.x, baseline, piece.text, piece.style)

    def lines(self, lines: Sequence[Line], element: Element, x: float, top: float, leading: float) -> None:
        """Set lines from `top` downwards as content of `element`; linked pieces become `Link` elements of their own."""
        placed = [
            (x + piece.x, top - leading * (row + 0.76), piece)
            for row, line in enumerate(lines)
            for piece in line.pieces
        ]
        for link, pieces in groupby(placed, lambda item: item[2].link):
            spans = list(pieces)
            if link and link in self.places:
                for left, baseline, piece in spans:
                    self._linked(element, left, baseline, piece.text, piece.style, piece.width, link)
                continue
            with self.tagged(element):
                for left, baseline, piece in spans:
                    self.text(left, baseline, piece.text, piece.style)

    def grouped(self, lines: Sequence[Line], element: Element, x: float, top: float, leading: float) -> None:
        """Set lines that hold hashes in groups: each is copied without the gaps."""
        with self.tagged(element), self.copied_as("".join(line.text for line in lines)):
            for row, line in enumerate(lines):
                self.line_of_text(line, x, top - leading * (row + 0.76))

    def link(self, element: Element, box: tuple[float, float, float, float], target: str, says: str) -> None:
        """Make a rectangle of this page lead to the place called `target`."""
        element.kids.append(Annotation(len(self.links)))
        self.links.append(Link(self.page, box, self.places[target], element, says))

    def _linked(
        self, parent: Element, x: float, baseline: float, text: str, style: Style, width: float, target: str
    ) -> None:
        element = parent.child("Link")
        with self.tagged(element):
            self.text(x, baseline, text, style)
        self.link(element, (x, baseline - 2, x + width, baseline + style.size), target, f"to {text.strip(' []')}")

    # -- shapes

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Colour | None = None,
        stroke: Colour | None = None,
        thick: float = 0.6,
        radius: float = 0.0,
        dash: tuple[float, ...] = (),
    ) -> None:
        """A rectangle whose lower left corner is (x, y)."""
        self._inks(fill, stroke, thick, dash)
        if radius:
            self.canvas.roundRect(
                x, y, width, height, radius, stroke=int(stroke is not None), fill=int(fill is not None)
            )
        else:
            self.canvas.rect(x, y, width, height, stroke=int(stroke is not None), fill=int(fill is not None))

    def rule(self, x: float, y: float, to_x: float, to_y: float, colour: Colour, thick: float = 0.5) -> None:
        """A straight line."""
        self._inks(None, colour, thick, ())
        self.canvas.line(x, y, to_x, to_y)

    def dots(self, x: float, to_x: float, y: float, colour: Colour) -> None:
        """A dotted line that leads the eye."""
        self._inks(None, colour, 0.7, (0.7, 2.7))
        self.canvas.line(x, y, to_x, y)

    def path(self, points: Sequence[tuple[float, float]], colour: Colour, thick: float) -> None:
        """An open polygon; round where it turns, so that no spike says more than the data."""
        self._inks(None, colour, thick, ())
        self.canvas.setLineJoin(1)
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        self.canvas.drawPath(path, stroke=1, fill=0)

    def bezier(self, points: Sequence[tuple[float, float]], colour: Colour, thick: float) -> None:
        """A cubic Bézier curve of four points."""
        self._inks(None, colour, thick, ())
        (x1, y1), (x2, y2), (x3, y3), (x4, y4) = points
        self.canvas.bezier(x1, y1, x2, y2, x3, y3, x4, y4)

    def filled(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._inks(colour, None, 0, ())
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        path.close()
        self.canvas.drawPath(path, stroke=0, fill=1)

    def _inks(self, fill: Colour | None, stroke: Colour | None, thick: float, dash: tuple[float, ...]) -> None:
        if fill is not None:
            self.canvas.setFillColorRGB(*fill)
        if stroke is not None:
            self.canvas.setStrokeColorRGB(*stroke)
            self.canvas.setLineWidth(thick)
            self.canvas.setDash(*([list(dash)] if dash else []))

    def _code(self, operators: str) -> None:
        self.canvas._code.append(operators)  # noqa: SLF001 - reportlab has no public way to mark content


def new_canvas(out: Any, title: str) -> Any:
    """A canvas on which no clock, no configuration and no font of the system has a say."""
    from reportlab.pdfgen.canvas import Canvas

    from cognify_core.export.pdf.fonts import fonts
    from cognify_core.export.pdf.theme import BODY

    fonts()
    canvas = Canvas(
        out,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        pageCompression=0,
        invariant=1,
        initialFontName=BODY.face.value,  # type: ignore[arg-type]  # the stubs take it for a size
        initialFontSize=BODY.size,
        pdfVersion=(1, 7),
        enforceColorSpace="RGB",
        lang="en-GB",
    )
    canvas.setTitle(title)
    return canvas
