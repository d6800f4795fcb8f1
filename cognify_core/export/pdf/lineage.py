"""The lineage diagram: boxes in layers, arrows between them, all vector."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.pdf.flow import Whole
from cognify_core.export.pdf.graph import Diagram, Vertex
from cognify_core.export.pdf.legible import Escapes, legible, one_line, shortened
from cognify_core.export.pdf.lines import Run, lines_of
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.structure import Element
from cognify_core.export.pdf.theme import CONTENT, INK, MUTED, RULE, WHITE, Colour, Face, Style

_ID = Style(Face.MONO, 6.2, 7.4, INK)
_KIND = Style(Face.BOLD, 5.8, 7.4, MUTED)
_DETAIL = Style(Face.MONO, 5.8, 7.4, MUTED)
_HIGH, _APART, _WIDEST, _BETWEEN = 36.0, 8.0, 108.0, 26.0
_EDGE: Colour = (0.55, 0.62, 0.70)
_BARS: dict[str, Colour] = {
    "dataset": (0.10, 0.46, 0.30),
    "config": (0.42, 0.36, 0.66),
    "base_model": (0.62, 0.40, 0.10),
    "model": (0.62, 0.40, 0.10),
    "checkpoint": (0.11, 0.36, 0.62),
    "evaluation": (0.62, 0.20, 0.40),
}


@dataclass(frozen=True)
class LineageBox(Whole):
    """The diagram as a figure, with what it shows in words as its alternative text."""

    diagram: Diagram
    element: Element

    @property
    def height(self) -> float:
        """That of its highest layer."""
        return max(map(len, self.diagram.layers), default=0) * (_HIGH + _APART) + 4

    def draw(self, pen: Pen, x: float, top: float) -> None:
        """The arrows, then the boxes over them."""
        width = self._width
        corners = self._corners(x, top, width)
        with pen.tagged(self.element):
            for source, target in self.diagram.edges:
                _arrow(pen, corners[source], corners[target], width)
            for layer in self.diagram.layers:
                for vertex in layer:
                    _draw_vertex(pen, vertex, *corners[vertex.key], width)

    @property
    def _width(self) -> float:
        count = len(self.diagram.layers)
        return min(_WIDEST, (CONTENT - (count - 1) * _BETWEEN) / max(count, 1))

    def _corners(self, x: float, top: float, width: float) -> dict[str, tuple[float, float]]:
        """The upper left corner of each vertex; a layer stands in the middle of the height."""
        count = len(self.diagram.layers)
        step = (CONTENT - width) / (count - 1) if count > 1 else 0.0
        step = min(step, width + 80)
        corners = {}
        for column, layer in enumerate(self.diagram.layers):
            slack = self.height - len(layer) * (_HIGH + _APART)
            for row, vertex in enumerate(layer):
                corners[vertex.key] = (x + column * step, top - slack / 2 - row * (_HIGH + _APART))
        return corners


def _arrow(pen: Pen, source: tuple[float, float], target: tuple[float, float], width: float) -> None:
    start, end = (source[0] + width, source[1] - _HIGH / 2), (target[0], target[1] - _HIGH / 2)
    bend = max(12.0, (end[0] - start[0]) / 2)
    pen.bezier([start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), (end[0] - 3, end[1])], _EDGE, 0.5)
    pen.filled([end, (end[0] - 4.5, end[1] + 1.9), (end[0] - 4.5, end[1] - 1.9)], _EDGE)


def _draw_vertex(pen: Pen, vertex: Vertex, x: float, top: float, width: float) -> None:
    """A box; its frame is dashed where nothing of ours saw the content."""
    seen = vertex.assurance in ("content", "sampled", "")
    pen.box(x, top - _HIGH, width, _HIGH, fill=WHITE, stroke=MUTED if not seen else RULE, dash=() if seen else (2, 1.5))
    pen.box(x, top - _HIGH, 2.2, _HIGH, fill=_BARS.get(vertex.type, MUTED))
    pen.text(x + 5.5, top - 7.2, shortened(one_line(vertex.type.replace("_", " ")).upper(), _KIND, width - 8), _KIND)
    for row, text in enumerate(_title(vertex.title, width - 8)):
        pen.text(x + 5.5, top - 14.8 - row * _ID.leading, text, _ID)
    pen.text(x + 5.5, top - 31.6, shortened(one_line(vertex.detail), _DETAIL, width - 8), _DETAIL)


def _title(title: str, width: float) -> list[str]:
    """An id on two lines at most; the middle of a longer one is left out here, and stands in the tables."""
    lines = [line.text for line in lines_of([Run(one_line(title), _ID)], width)]
    if len(lines) <= 2:
        return lines
    fit = int(width / (0.6 * _ID.size))
    shown = "".join(part for part, _ in legible(title, Escapes()))
    return [f"{shown[: fit - 1]}…", shown[-fit:]]
