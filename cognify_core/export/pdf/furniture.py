"""What stands on every page: the footer, and the red banner where something is wrong with the seal."""

from __future__ import annotations

from dataclasses import dataclass

from cognify_core.export.pdf.fonts import width_of
from cognify_core.export.pdf.legible import one_line, shortened
from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.theme import (
    ALARM,
    CELL_HEAD,
    CONTENT,
    LEFT,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RULE,
    TINY,
    WHITE,
    Face,
)

TOP, BOTTOM = PAGE_HEIGHT - 50.0, 56.0
"""Between these stands the text of a page."""
_BANNER = CELL_HEAD.but(size=8.4, colour=WHITE)


@dataclass(frozen=True, slots=True)
class Furniture:
    """The words of it: `run` and `root` at the left, `footer` below them."""

    run: str
    root: str
    footer: str
    banner: str = ""

    def draw(self, pen: Pen) -> None:
        """Draw it on the page that the pen is on."""
        with pen.artifact():
            pen.rule(LEFT, BOTTOM - 12, LEFT + CONTENT, BOTTOM - 12, RULE)
            place = f"page {pen.page + 1} of {pen.pages}"
            pen.text(LEFT, BOTTOM - 22, f"{one_line(self.run)} · {self.root}", TINY.but(face=Face.MONO, size=6.4))
            right = LEFT + CONTENT - width_of(place, TINY.face, TINY.size)
            pen.text(right, BOTTOM - 22, place, TINY)
            pen.text(LEFT, BOTTOM - 31, shortened(one_line(self.footer), TINY, CONTENT), TINY)
            if self.banner:
                pen.box(0, PAGE_HEIGHT - 32, PAGE_WIDTH, 32, fill=ALARM)
                pen.text(LEFT, PAGE_HEIGHT - 20, shortened(one_line(self.banner), _BANNER, CONTENT), _BANNER)
