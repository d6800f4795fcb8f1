"""How values stand in documents: numbers, times, lists, cells and rows, each in one spelling.

Long texts and long lists are cut, never silently: what is cut names how much, and where the whole stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from cognify_core.canonical import Json
from cognify_core.export.document.blocks import Bullets, Cell, Column, Prose, RowStatus, Table
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.evidence import Evidence
from cognify_core.model.bodies import Body
from cognify_core.model.plain import readable, text_of

_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}(?![0-9a-f])")
ROWS = 200
"""The rows that one table prints."""
CITED = 6
"""The entries of the evidence index that one sentence cites."""
SHORT = 600
"""The characters of a text that a table's cell prints."""
LONG = 4000
"""The characters of a text that a paragraph prints."""


def count(number: int, one: str = "", many: str = "") -> str:
    """As in `142,000 records`; without words the number alone."""
    if not one:
        return f"{number:,}"
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def figure(number: float) -> str:
    """A number to six significant digits, integers in full."""
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 10**15 else f"{number:.6g}"


def moment(time: str) -> str:
    """An RFC 3339 time as people read it, to whole seconds: `2025-09-12 14:30:22 UTC`."""
    return f"{time[:10]} {time[11:19]} UTC"


def cut(text: str, limit: int = SHORT) -> str:
    """The beginning of a text, and how much of it is not printed. A digest is never cut: it stands to its end."""
    if len(text) <= limit:
        return text
    limit = next((found.end() for found in _DIGEST.finditer(text) if found.start() < limit < found.end()), limit)
    if len(text) == limit:
        return text
    return f"{text[:limit]} … [{count(len(text) - limit, 'more character')} in evidence.json]"


def said(value: Json, limit: int = SHORT) -> str:
    """A fact of an event on one line, cut; one whose tags are wrong stands as it was recorded."""
    with suppress(ValueError):
        value = readable(value)
    return shown(value, limit)


def shown(value: Json, limit: int = SHORT) -> str:
    """A value without tags, as manifests are read, on one line, cut."""
    return cut(text_of(value), limit)


def mapping(value: Json) -> dict[str, Json]:
    """A recorded value where it is a map, else an empty one: what others recorded has the form that they gave it."""
    return value if isinstance(value, dict) else {}


def listed(items: Iterable[str], limit: int = 5) -> str:
    """As in `a, b and 3 more`."""
    every = [cut(item, 120) for item in items]
    if len(every) > limit:
        return f"{', '.join(every[:limit])} and {len(every) - limit} more"
    return " and ".join(filter(None, (", ".join(every[:-1]), *every[-1:])))


def with_digests(items: Iterable[tuple[str, object]], limit: int = 10) -> str:
    """As in `a sha256:…, b sha256:… and 3 more`: of each a name, which may be cut, and its digest, which is not."""
    every = [f"{cut(name, 120)} {found if found is not None else '(no digest)'}" for name, found in items]
    left = len(every) - limit
    return ", ".join(every[:limit]) + (f" and {left} more" if left > 0 else "")


def joined(texts: Iterable[str]) -> str:
    """Texts one after the other, told apart: sentences by a space, what is none by a semicolon."""
    *before, last = [*texts] or [""]
    return "".join(f"{text}{' ' if text.endswith(('.', '!', '?')) else '; '}" for text in before) + last


def plain(text: str, *told: Told[Body] | Evidence) -> Cell:
    """A cell of ordinary text."""
    return Cell(cut(text), evidence=entries(told))


def mono(text: str, *told: Told[Body] | Evidence) -> Cell:
    """A cell set in monospace: a hash, a name, a path."""
    return Cell(cut(text), mono=True, evidence=entries(told))


def digest(hash: object, *told: Told[Body] | Evidence) -> Cell:  # noqa: A002 - the word for it
    """A digest in full, or that there is none."""
    return mono(str(hash), *told) if hash is not None else plain("none: see the gaps", *told)


def gap(text: str, *told: Told[Body] | Evidence) -> Cell:
    """A cell that says what is missing."""
    return Cell(cut(text), status=RowStatus.GAP, evidence=entries(told))


def sentence(text: str, *told: Told[Body] | Evidence) -> Prose:
    """A sentence, and what it rests on."""
    return Prose(cut(text, LONG), entries(told))


def bullets(sentences: Iterable[Prose | None]) -> Bullets:
    """A list of those that there are."""
    return Bullets(tuple(item for item in sentences if item is not None))


def entries(told: Sequence[Told[Body] | Evidence]) -> tuple[Evidence, ...]:
    """The entries of the index, each once; only the first few."""
    every = dict.fromkeys(item.evidence if isinstance(item, Told) else item for item in told)
    return tuple(islice(every, CITED))


def table(
    dossier: Dossier,
    columns: Sequence[tuple[str, float]],
    rows: Sequence[tuple[Cell, ...]],
    caption: str = "",
    *,
    limit: int = ROWS,
) -> Table:
    """A table of at most `limit` rows, which says what it leaves out and where that stands."""
    left = len(rows) - limit
    more = f"{count(left, 'more row')} not printed here. {whole(dossier)}" if left > 0 else ""
    return Table(tuple(Column(*column) for column in columns), tuple(rows[:limit]), caption, more)


def whole(dossier: Dossier) -> str:
    """Where everything stands that a document does not print."""
    root = f" the record whose Merkle root is {dossier.seals[0].root}" if dossier.seals else " the record"
    return f"evidence.json, attached to this document, holds them all, under{root}."
