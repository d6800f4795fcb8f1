"""Layers of a graph, whatever leads where."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cognify_core.export.layers import Arrow, depths, layers, neighbours, rank

KEYS = tuple("abcdefghij")
PAIRS = st.sets(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)).filter(lambda pair: pair[0] != pair[1]))


def forward(pairs: set[Arrow]) -> list[Arrow]:
    """The same as a graph without a way back."""
    return sorted({(min(pair), max(pair)) for pair in pairs})


@given(PAIRS)
def test_each_stands_right_of_all_that_it_came_from(pairs: set[Arrow]) -> None:
    arrows = forward(pairs)
    place = {key: number for number, layer in enumerate(layers(KEYS, arrows)) for key in layer}
    assert place.keys() == set(KEYS)
    assert all(place[source] < place[target] for source, target in arrows)


@given(PAIRS)
def test_what_leads_back_to_itself_has_a_place_too(pairs: set[Arrow]) -> None:
    found = layers(KEYS, sorted(pairs))
    assert sorted(key for layer in found for key in layer) == sorted(KEYS)
    assert all(found)


@given(PAIRS, st.permutations(KEYS))
def test_depths_are_the_longest_ways_as_a_recursion_finds_them(pairs: set[Arrow], keys: list[str]) -> None:
    before, after = neighbours(keys, sorted(pairs))
    known: dict[str, int] = {}

    def deepen(key: str, above: frozenset[str]) -> int:
        if key not in known:
            inner = above | {key}
            known[key] = max((deepen(one, inner) + 1 for one in before[key] if one not in inner), default=0)
        return known[key]

    for key in keys:
        deepen(key, frozenset())
    assert {key: depth for key, depth in depths(before, after).items() if before[key] or not after[key]} == {
        key: depth for key, depth in known.items() if before[key] or not after[key]
    }


def test_what_came_from_nothing_stands_just_left_of_what_it_led_to() -> None:
    arrows = [("rows", "step"), ("step", "result"), ("code", "result")]
    assert layers(("code", "rows", "step", "result"), arrows) == [["rows"], ["code", "step"], ["result"]]


def test_a_long_chain_is_no_matter() -> None:
    keys = tuple(map(str, range(5000)))
    assert layers(keys, list(pairwise(keys))) == [[key] for key in keys]


def test_nothing_has_no_layers() -> None:
    assert layers((), []) == []


def test_what_is_used_comes_before_what_is_produced_and_strange_kinds_last() -> None:
    assert sorted(("strange", "evaluation", "dataset", "code"), key=rank) == [
        "code",
        "dataset",
        "evaluation",
        "strange",
    ]
