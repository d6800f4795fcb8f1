"""A lineage as layers from left to right, small enough to be read: what is many of one type is drawn as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cognify_core.model.lineage import Edge, Node

LEGIBLE = 40
"""So many boxes a reader can follow."""
_DEEP, _HIGH = 7, 16
"""So many layers, and boxes one above the other, fit on a page."""
_RANKS = ("code", "environment", "config", "base_model", "dataset", "model", "checkpoint", "evaluation")


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
    edges: tuple[tuple[str, str], ...]
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
    for kind in sorted({node.type for node in nodes}, key=_rank):
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
    return Diagram(_layers(vertices, arrows), arrows, together)


def _vertex(node: Node) -> Vertex:
    detail = f"{node.hash.hex[:12]}…" if node.hash else node.assurance
    return Vertex(f"node {node.id}", node.type, node.id, detail, node.assurance)


def _several(kind: str, count: int) -> Vertex:
    return Vertex(f"more {kind}", kind, f"{count:,} more {kind.replace('_', ' ')}s", "in evidence.json")


def _rank(kind: str) -> tuple[int, str]:
    return (_RANKS.index(kind) if kind in _RANKS else len(_RANKS), kind)


def _layers(vertices: dict[str, Vertex], arrows: Sequence[tuple[str, str]]) -> tuple[tuple[Vertex, ...], ...]:
    """Each vertex right of all that it came from; one that came from nothing stands just left of what it led to."""
    before, after = _neighbours(vertices, arrows)
    depth: dict[str, int] = {}
    for key in vertices:
        _deepen(key, before, depth, set())
    for key in vertices:
        if not before[key] and after[key]:
            depth[key] = max(0, min(depth[target] for target in after[key]) - 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in vertices:
        layers[depth[key]].append(key)
    _untangle(layers, before, after)
    return tuple(tuple(vertices[key] for key in layer) for layer in layers if layer)


def _neighbours(
    keys: Iterable[str], arrows: Sequence[tuple[str, str]]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {key: [] for key in keys}
    after: dict[str, list[str]] = {key: [] for key in before}
    for source, target in arrows:
        before[target].append(source)
        after[source].append(target)
    return before, after


def _deepen(key: str, before: dict[str, list[str]], depth: dict[str, int], above: set[str]) -> int:
    """The longest way to a vertex. Boxes for several can lead back to themselves: such an edge counts for nothing."""
    if key not in depth:
        inner = above | {key}
        depth[key] = max((_deepen(one, before, depth, inner) + 1 for one in before[key] if one not in inner), default=0)
    return depth[key]


def _untangle(layers: list[list[str]], before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
    """Order each layer by where its neighbours stand, to and fro, so that fewer edges cross."""
    place = {key: number for layer in layers for number, key in enumerate(layer)}
    for sweep in range(6):
        beside = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middle = {key: _mean([place[one] for one in beside[key]], place[key]) for key in layer}
            layer.sort(key=lambda key, middle=middle: (middle[key], place[key]))  # type: ignore[misc]
            place.update({key: number for number, key in enumerate(layer)})


def _mean(places: Sequence[int], own: int) -> float:
    return sum(places) / len(places) if places else own


def _by_type(found: Diagram) -> Diagram:
    """A layer for each type: what is left where the chains are too long."""
    vertices = [vertex for layer in found.layers for vertex in layer]
    kinds = sorted({vertex.type for vertex in vertices}, key=_rank)
    layers = tuple(tuple(vertex for vertex in vertices if vertex.type == kind) for kind in kinds)
    return Diagram(layers, found.edges, found.together)
