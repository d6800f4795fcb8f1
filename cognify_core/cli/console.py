"""What people see: consoles that read no markup, tables, and lines that are never cut."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from cognify_core.cli.text import document
from cognify_core.model.shown import plain

if TYPE_CHECKING:
    from rich.console import Console

    from cognify_core.canonical import Json

_WIDTH_OF_A_TABLE = 10_000  # wider than any; rich would cut cells to the width of the terminal


def emit(value: Json) -> None:
    """Write one JSON document to stdout: all that a program reads."""
    print(document(value))


def say(line: str = "", style: str | None = None) -> None:
    """Write one line to stdout. It is made harmless, and neither wrapped nor cut: a digest in it stays whole."""
    console(sys.stdout).print(plain(line), style=style, soft_wrap=True)


def tell(line: str, style: str | None = None, hang: int = 2) -> None:
    """Write one line of prose to stdout. In a terminal it is wrapped between words, further lines `hang` columns in.

    No word is broken, so a digest stays whole. What people copy, a path or a command, is for `say`.
    """
    shown = console(sys.stdout)
    text = plain(line)
    if shown.is_terminal:
        wrapper = textwrap.TextWrapper(
            max(shown.width, 40), subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
        )
        text = wrapper.fill(text)
    shown.print(text, style=style, soft_wrap=True)


def remark(line: str) -> None:
    """Write one line to stderr, for people who watch."""
    console(sys.stderr).print(plain(line), soft_wrap=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout. No cell is wrapped or cut, however narrow the terminal."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(heading, no_wrap=True, overflow="ignore")
    for row in rows:
        grid.add_row(*(plain("–" if cell is None else cell) for cell in row))
    shown = console(sys.stdout)
    shown.width = _WIDTH_OF_A_TABLE
    shown.print(grid, soft_wrap=True)


def console(stream: TextIO) -> Console:
    """A console on `stream` that reads no markup, no emoji codes, and guesses no highlights."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Leave the error as it is: rich would end the process with 1, which is a verdict here."""
            raise

    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character still shows the rest
    return Plain(file=stream, markup=False, emoji=False, highlight=False)


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 event`, `2 events`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
