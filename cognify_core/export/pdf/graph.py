"""A lineage as layers from left to right, small enough to be read: what is many of one type is drawn as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cognify_core.export.layers import Arrow, layers, rank
from cognify_core.model.lineage import Edge, Node

LEGIBLE = 40
"""So many boxes a reader can follow."""
_DEEP, _HIGH = 7, 16
"""So many layers, and boxes one above the other, fit on a page."""


@dataclass(frozen=True, slots=True)
class Vertex:
    """A box of the diagram: one node, or several of a type."""

    key: str
    type: str
    title: str
    detail: str
    assurance: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """The layers, each from top to bottom, and the edges between their vertices, by key."""

    layers: tuple[tuple[Vertex, ...], ...]
    edges: tuple[Arrow, ...]
    together: int
    """How many nodes are drawn as part of a box for several."""


def diagram(nodes: Sequence[Node], edges: Sequence[Edge]) -> Diagram:
    """The most detailed diagram that is legible."""
    found = _drawn(nodes, edges, len(nodes) if len(nodes) <= LEGIBLE else 12)
    for most in (8, 6, 4, 3, 2):
        if _fits(found):
            return found
        found = _drawn(nodes, edges, most)
    return found if _fits(found) else _by_type(found)


def spoken(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """The lineage in words, for those who do not see the diagram."""
    counts = ", ".join(
        f"{count:,} × {kind.replace('_', ' ')}" for kind, count in Counter(n.type for n in nodes).items()
    )
    told = "; ".join(f"{edge.source} leads to {edge.target}" for edge in edges[:LEGIBLE])
    more = f"; and {len(edges) - LEGIBLE:,} further edges, listed in evidence.json" if len(edges) > LEGIBLE else ""
    return f"Lineage of {len(nodes):,} nodes ({counts}) and {len(edges):,} edges. {told}{more}."


def _fits(found: Diagram) -> bool:
    count, highest = sum(map(len, found.layers)), max(map(len, found.layers), default=0)
    return count <= LEGIBLE and highest <= _HIGH and len(found.layers) <= _DEEP


def _drawn(nodes: Sequence[Node], edges: Sequence[Edge], most: int) -> Diagram:
    """The diagram in which at most so many nodes of a type have a box of their own: the first and the last."""
    vertices: dict[str, Vertex] = {}
    key_of: dict[str, str] = {}
    together = 0
    for kind in sorted({node.type for node in nodes}, key=rank):
        alike = [node for node in nodes if node.type == kind]
        many = alike[most // 2 : len(alike) - (most - most // 2)] if len(alike) > most + 1 else []
        hidden = {node.id for node in many}
        for node in alike:
            key_of[node.id] = f"more {kind}" if node.id in hidden else f"node {node.id}"
            vertices.setdefault(key_of[node.id], _vertex(node) if node.id not in hidden else _several(kind, len(many)))
        together += len(many)
    pairs = {
        (key_of[edge.source], key_of[edge.target]) for edge in edges if {edge.source, edge.target} <= key_of.keys()
    }
    arrows = tuple(sorted(pair for pair in pairs if pair[0] != pair[1]))
    return Diagram(_placed(vertices, arrows), arrows, together)


def _vertex(node: Node) -> Vertex:
    detail = f"{node.hash.hex[:12]}…" if node.hash else node.assurance
    return Vertex(f"node {node.id}", node.type, node.id, detail, node.assurance)


def _several(kind: str, count: int) -> Vertex:
    return Vertex(f"more {kind}", kind, f"{count:,} more {kind.replace('_', ' ')}s", "in evidence.json")


def _placed(vertices: dict[str, Vertex], arrows: Sequence[Arrow]) -> tuple[tuple[Vertex, ...], ...]:
    return tuple(tuple(vertices[key] for key in layer) for layer in layers(tuple(vertices), arrows))


def _by_type(found: Diagram) -> Diagram:
    """A layer for each type: what is left where the chains are too long."""
    vertices = [vertex for layer in found.layers for vertex in layer]
    kinds = sorted({vertex.type for vertex in vertices}, key=rank)
    of_kinds = tuple(tuple(vertex for vertex in vertices if vertex.type == kind) for kind in kinds)
    return Diagram(of_kinds, found.edges, found.together)
