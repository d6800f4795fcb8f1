"""The drawing of a lineage: which boxes there are, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

import pytest

from cognify_core.model.digest import Digest
from cognify_core.model.lineage import Edge, Node
from cognify_core.server.graphs import HEIGHT, WIDTH, Graph, graph

TIME = "2025-09-12T15:00:00Z"


def node(kind: str, name: str, assurance: Literal["content", "unresolved"] = "content", **fields: object) -> Node:
    digest = Digest.of(name.encode()) if assurance == "content" else None
    return Node(kind, name, digest, TIME, assurance, None if digest else "gone", fields)


def training(steps: int) -> tuple[list[Node], list[Edge]]:
    """A dataset, a configuration, so many checkpoints with an evaluation each, and the final weights."""
    nodes = [node("dataset", "rows", record_count=142_000), node("config", "cfg")]
    nodes += [node("checkpoint", f"ckpt_{step}", step=step) for step in range(steps)]
    nodes += [node("evaluation", f"eval_{step}", results={"loss": 0.5}) for step in range(steps)]
    nodes.append(node("model", "final"))
    edges = [Edge(source, f"ckpt_{step}") for step in range(steps) for source in ("rows", "cfg")]
    edges += [Edge(f"ckpt_{step}", f"eval_{step}") for step in range(steps)]
    return nodes, [*edges, Edge(f"ckpt_{steps - 1}", "final")]


def chain(steps: int) -> tuple[list[Node], list[Edge]]:
    """Checkpoints, each made from the one before."""
    names = [f"ckpt_{step}" for step in range(steps)]
    return [node("checkpoint", name) for name in names], [Edge(a, b) for a, b in pairwise(names)]


def far_apart(places: Iterable[int], least: int) -> bool:
    """Whether no two of them are nearer than that."""
    return all(b - a >= least for a, b in pairwise(sorted(places)))


def titles(drawn: Graph) -> list[str]:
    return [box.title for box in drawn.boxes]


def test_a_small_lineage_is_drawn_node_by_node_from_left_to_right() -> None:
    drawn = graph(*training(2))
    assert sorted(titles(drawn)) == ["cfg", "ckpt_0", "ckpt_1", "eval_0", "eval_1", "final", "rows"]
    assert (drawn.folded, drawn.nodes) == ((), 7)
    assert all(drawn.boxes[line.source].x < drawn.boxes[line.target].x for line in drawn.lines)
    assert {box.title: box.detail for box in drawn.boxes}["rows"] == "142,000 records"
    assert {box.detail for box in drawn.boxes if box.kind == "evaluation"} == {"loss 0.5"}


def test_what_stands_alike_is_one_box_and_what_became_the_model_stands_alone() -> None:
    drawn = graph(*training(138))
    assert sorted(titles(drawn)) == ["137 checkpoints", "138 evaluations", "cfg", "ckpt_137", "final", "rows"]
    assert drawn.folded == ("checkpoint", "evaluation")
    (group,) = (box for box in drawn.boxes if box.title == "137 checkpoints")
    assert (group.is_group, len(group.nodes), group.detail) == (True, 137, "steps 0 to 136")
    assert sum(len(box.nodes) for box in drawn.boxes) == drawn.nodes == 279


def test_a_kind_is_unfolded_alone_or_with_all_others() -> None:
    nodes, edges = training(138)
    assert len(graph(nodes, edges, ["checkpoint"]).boxes) == 142
    assert len(graph(nodes, edges, ["all"]).boxes) == 279
    assert titles(graph(nodes, edges, ["nothing of that kind"])) == titles(graph(nodes, edges))


@pytest.mark.parametrize("unfolded", [(), ("all",)])
@pytest.mark.parametrize("steps", [3, 40, 1000])
def test_no_box_covers_another_and_all_stand_within_the_picture(steps: int, unfolded: Sequence[str]) -> None:
    drawn = graph(*training(steps), unfolded)
    columns: dict[int, list[int]] = {}
    for box in drawn.boxes:
        columns.setdefault(box.x, []).append(box.y)
    assert far_apart(columns, WIDTH)
    assert all(far_apart(column, HEIGHT) for column in columns.values())
    assert all(0 < box.x <= drawn.width - WIDTH and 0 < box.y <= drawn.height - HEIGHT for box in drawn.boxes)
    if len(drawn.boxes) > 100:
        assert 1 < drawn.width / drawn.height < 3


def test_a_long_chain_is_folded_by_kind() -> None:
    assert titles(graph(*chain(500))) == ["500 checkpoints"]
    assert len(graph(*chain(500), ["all"]).boxes) == 500


def test_an_edge_to_what_is_not_there_is_left_out() -> None:
    assert graph([node("dataset", "rows")], [Edge("another_run/x", "rows")]).lines == ()


def test_nothing_is_an_empty_picture() -> None:
    assert graph([], []).boxes == ()


def test_what_was_not_seen_says_so() -> None:
    (box,) = graph([node("base_model", "base", "unresolved")], []).boxes
    assert (box.seen, box.detail) == (False, "unresolved")
