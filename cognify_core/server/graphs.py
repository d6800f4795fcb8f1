"""A lineage as a drawing: which boxes there are, where they stand, what leads where. Colours are the style sheet's.

Of a large lineage, nodes that stand alike are one box: of one kind, in one layer, with the same kinds of nodes before
and behind them. Whoever looks can unfold a kind. Long chains, which would be one layer a node, are folded by kind.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cognify_core.export.document.cells import count, figure
from cognify_core.export.layers import Arrow, Neighbours, depths, layers, neighbours, rank
from cognify_core.model.lineage import Edge, Node
from cognify_core.model.numbers import plain_number

LEGIBLE = 60
"""So many nodes are drawn one by one."""
ALIKE = 6
"""So many that stand alike are one box."""
DEEP = 24
"""So many layers a reader can follow."""
ALL = "all"
"""The kind that stands for every kind."""
WIDTH, HEIGHT = 188, 50
_BESIDE, _BETWEEN, _BELOW, _MARGIN = 18, 84, 16, 16
_SHAPE = 1.6
"""How much wider than high a drawing is to be."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the drawing: a node, or several that stand alike."""

    number: int
    kind: str
    nodes: tuple[int, ...]
    """Their places in the lineage."""
    title: str
    detail: str
    seen: bool
    """The content was seen, and hashed; else the frame is dashed."""
    x: int = 0
    y: int = 0

    @property
    def is_group(self) -> bool:
        """Whether it stands for several."""
        return len(self.nodes) > 1


@dataclass(frozen=True, slots=True)
class Line:
    """An edge between two boxes."""

    source: int
    target: int
    path: str
    """Of an SVG `path`."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawing of a lineage."""

    boxes: tuple[Box, ...]
    """From left to right, and from top to bottom."""
    lines: tuple[Line, ...]
    width: int
    height: int
    kinds: tuple[tuple[str, int], ...]
    """The kinds of nodes, and how many there are of each."""
    folded: tuple[str, ...]
    """The kinds of which some are folded."""

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return sum(number for _, number in self.kinds)


def graph(nodes: Sequence[Node], edges: Sequence[Edge], unfolded: Collection[str] = ()) -> Graph:
    """Draw a lineage; the nodes of `unfolded` kinds each have a box of their own."""
    keys = _folded(nodes, edges, unfolded)
    held: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        held.setdefault(keys[node.id], []).append(place)
    arrows = tuple(dict.fromkeys((keys[a], keys[b]) for a, b in _known(nodes, edges) if keys[a] != keys[b]))
    columns = layers(tuple(held), arrows)
    corners, width, height = _corners(columns)
    order = {key: number for number, key in enumerate(key for column in columns for key in column)}
    boxes = tuple(_box(order[key], [nodes[place] for place in held[key]], held[key], corners[key]) for key in order)
    lines = tuple(Line(order[a], order[b], _path(corners[a], corners[b])) for a, b in arrows)
    counts = Counter(node.type for node in nodes)
    kinds = tuple((kind, counts[kind]) for kind in sorted(counts, key=rank))
    folded = {box.kind for box in boxes if box.is_group}
    return Graph(boxes, lines, width, height, kinds, tuple(kind for kind, _ in kinds if kind in folded))


def _known(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Arrow]:
    """The edges whose two ends are there: those of an addendum may lead to the run that it amends."""
    there = {node.id for node in nodes}
    return ((edge.source, edge.target) for edge in edges if edge.source in there and edge.target in there)


def _folded(nodes: Sequence[Node], edges: Sequence[Edge], unfolded: Collection[str]) -> dict[str, str]:
    """The key of the box of each node, by the node's id."""
    alone = {node.id: f"node {node.id}" for node in nodes}
    if len(nodes) <= LEGIBLE or ALL in unfolded:
        return alone
    before, after = neighbours(alone, list(_known(nodes, edges)))
    depth = depths(before, after)
    kind_of = {node.id: node.type for node in nodes}
    by_place = {key: f"{depth[key]} {kind_of[key]} {_around(key, before, after, kind_of)}" for key in alone}
    found = _together(alone, by_place, kind_of, unfolded)
    if len({depth[key] for key in alone}) <= DEEP:
        return found
    return _together(alone, kind_of, kind_of, unfolded)


def _around(key: str, before: Neighbours, after: Neighbours, kind_of: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The kinds of what is just before and behind a node."""
    return sorted({kind_of[one] for one in before[key]}), sorted({kind_of[one] for one in after[key]})


def _together(
    alone: Mapping[str, str], alike: Mapping[str, str], kind_of: Mapping[str, str], unfolded: Collection[str]
) -> dict[str, str]:
    """Those that are alike share a key, where they are many and their kind is not unfolded."""
    many = {group for group, number in Counter(alike.values()).items() if number >= ALIKE}
    return {
        key: f"many {alike[key]}" if alike[key] in many and kind_of[key] not in unfolded else own
        for key, own in alone.items()
    }


def _corners(columns: Sequence[Sequence[str]]) -> tuple[dict[str, tuple[int, int]], int, int]:
    """The upper left corner of each box, and the size of the whole. A layer of very many stands in several columns."""
    total = sum(map(len, columns))
    high = max(12, math.ceil(math.sqrt(total * (WIDTH + _BETWEEN) / (HEIGHT + _BELOW) / _SHAPE)))
    tallest = min(high, max(map(len, columns), default=0))
    height = tallest * (HEIGHT + _BELOW) - _BELOW + 2 * _MARGIN
    corners, x = {}, _MARGIN
    for column in columns:
        rows = math.ceil(len(column) / math.ceil(len(column) / high))
        top = (height - rows * (HEIGHT + _BELOW) + _BELOW) // 2
        for number, key in enumerate(column):
            beside, below = divmod(number, rows)
            corners[key] = x + beside * (WIDTH + _BESIDE), top + below * (HEIGHT + _BELOW)
        x += math.ceil(len(column) / rows) * (WIDTH + _BESIDE) - _BESIDE + _BETWEEN
    return corners, max(x - _BETWEEN, _MARGIN) + _MARGIN, max(height, 2 * _MARGIN)


def _path(source: tuple[int, int], target: tuple[int, int]) -> str:
    """From the right side of a box to the left side of another, which may stand left of it where chains are folded."""
    x, y = source[0] + WIDTH, source[1] + HEIGHT // 2
    to_x, to_y = target[0], target[1] + HEIGHT // 2
    bend = max(_BETWEEN // 2, abs(to_x - x) // 2)
    return f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x - 3} {to_y}"


def _box(number: int, nodes: Sequence[Node], places: Sequence[int], corner: tuple[int, int]) -> Box:
    first = nodes[0]
    if len(nodes) == 1:
        seen = first.assurance in ("content", "sampled")
        return Box(number, first.type, tuple(places), first.id, _detail(first), seen, *corner)
    title = count(len(nodes), words(first.type))
    seen = all(node.assurance in ("content", "sampled") for node in nodes)
    return Box(number, first.type, tuple(places), title, _span(nodes), seen, *corner)


def words(kind: str) -> str:
    """A kind of nodes, as people write it."""
    return kind.replace("_", " ")


def _detail(node: Node) -> str:
    """What tells a node apart."""
    if node.assurance == "unresolved":
        return "unresolved"
    if isinstance(results := node.fields.get("results"), dict):
        for name, value in results.items():
            return f"{name} {figure(plain_number(value))}"
    if isinstance(records := node.fields.get("record_count"), int):
        return count(records, "record")
    if isinstance(step := node.fields.get("step"), int):
        return f"step {step:,}"
    return node.hash.hex[:12] if node.hash else node.assurance


def _span(nodes: Sequence[Node]) -> str:
    """From which step to which several nodes are, where they have steps."""
    steps = [step for node in nodes if isinstance(step := node.fields.get("step"), int)]
    return f"steps {min(steps):,} to {max(steps):,}" if steps else "folded"
