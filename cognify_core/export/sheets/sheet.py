"""Sheets and books: rows under headings, and the digest over the rows that anybody can compute again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Self

from cognify_core.canonical import encode
from cognify_core.errors import UnsupportedExportError
from cognify_core.export.sheets.values import Value, cell_value

MOST_ROWS = 1_048_575
"""Rows that a sheet holds below its heading."""
HOW_ROWS_ARE_HASHED = (
    "SHA-256 over the rows below the heading, in their order: each row is the JSON array of its cells (RFC 8785; an "
    "empty cell is null) and a line feed."
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the widest that it is shown, and whether it is set in monospace."""

    title: str
    most: int = 60
    """Characters; longer texts are wrapped."""
    mono: bool = False
    counts: bool = True
    """Whether its numbers are to be compared, and so stand on the right."""


@dataclass(frozen=True)
class Sheet:
    """One kind of thing, a row each. Make one with `Sheet.of`."""

    title: str
    about: str
    """What a row is, and which of them there are."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    headings: frozenset[int] = field(default=frozenset())
    """Rows that are headings themselves, by their place; then nothing is filtered."""

    @classmethod
    def of(
        cls,
        title: str,
        about: str,
        columns: Iterable[Column],
        rows: Iterable[Iterable[Value]],
        headings: Iterable[int] = (),
    ) -> Self:
        """A sheet of these rows, as its cells hold them.

        Raises:
            UnsupportedExportError: there are more rows than a sheet has.
        """
        held = tuple(tuple(map(cell_value, row)) for row in rows)
        if len(held) > MOST_ROWS:
            raise UnsupportedExportError(
                f"a sheet holds {MOST_ROWS:,} rows, and {title!r} would have {len(held):,}: export --format json"
            )
        return cls(title, about, tuple(columns), held, frozenset(headings))

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>`, as `HOW_ROWS_ARE_HASHED` says."""
        hashed = sha256()
        for row in self.rows:
            hashed.update(_line(row))
        return f"sha256:{hashed.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Book:
    """Sheets in their order, and what the file says of itself."""

    sheets: tuple[Sheet, ...]
    subject: str
    made_at: str
    """RFC 3339, whole seconds: the time of the seal, of what is sealed."""

    def sheet(self, title: str) -> Sheet:
        """The sheet of that title."""
        return next(sheet for sheet in self.sheets if sheet.title == title)


def _line(row: tuple[Value, ...]) -> bytes:
    if any(isinstance(value, float) for value in row):
        return encode(list(row)) + b"\n"
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"  # the same, and quicker
