"""A template's rows as tables: an overview of all, then what is known of each, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cognify_core.export.document.blocks import Bullets, Cell, Coverage, Facts, Prose, RowStatus, Section, Table
from cognify_core.export.document.cells import CITED, bullets, cut, mono, plain, table
from cognify_core.export.dossier import Dossier
from cognify_core.export.templates.points import Point
from cognify_core.export.templates.template import Answer

MEANINGS = (
    "RECORDED: captured by the record, wholly or in part; what is missing beside it is listed.",
    "ATTESTED: stated by a person, with name, role and date.",
    "NOT APPLICABLE: for a reason that a person gives.",
    "GAP: not answered yet; an owner is named.",
)
SAID = 12
"""Sentences that one row prints."""


def answer_all(dossier: Dossier, points: Iterable[Point]) -> tuple[Answer, ...]:
    """The answers to all points, in their order."""
    return tuple(point.answer(dossier, point) for point in points)


def coverage(answers: Iterable[Answer]) -> Coverage:
    """How many rows are answered how."""
    counted = Counter(answer.status for answer in answers)
    return Coverage({status: counted[status] for status in RowStatus})


def overview(dossier: Dossier, points: Sequence[Point], answers: Sequence[Answer]) -> Table:
    """One line for each row."""
    columns = (("Point", 2.4), ("Asked for", 3.6), ("Status", 1.4), ("Source", 1.4), ("Owner of what is missing", 1.6))
    rows = [
        (
            mono(_label(point)),
            plain(point.title),
            Cell(answer.status.value, status=answer.status),
            plain(answer.source),
            plain(answer.owner or "nothing is missing"),
        )
        for point, answer in zip(points, answers, strict=True)
    ]
    return table(dossier, columns, rows)


def meanings() -> Bullets:
    """What the four words mean."""
    return bullets(Prose(text) for text in MEANINGS)


def details(points: Sequence[Point], answers: Sequence[Answer]) -> tuple[Section, ...]:
    """Each row by itself."""
    return tuple(_detail(point, answer) for point, answer in zip(points, answers, strict=True))


def open_rows(dossier: Dossier, points: Sequence[Point], answers: Sequence[Answer]) -> tuple[Prose | Table, ...]:
    """Who has something to supply, and for which rows; nothing where nothing is missing."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for point, answer in zip(points, answers, strict=True):
        if answer.missing:
            open_ones, partial = found.setdefault(answer.owner, ([], []))
            (open_ones if answer.status is RowStatus.GAP else partial).append(_label(point))
    if not found:
        return ()
    rows = [
        (plain(whose), mono(", ".join(open_ones) or "none"), mono(", ".join(partial) or "none"))
        for whose, (open_ones, partial) in found.items()
    ]
    lead = Prose("Rows of the template in which something is missing, by owner; what it is stands with each row.")
    return lead, table(dossier, (("Owner", 1.6), ("Not answered", 3.4), ("Answered in part", 3.4)), rows)


def _detail(point: Point, answer: Answer) -> Section:
    rows = [
        ("Asked for", plain(point.asks)),
        ("Status", Cell(f"{answer.status.value}; source: {answer.source}", status=answer.status)),
        *(("Known", _known(answer, place)) for place in range(min(len(answer.says), SAID))),
        *(("Missing", Cell(cut(text), status=RowStatus.GAP)) for text in answer.missing),
        *((("Owner", plain(answer.owner)),) if answer.owner else ()),
    ]
    left = len(answer.says) - SAID
    more = (Prose(f"{left} further statements stand in evidence.json."),) if left > 0 else ()
    return Section(f"{_label(point)} {point.title}", (Facts(tuple(rows)), *more), level=2)


def _known(answer: Answer, place: int) -> Cell:
    last = place == min(len(answer.says), SAID) - 1
    return Cell(cut(answer.says[place], 2000), evidence=answer.evidence[:CITED] if last else ())


def _label(point: Point) -> str:
    kind = {"required": " (R)", "addressable": " (A)"}.get(point.kind, "")
    return f"{point.ref}{kind}"
