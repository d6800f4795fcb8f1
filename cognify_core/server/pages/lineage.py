"""The lineage of a run: a picture, a table of all that stands in it, and the way to other runs with that content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from cognify_core.canonical import Json
from cognify_core.export.document.cells import said
from cognify_core.export.document.graph import node_name
from cognify_core.export.document.sections_config import flat
from cognify_core.export.dossier import Dossier
from cognify_core.model.artifacts import Artifact
from cognify_core.model.digest import Digest
from cognify_core.model.lineage import Node
from cognify_core.server.asking import Asked
from cognify_core.server.graphs import ALL, Graph, graph
from cognify_core.server.pages.rendering import HEADERS, TEMPLATES, page
from cognify_core.server.pages.run import portrait_of, portraits_of
from cognify_core.server.portraits import Portraits
from cognify_core.server.problems import Problem
from cognify_core.server.roles import May
from cognify_core.server.seeing import seen
from cognify_core.server.visiting import visit
from cognify_core.store.mentions import DETAILED, Holders
from cognify_core.store.protocol import RunRow

router = APIRouter(prefix="/w/{workspace_id}/runs/{run_id}", tags=["pages"])
CONTENT = frozenset({"dataset", "base_model", "model", "checkpoint"})
"""The kinds that other runs are looked through for."""
FACTS, SOURCES = 12, 20
"""Of a node, so many are shown."""
Kinds = Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Query(max_length=20)]


@dataclass(frozen=True, slots=True)
class Row:
    """A node, in the table."""

    number: int
    node: Node
    box: int
    facts: tuple[tuple[str, str], ...]
    came_from: tuple[tuple[int, str], ...]
    more: int
    """What else it came from."""
    holders: Holders | None


@router.get("/lineage")
def show_lineage(
    request: Request,
    asked: Annotated[Asked, visit(May.READ)],
    run_id: str,
    portraits: Annotated[Portraits, Depends(portraits_of)],
    unfold: Kinds = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The lineage, drawn and in words."""
    row = asked.room.store.run(run_id)
    portrait, problem = portrait_of(asked, row, portraits)
    seen(asked, run_id, "lineage")
    told = {} if portrait is None else _told(asked, row, portrait.dossier, tuple(dict.fromkeys(unfold)))
    return page(request, "lineage.html", row=row, problem=problem, **{"graph": None, **told})


@router.get("/lineage.svg")
def take_drawing(
    asked: Annotated[Asked, visit(May.READ)],
    run_id: str,
    portraits: Annotated[Portraits, Depends(portraits_of)],
    unfold: Kinds = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The picture alone, as a file that asks nobody for anything."""
    row = asked.room.store.run(run_id)
    portrait, problem = portrait_of(asked, row, portraits)
    if portrait is None:
        raise Problem(422, f"the record of {run_id} does not read: {problem}")
    seen(asked, run_id, "lineage")
    drawn = graph(portrait.dossier.nodes, portrait.dossier.edges, unfold)
    title = f"Lineage of {row.name or ''} {run_id}".replace("  ", " ")
    alone: Any = TEMPLATES.get_template("graph.html").module
    own = {
        "Content-Disposition": f'attachment; filename="{run_id}-lineage.svg"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    data = str(alone.alone(drawn, title)).strip().encode()
    return Response(data, media_type="image/svg+xml", headers={**HEADERS, **own})


def _told(asked: Asked, row: RunRow, dossier: Dossier, unfold: tuple[str, ...]) -> dict[str, Any]:
    drawn = graph(dossier.nodes, dossier.edges, unfold)
    held = _holders(asked, row, dossier.nodes)
    rows = _rows(dossier, drawn, held)
    runs = {each.box: each.holders.count for each in rows if each.holders}
    return {
        "graph": drawn,
        "edges": len(dossier.edges),
        "rows": rows,
        "shared": {box.number: 0 if box.is_group else runs.get(box.number, 0) for box in drawn.boxes},
        "unfolded": ALL in unfold or any(kind in unfold for kind, _ in drawn.kinds),
        "unfold": {kind: _address((*unfold, kind)) for kind in drawn.folded},
        "asked_for": _address(unfold),
        "detailed": DETAILED,
        "more_holders": len(held) > DETAILED,
    }


def _address(unfold: Sequence[str]) -> str:
    query: Any = TEMPLATES.globals["query"]
    return f"?{query([('unfold', kind) for kind in unfold])}" if unfold else ""


def _holders(asked: Asked, row: RunRow, nodes: Sequence[Node]) -> Mapping[Digest, Holders]:
    """The other runs that have what this one has, of which weights and data are told first."""
    digests = [node.hash for node in nodes if node.hash and node.type in CONTENT]
    return asked.room.store.holders(digests, but=row.amends or row.run_id)


def _rows(dossier: Dossier, drawn: Graph, held: Mapping[Digest, Holders]) -> list[Row]:
    place = {node.id: number for number, node in enumerate(dossier.nodes)}
    box = {number: each.number for each in drawn.boxes for number in each.nodes}
    sources: dict[str, list[tuple[int, str]]] = {}
    for edge in dossier.edges:
        if edge.source in place:
            sources.setdefault(edge.target, []).append((place[edge.source], edge.source))
    facts = _facts(dossier)
    rows = []
    for number, node in enumerate(dossier.nodes):
        came_from = sources.get(node.id, [])
        holders = held.get(node.hash) if node.hash and node.type in CONTENT else None
        more = max(0, len(came_from) - SOURCES)
        rows.append(Row(number, node, box[number], facts.get(node.id, ()), tuple(came_from[:SOURCES]), more, holders))
    return rows


def _facts(dossier: Dossier) -> dict[str, tuple[tuple[str, str], ...]]:
    """What is recorded of each node besides its digest: of several events, what the first one says."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for told in dossier.of_kind(Artifact):
        if (name := node_name(dossier, told)) not in found:
            found[name] = tuple(_facts_of(told.body))
    return found


def _facts_of(body: Artifact) -> list[tuple[str, str]]:
    known: dict[str, Json] = {"location": body.location, **body.node_fields(), **body.facts}
    there = flat({key: value for key, value in known.items() if value not in (None, {}, [])})
    return [(name.replace("_", " "), said(value, 160)) for name, value in islice(there, FACTS) if name]
