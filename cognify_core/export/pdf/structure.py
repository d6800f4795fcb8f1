"""The structure tree of a tagged PDF (ISO 32000-1, 14.7 and 14.8): what is a heading, a table, a link."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Content:
    """Marked content: the `mcid`-th of a page."""

    page: int
    mcid: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """A link annotation: the `place`-th of a document."""

    place: int


@dataclass(eq=False, slots=True)
class Element:
    """One element, as in `P`, `Table` or `TH`, and what it holds, in reading order."""

    kind: str
    alt: str = ""
    scope: str = ""
    """Of a `TH`: `Row` or `Column`."""
    kids: list[Kid] = field(default_factory=list)

    def child(self, kind: str, *, alt: str = "", scope: str = "") -> Element:
        """A new element at the end of this one."""
        element = Element(kind, alt, scope)
        self.kids.append(element)
        return element


Kid: TypeAlias = Element | Content | Annotation
