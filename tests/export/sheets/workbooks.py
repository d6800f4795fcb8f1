"""How to read what was written: a workbook's cells, its parts, and the digest over rows as an auditor computes it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from hashlib import sha256

from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from cognify_core.export.sheets.values import Value

Rows = list[list[Value]]


def opened(data: bytes) -> Workbook:
    return load_workbook(io.BytesIO(data))


def rows(data: bytes, title: str) -> Rows:
    """The rows of a sheet, its heading first."""
    return [[cell.value for cell in row] for row in opened(data)[title].iter_rows()]  # type: ignore[misc]


def table(data: bytes, title: str) -> list[dict[str, Value]]:
    """The rows of a sheet under their headings."""
    heading, *below = rows(data, title)
    return [dict(zip(map(str, heading), row, strict=True)) for row in below]


def ipe_facts(data: bytes) -> dict[str, Value]:
    return {str(row[0]): row[1] for row in rows(data, "IPE")}


def ipe_sheets(data: bytes) -> dict[str, list[Value]]:
    """What the first sheet says of each other one, under its title."""
    found = rows(data, "IPE")
    start = next(place for place, row in enumerate(found) if row[0] == "Sheet")
    return {str(row[0]): row for row in found[start + 1 :]}


def digest_of(below: Rows) -> str:
    """As the IPE sheet says that it is computed."""
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in below]
    return f"sha256:{sha256(b''.join(lines)).hexdigest()}"


def parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist())
