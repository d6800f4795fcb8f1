"""Text that a record brings is never let near a terminal or a browser as it is.

A run's name, a note, a tag, a file name: whoever wrote the record chose them, and whoever reads it looks at them in a
terminal or a notebook. An escape sequence could clear the word that matters, a bidirectional control could turn a path
round, a tag could load something. So every string that is shown goes through `plain`, or through `html_table`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape

_SHOWN_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: object) -> str:
    """`text` with every control, format and unpaired surrogate character written as a visible escape.

    What is left is printable: one line, in logical order, without terminal sequences.
    """
    return "".join(_visible(character) for character in str(text))


def encodable(text: str) -> str:
    """`text`, of `str` or a subclass, with its lone surrogates, which have no bytes, as escapes; all else as it is."""
    return str.__str__(text).encode("utf-8", "backslashreplace").decode("utf-8")


def html_table(title: object, rows: Iterable[tuple[object, object]]) -> str:
    """A small table for notebooks: a title, and pairs of a heading and what it says. Everything is escaped."""
    cells = "".join(
        f'<tr><th style="text-align:left">{_in_html(heading)}</th>'
        f'<td style="text-align:left"><code>{_in_html(said)}</code></td></tr>'
        for heading, said in rows
    )
    return f'<table><caption style="text-align:left"><b>{_in_html(title)}</b></caption>{cells}</table>'


def _in_html(text: object) -> str:
    return escape(plain(text), quote=True)


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _SHOWN_ESCAPED:
        return character.encode("unicode_escape").decode("ascii")
    return character
