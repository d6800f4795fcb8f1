"""Text that a record brings is never let near a terminal or a parser as it is.

A run's name, a note, a tag, a file name: whoever wrote the record chose them, and whoever reads it looks at them in a
terminal. An escape sequence could clear the word that matters, a bidirectional control could turn a path round, a
square bracket could pass for Rich markup. So every string goes through `plain`, and consoles read no markup at all.
"""

from __future__ import annotations

import json
import unicodedata

from cognify_core.canonical import Json

_SHOWN_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: object) -> str:
    """`text` with every control, format and unpaired surrogate character written as a visible escape.

    What is left is printable: one line, in logical order, without terminal sequences.
    """
    return "".join(_visible(character) for character in str(text))


def document(value: Json) -> str:
    """`value` as JSON for programs: indented, in ASCII, so that it is harmless in a terminal too."""
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _SHOWN_ESCAPED:
        return character.encode("unicode_escape").decode("ascii")
    return character
