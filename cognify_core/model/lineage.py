"""The lineage: a directed acyclic graph of nodes and edges, folded from a record's events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from itertools import starmap
from typing import NamedTuple

from cognify_core.canonical import Json, encode
from cognify_core.errors import FormatError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, Assurance, Event, Link, RunClosed, RunOpened
from cognify_core.model.names import whole_seconds


@dataclass(frozen=True, slots=True)
class Node:
    """Something with content that the run read or wrote."""

    type: str
    id: str
    hash: Digest | None
    timestamp: str
    assurance: Assurance
    reason: str | None = None
    fields: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The node as the lineage JSON holds it."""
        node: dict[str, Json] = {
            "type": self.type,
            "id": self.id,
            "hash": None if self.hash is None else str(self.hash),
            "timestamp": self.timestamp,
            "assurance": self.assurance,
        }
        return node | ({} if self.reason is None else {"reason": self.reason}) | self.fields


class Edge(NamedTuple):
    """`target` came from `source`; both are node ids. A tuple: a long run has a million of them."""

    source: str
    target: str

    def to_json(self) -> dict[str, Json]:
        """The edge as the lineage JSON holds it."""
        return {"from": self.source, "to": self.target}


@dataclass(frozen=True, slots=True)
class Lineage:
    """Nodes in the order in which the record names them, and their edges, sorted. Always acyclic."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        place = {node.id: number for number, node in enumerate(self.nodes)}
        if all(place.get(edge.source, -1) < place.get(edge.target, -1) for edge in self.edges):
            return  # each node comes after all that it came from
        graph = TopologicalSorter[str]({node.id: () for node in self.nodes})
        for edge in self.edges:
            graph.add(edge.target, edge.source)
        try:
            graph.prepare()
        except CycleError as error:
            raise FormatError(f"not a lineage: a cycle through {' → '.join(error.args[1])}") from error

    def document(self, run_id: str, status: str, sealed_at: str) -> dict[str, Json]:
        """Exactly the five keys whose canonical form the seal signs as the subject `lineage`."""
        return {
            "run_id": run_id,
            "status": status,
            "sealed_at": sealed_at,
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
        }

    def digest(self, run_id: str, status: str, sealed_at: str) -> Digest:
        """SHA-256 over the canonical form of `document`."""
        return Digest.of(encode(self.document(run_id, status, sealed_at)))


def fold(events: Iterable[Event], *, still_open: bool = False) -> Lineage:
    """Fold a record's events into its lineage.

    Of a record that is `still_open`, edges to what is yet to come are left out; of one that says that it is not
    complete, edges to what was never recorded, because the process that was hashing it died.

    Two artifacts that want one id and have one hash are one node; with different hashes the later gets a suffix, four
    hex digits of its hash (more where those clash too).

    An edge between two artifacts that became one node is none.

    Raises:
        FormatError: a ref stands twice, an input names nothing, or the graph has a cycle.
    """
    recorded = list(events)
    bodies = [event.body for event in recorded]
    amended = next((body.amends.run_id for body in bodies if isinstance(body, RunOpened) and body.amends), None)
    still_open = still_open or any(isinstance(body, RunClosed) and not body.complete for body in bodies)
    nodes, ids = _nodes(recorded)
    pairs = [(body.source, body.target) for body in bodies if isinstance(body, Link)]
    pairs += [(source, body.ref) for body in bodies if isinstance(body, Artifact) for source in body.inputs]
    if still_open:
        pairs = [pair for pair in pairs if all(end in ids or end.startswith("@") for end in pair)]
    ends = {(_end(source, ids, amended), _end(target, ids, amended)) for source, target in pairs}
    edges = tuple(starmap(Edge, sorted(pair for pair in ends if pair[0] != pair[1])))
    return Lineage(tuple(nodes.values()), edges)


def node_ids(events: Iterable[Event]) -> dict[str, str]:
    """The id of the node that each artifact of a record became, by its ref.

    Raises:
        FormatError: as `fold`.
    """
    return _nodes(events)[1]


def _nodes(events: Iterable[Event]) -> tuple[dict[str, Node], dict[str, str]]:
    nodes: dict[str, Node] = {}
    ids: dict[str, str] = {}
    for event in events:
        if not isinstance(artifact := event.body, Artifact):
            continue
        if artifact.ref in ids:
            raise FormatError(f"not a lineage: two artifacts have the ref {artifact.ref!r}")
        node = _node(artifact, nodes)
        nodes.setdefault(node.id, node)
        ids[artifact.ref] = node.id
    return nodes, ids


def _node(artifact: Artifact, taken: dict[str, Node]) -> Node:
    def wanted(node_id: str) -> Node:
        return Node(
            artifact.node_type,
            node_id,
            artifact.hash,
            whole_seconds(artifact.at),
            artifact.assurance,
            artifact.reason,
            artifact.node_fields(),
        )

    mark = artifact.hash.hex if artifact.hash else sha256(artifact.ref.encode()).hexdigest()
    for node_id in (artifact.id, *(f"{artifact.id}-{mark[:length]}" for length in range(4, 65, 4))):
        other = taken.get(node_id)
        if other is None or (artifact.hash and other.hash == artifact.hash and other.type == artifact.node_type):
            return wanted(node_id)
    raise FormatError(f"not a lineage: no free id for {artifact.ref!r}")


def _end(ref: str, ids: dict[str, str], amended: str | None) -> str:
    if ref in ids:
        return ids[ref]
    if ref.startswith("@") and amended:
        return f"{amended}/{ref[1:]}"
    raise FormatError(f"not a lineage: an edge names {ref!r}, which the record does not hold")
