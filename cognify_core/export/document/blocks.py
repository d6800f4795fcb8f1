"""What documents are made of. Every string is plain text, whoever wrote it: never markup, formula or path to read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cognify_core.export.evidence import Evidence


class RowStatus(StrEnum):
    """How a point of a template is answered."""

    RECORDED = "RECORDED"
    """By the record, with hashes."""
    ATTESTED = "ATTESTED"
    """By a named person, with role and date."""
    NOT_APPLICABLE = "NOT APPLICABLE"
    """For a reason that is given."""
    GAP = "GAP"
    """By nobody yet; an owner is named."""


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph, and what it rests on."""

    text: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short texts."""

    items: tuple[Prose, ...]


@dataclass(frozen=True, slots=True)
class Callout:
    """A paragraph that stands out: `info`, `warning`, or `alarm`."""

    text: str
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text in monospace whose lines stay as they are: commands, PEM."""

    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell: its text, set in monospace where it is a hash or a name, and what it rests on."""

    text: str
    mono: bool = False
    status: RowStatus | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `width` is relative to the others."""

    title: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, which are repeated on each page. `more` says what was left out, and where it stands."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a heading and what it says."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class LineageFigure:
    """The dossier's lineage as a diagram, with a text for those who do not see it."""

    caption: str


@dataclass(frozen=True, slots=True)
class CurvesFigure:
    """Metrics over steps, one panel for each name."""

    metrics: tuple[str, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class SignOff:
    """Boxes to sign in: what each signature means."""

    meanings: tuple[str, ...]


Block: TypeAlias = Prose | Bullets | Callout | Verbatim | Table | Facts | LineageFigure | CurvesFigure | SignOff


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it; `level` 1 is a chapter."""

    heading: str
    blocks: tuple[Block, ...]
    level: int = 1
    new_page: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many rows of a template are answered how: the bar on the cover."""

    rows: dict[RowStatus, int]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Composed:
    """A whole document, in reading order. `banner` stands on every page where something is wrong with the seal."""

    title: str
    subtitle: str
    cover: tuple[tuple[str, Cell], ...]
    sections: tuple[Section, ...]
    footer: str
    """Template and version, law version."""
    first_page: tuple[Block, ...] = ()
    """Notices that must stand on page one."""
    coverage: Coverage | None = None
    banner: str | None = None
