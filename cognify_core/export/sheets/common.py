"""What the sheets of a run have in common: the columns that say who says something, and where it is written."""

from __future__ import annotations

from cognify_core.canonical import Json
from cognify_core.export.criteria import actor_of, criteria_in, status_of, when_of
from cognify_core.export.dossier import Dossier, Told
from cognify_core.export.sheets.sheet import Column
from cognify_core.export.sheets.values import Value
from cognify_core.model.events import Artifact, Body
from cognify_core.model.plain import readable, text_of

DIGEST = Column("digest", 71, mono=True)
ID = Column("id", 44, mono=True)
TOLD = (
    Column("recorded at (UTC)", 30, mono=True),
    Column("actor", 40),
    Column("status"),
    Column("criteria (SOC 2)", 32),
    Column("JSON pointer", 40, mono=True),
)
"""The columns in which every sheet of recorded things ends."""


def told_cells(dossier: Dossier, told: Told[Body]) -> tuple[Value, ...]:
    """The cells of `TOLD`."""
    return (
        when_of(told),
        actor_of(dossier, told),
        status_of(dossier, told),
        "; ".join(criteria_in(told.body)),
        told.evidence.pointer,
    )


def digest_cell(body: Artifact) -> str:
    """The digest in full, or why there is none."""
    return str(body.hash) if body.hash is not None else f"none: {body.reason or 'declared without one'}"


def one_line(value: Json) -> Value:
    """A recorded fact as a cell: numbers as numbers, texts as they are, the rest as JSON."""
    try:
        shown = readable(value)
    except ValueError:  # its tags are wrong; it stands as it was recorded
        shown = value
    return shown if isinstance(shown, bool | int | float | str) else text_of(shown)


def facts_cell(facts: dict[str, Json]) -> Value:
    """A map of facts in one cell; empty where there are none."""
    return one_line(facts) if facts else None
