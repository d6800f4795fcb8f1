"""A text as a QR code, in vector: the one thing that a reader on paper can check with a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cognify_core.export.pdf.pen import Pen
from cognify_core.export.pdf.theme import WHITE, Colour

QUIET = 4
"""Modules of white around the code (ISO/IEC 18004, 5.3.8)."""
_BLACK: Colour = (0.0, 0.0, 0.0)


def modules(text: str) -> list[list[bool]]:
    """The code, row by row; True is dark. Error correction M: a seventh of it may be lost."""
    from reportlab.graphics.barcode import qrencoder

    code: Any = qrencoder.QRCode(None, qrencoder.QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = range(code.getModuleCount())
    return [[bool(code.isDark(row, column)) for column in side] for row in side]


def draw_qr(pen: Pen, text: str, x: float, top: float, size: float) -> None:
    """Draw the code and its quiet zone into a square whose upper left corner is (x, top)."""
    rows = modules(text)
    module = size / (len(rows) + 2 * QUIET)
    pen.box(x, top - size, size, size, fill=WHITE)
    for number, row in enumerate(rows):
        y = top - (QUIET + number + 1) * module
        for start, end in _dark(row):
            # a hair higher than a module, so that no viewer shows seams between rows
            pen.box(x + (QUIET + start) * module, y, (end - start) * module, module * 1.02, fill=_BLACK)


def _dark(row: list[bool]) -> Iterator[tuple[int, int]]:
    """The stretches of dark modules in a row."""
    start = 0
    while start < len(row):
        end = start
        while end < len(row) and row[end]:
            end += 1
        if end > start:
            yield start, end
        start = end + 1
