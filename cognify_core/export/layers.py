"""A graph of what came from what, as layers from left to right: the same on paper and on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

Arrow: TypeAlias = tuple[str, str]
"""From what something came, and what came from it."""
Neighbours: TypeAlias = dict[str, list[str]]
_SWEEPS = 6
_RANKS = ("code", "environment", "config", "base_model", "dataset", "model", "checkpoint", "evaluation")


def rank(kind: str) -> tuple[int, str]:
    """By what kinds of nodes are ordered: what is used before what is produced, those that nobody knows last."""
    return (_RANKS.index(kind) if kind in _RANKS else len(_RANKS), kind)


def neighbours(keys: Iterable[str], arrows: Iterable[Arrow]) -> tuple[Neighbours, Neighbours]:
    """What each came from, and what came from each."""
    before: Neighbours = {key: [] for key in keys}
    after: Neighbours = {key: [] for key in before}
    for source, target in arrows:
        before[target].append(source)
        after[source].append(target)
    return before, after


def layers(keys: Sequence[str], arrows: Sequence[Arrow]) -> list[list[str]]:
    """Each key right of all that it came from; one that came from nothing stands just left of what it led to.

    Within a layer they are ordered so that few arrows cross. No layer is empty.
    """
    before, after = neighbours(keys, arrows)
    depth = depths(before, after)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in before:
        found[depth[key]].append(key)
    _untangle(found, before, after)
    return [layer for layer in found if layer]


def depths(before: Neighbours, after: Neighbours) -> dict[str, int]:
    """In which layer each key stands, counted from the left."""
    depth: dict[str, int] = {}
    for key in before:
        _deepen(key, before, depth)
    for key in before:
        if not before[key] and after[key]:
            depth[key] = max(0, min(depth[target] for target in after[key]) - 1)
    return depth


def _deepen(key: str, before: Neighbours, depth: dict[str, int]) -> None:
    """The longest way to a key, and to all on it. Where a way leads back into itself, that arrow counts for nothing."""
    way: dict[str, tuple[Iterator[str], list[int]]] = {} if key in depth else {key: (iter(before[key]), [0])}
    while way:
        last = next(reversed(way))
        rest, longest = way[last]
        for one in rest:
            if one in depth:
                longest.append(depth[one] + 1)
            elif one not in way:
                way[one] = iter(before[one]), [0]
                break
        else:
            depth[last] = max(longest)
            del way[last]
            if way:
                way[next(reversed(way))][1].append(depth[last] + 1)


def _untangle(found: list[list[str]], before: Neighbours, after: Neighbours) -> None:
    """Order each layer by where its neighbours stand, to and fro, so that fewer arrows cross."""
    place = {key: number for layer in found for number, key in enumerate(layer)}
    for sweep in range(_SWEEPS):
        beside = before if sweep % 2 == 0 else after
        for layer in found if sweep % 2 == 0 else reversed(found):
            middle = {key: _mean([place[one] for one in beside[key]], place[key]) for key in layer}
            layer.sort(key=lambda key, middle=middle: (middle[key], place[key]))  # type: ignore[misc]
            place.update({key: number for number, key in enumerate(layer)})


def _mean(places: Sequence[int], own: int) -> float:
    return sum(places) / len(places) if places else own
