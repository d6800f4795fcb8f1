"""A book as the bytes of an .xlsx file: the same bytes from the same rows, wherever they are written.

openpyxl writes the workbook, row by row. What it adds of its own (the time, its name, how the XML library that it found
spells things) is taken out again: each part is written in its canonical form, and stored under a fixed date.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import repeat
from math import ceil
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from cognify_core.export.sheets.canonical_xml import canonical_xml
from cognify_core.export.sheets.sheet import Book, Column, Sheet
from cognify_core.export.sheets.values import Value, looks_like_a_formula
from cognify_core.export.watched import Watch, unwatched

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FIRST = "[Content_Types].xml"
_CORE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<cp:coreProperties '
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:creator>Cognify</dc:creator>'
    '<dcterms:created xsi:type="dcterms:W3CDTF">{made_at}</dcterms:created>'
    '<dcterms:modified xsi:type="dcterms:W3CDTF">{made_at}</dcterms:modified></cp:coreProperties>'
)
_APP = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Properties '
    'xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
    "<Application>Cognify</Application></Properties>"
)
_SANS, _MONO = "Calibri", "Consolas"
_LEAST_WIDTH = 9
_LINE, _HIGHEST = 13.5, 409.0
"""The height of a line, and the greatest of a row, in points."""
_PRINTED_WIDTH = 320
"""Characters side by side on a page that can still be read."""
_SAMPLED = 2000
"""Rows that a column's width is fitted to."""
_TOLD = 256
"""Rows after which it is told how far it is."""


def workbook_bytes(book: Book, watch: Watch = unwatched) -> bytes:
    """The file; `watch` is told how many rows are written."""
    workbook = Workbook(write_only=True)
    total, before = sum(len(sheet.rows) for sheet in book.sheets), 0
    for sheet in book.sheets:
        for done in _write(workbook.create_sheet(sheet.title), sheet):
            watch("writing rows", before + done, total)
        before += len(sheet.rows)
    watch("packing the workbook")
    written = io.BytesIO()
    workbook.save(written)
    return _stored(written, book.made_at)


def _write(worksheet: Any, sheet: Sheet) -> Iterator[int]:
    """Write a sheet; yield, now and then, how many of its rows are written."""
    widths = [_width(sheet, place, column) for place, column in enumerate(sheet.columns)]
    _set_up(worksheet, sheet, widths)
    pens = _Pens(worksheet)
    if not sheet.headings:
        worksheet.row_dimensions[1].height = _height((each.title for each in sheet.columns), repeat(Column("")), widths)
        worksheet.append(pens.heading(column.title) for column in sheet.columns)
    first = 1 if sheet.headings else 2
    for place, row in enumerate(sheet.rows):
        if place % _TOLD == 0:
            yield place
        worksheet.row_dimensions[first + place].height = _height(row, sheet.columns, widths)
        if place in sheet.headings:
            worksheet.append(pens.heading(value) for value in row)
        else:
            worksheet.append(pens.value(value, column) for value, column in zip(row, sheet.columns, strict=True))
    yield len(sheet.rows)


def _set_up(worksheet: Any, sheet: Sheet, widths: list[float]) -> None:
    """Widths, the frozen heading with its filter, and how it is printed: on so many pages that it can be read."""
    if not sheet.headings:
        last = get_column_letter(len(sheet.columns))
        worksheet.freeze_panes = "B2"
        worksheet.auto_filter.ref = f"A1:{last}{len(sheet.rows) + 1}"
        worksheet.print_title_rows, worksheet.print_title_cols = "1:1", "A:A"
    for place, width in enumerate(widths):
        worksheet.column_dimensions[get_column_letter(place + 1)].width = width
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.page_setup.orientation = "landscape"
    worksheet.page_setup.paperSize = Worksheet.PAPERSIZE_A3
    worksheet.page_setup.fitToWidth = max(1, ceil(sum(widths) / _PRINTED_WIDTH))
    worksheet.page_setup.fitToHeight = 0


class _Pens:
    """One cell for each style, which is written, and then filled again: openpyxl writes each as soon as it is given."""

    def __init__(self, worksheet: Worksheet) -> None:
        self._texts = {
            (mono, quoted): _pen(
                worksheet, mono=mono, quoted=quoted, alignment=Alignment(vertical="top", wrap_text=not mono)
            )
            for mono in (False, True)
            for quoted in (False, True)
        }
        self._number = _pen(worksheet, alignment=Alignment(vertical="top", horizontal="right", indent=1))
        self._named_number = _pen(worksheet, alignment=Alignment(vertical="top", horizontal="left"))
        self._heading = WriteOnlyCell(worksheet)
        self._heading.font = Font(name=_SANS, size=10, bold=True, color="FFFFFF")
        self._heading.fill = PatternFill("solid", start_color="1F3A5F")
        self._heading.alignment = Alignment(vertical="center", wrap_text=True)

    def heading(self, value: Value) -> Cell | None:
        """A heading's cell."""
        return _filled(self._heading, value)

    def value(self, value: Value, column: Column) -> Cell | None:
        """Any other cell: a text is one whatever it begins with."""
        if isinstance(value, str) or value is None:
            return _filled(self._texts[column.mono, looks_like_a_formula(value)], value)
        return _filled(self._number if column.counts else self._named_number, value)


def _pen(worksheet: Worksheet, *, alignment: Alignment, mono: bool = False, quoted: bool = False) -> Cell:
    cell = WriteOnlyCell(worksheet)
    cell.font = Font(name=_MONO, size=9) if mono else Font(name=_SANS, size=10)
    cell.alignment = alignment
    cell.quotePrefix = quoted
    return cell


def _filled(cell: Cell, value: Value) -> Cell | None:
    if value is None:
        return None
    if isinstance(value, float):  # openpyxl would round to 16 digits
        cell.value, cell.data_type = repr(value), "n"
        return cell
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def _width(sheet: Sheet, place: int, column: Column) -> float:
    """So wide that what stands in the column fits, up to what the column may be; then it is wrapped, or goes on."""
    texts = [str(row[place]) for row in sheet.rows[:_SAMPLED] if row[place] is not None]
    longest = max((len(line) for text in texts for line in text.split("\n")), default=0)
    wanted = max(longest, max(map(len, column.title.split())) + 3, min(len(column.title) + 3, 16))
    return min(max(wanted, _LEAST_WIDTH), column.most) + 3


def _height(row: Iterable[Value], columns: Iterable[Column], widths: Iterable[float]) -> float:
    """So high that wrapped texts fit; not every application finds that out by itself."""
    lines = 1
    for value, column, width in zip(row, columns, widths, strict=False):
        if isinstance(value, str) and (len(value) > width - 3 or "\n" in value):
            broken = value.split("\n")
            wrapped = len(broken) if column.mono else sum(1 + int(len(line) // width) for line in broken)
            lines = max(lines, wrapped)
    return min(_LINE * lines + 2, _HIGHEST)


def _stored(written: io.BytesIO, made_at: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(written) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as stored:
        for name in sorted(archive.namelist(), key=lambda name: (name != _FIRST, name)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = 0o644 << 16
            stored.writestr(entry, b"".join(_part(name, archive, made_at)))
    return out.getvalue()


def _part(name: str, archive: zipfile.ZipFile, made_at: str) -> Iterator[bytes]:
    if name == "docProps/core.xml":
        yield _CORE.format(made_at=made_at).encode()
    elif name == "docProps/app.xml":
        yield _APP.encode()
    else:
        yield canonical_xml(archive.read(name))
