from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash, root_hash
from cognify_core.merkle_nodes import (
    Node,
    completed_nodes,
    consistency_ranges,
    inclusion_ranges,
    joined,
    needed,
    peaks,
    proof,
)

SIZES = st.integers(1, 70)


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(bytes([number])) for number in range(size)]


def grown(size: int) -> dict[Node, bytes]:
    """Every node of a tree that was grown leaf by leaf."""
    kept: dict[Node, bytes] = {}
    for position, leaf in enumerate(leaves(size)):
        before = [kept[node] for node in peaks(position)]
        for level, node in enumerate(completed_nodes(leaf, position, before)):
            assert kept.setdefault((level, position >> level), node) == node
    return kept


@given(SIZES)
def test_a_tree_keeps_fewer_than_two_nodes_for_each_leaf(size: int) -> None:
    assert len(grown(size)) == 2 * size - size.bit_count()


@given(SIZES)
def test_the_peaks_join_to_the_root(size: int) -> None:
    kept = grown(size)
    frontier = Frontier()
    for leaf in leaves(size):
        frontier.append(leaf)
    assert joined([kept[node] for node in peaks(size)]) == frontier.root()


def test_no_leaves_join_to_the_empty_root() -> None:
    assert joined([]) == root_hash([])


@given(SIZES, st.data())
def test_inclusion_proofs_are_those_of_the_whole_tree_at_any_earlier_size(size: int, data: st.DataObject) -> None:
    kept = grown(size)
    earlier = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, earlier - 1))
    assert proof(inclusion_ranges(index, earlier), kept) == inclusion_proof(leaves(earlier), index)


@given(SIZES, st.data())
def test_consistency_proofs_are_those_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    kept = grown(size)
    new = data.draw(st.integers(1, size))
    old = data.draw(st.integers(1, new))
    assert proof(consistency_ranges(old, new), kept) == consistency_proof(leaves(new), old)


@given(st.integers(1, 10**7), st.data())
def test_a_proof_reads_few_nodes_of_a_large_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert len(needed(inclusion_ranges(index, size))) <= 2 * size.bit_length()


@given(SIZES)
def test_the_proof_of_the_last_leaf_is_the_peaks_before_it(size: int) -> None:
    kept = grown(size)
    before = [kept[node] for node in peaks(size - 1)]
    assert proof(inclusion_ranges(size - 1, size), kept) == before[::-1]


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(IndexError, match="of a tree of"):
        inclusion_ranges(index, size)


@pytest.mark.parametrize(("old", "size"), [(0, 1), (2, 1)])
def test_no_proof_leads_from_nothing_or_backwards(old: int, size: int) -> None:
    with pytest.raises(IndexError, match="no consistency proof"):
        consistency_ranges(old, size)
