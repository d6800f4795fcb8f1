r"""What a spreadsheet's cell may hold: numbers that it keeps exactly, and text that nothing takes for more than text.

A spreadsheet calculates what begins with `=`, drops or refuses control characters, turns text round at a bidirectional
control, reads `_x0041_` as `A`, and holds 32,767 characters. So each of these is written as a visible escape, as in
`\x1b`, or cut with the digest of the whole; what was recorded stands unchanged in the JSON package.
"""

from __future__ import annotations

import math
import re
from hashlib import sha256
from typing import TypeAlias

Value: TypeAlias = str | int | float | bool | None

LONGEST = 32_767
"""UTF-16 code units that a cell holds (ECMA-376 as the applications have it)."""
LARGEST = 2**53
"""From here on a cell, which holds a double, would change an integer."""
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet, or the import of a CSV made from it, may take for the beginning of a formula."""
_ESCAPED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
    r"|[\ud800-\udfff\U000e0000-\U000e0fff]|_(?=x[0-9A-Fa-f]{4}_)"
)


def cell_value(value: Value) -> Value:
    """What a cell holds of a value. It is what the digest of the rows is made of, and what is read back."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < LARGEST else _digits(value)
        case float():
            if not math.isfinite(value):
                return repr(value)
            return int(value) if value.is_integer() and abs(value) < LARGEST else value
        case _:
            return cell_text(value) or None


def cell_text(text: str) -> str:
    """Text as a cell holds it."""
    shown = _ESCAPED.sub(_visible, text)
    if _units(shown) <= LONGEST:
        return shown
    whole = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    note = f" … [cut here: {len(text):,} characters in all, SHA-256 of their UTF-8 {whole}]"
    kept = shown[: LONGEST - len(note)]
    while _units(kept) > LONGEST - len(note):
        kept = kept[: -max(1, (_units(kept) - LONGEST + len(note)) // 2)]
    return kept + note


def looks_like_a_formula(value: Value) -> bool:
    """Whether a text's first character starts a formula: such a cell is marked as text (`quotePrefix`)."""
    return isinstance(value, str) and value[:1] in FORMULA_STARTS


def _visible(found: re.Match[str]) -> str:
    return r"\x5f" if found[0] == "_" else found[0].encode("unicode_escape").decode("ascii")


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _digits(number: int) -> str:
    return str(number) if abs(number) < 10**4000 else hex(number)
