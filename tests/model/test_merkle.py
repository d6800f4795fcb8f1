from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cognify_core import merkle
from cognify_core.errors import FormatError, VerificationError
from tests.vectors import VECTORS, needs_vectors

TRANSPARENCY = VECTORS / "merkle-transparency-dev" / "testdata"

REFUSED_ON_PURPOSE = {"sizes-are-equal-one-and-proof-is-empty.json"}
"""Its roots are 12 bytes long; the vectors' README asks that hashes that are not 32 bytes be refused (ADR 0004)."""

leaf_lists = st.lists(st.binary(max_size=6), min_size=1, max_size=70).map(
    lambda data: [merkle.leaf_hash(item) for item in data]
)


def _vectors(kind: str) -> list[Path]:
    return sorted((TRANSPARENCY / kind).rglob("*.json")) if TRANSPARENCY.is_dir() else []


def _bytes(text: str | None) -> bytes:
    return b64decode(text) if text else b""


def _check(expect_error: bool, verify: Any, *arguments: Any) -> None:
    if expect_error:
        with pytest.raises(VerificationError):
            verify(*arguments)
    else:
        verify(*arguments)


@needs_vectors
@pytest.mark.parametrize("path", _vectors("inclusion"), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_inclusion_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    proof = [_bytes(item) for item in vector["proof"] or []]
    leaf, root = _bytes(vector["leafHash"]), _bytes(vector["root"])
    _check(vector["wantErr"], merkle.verify_inclusion, leaf, vector["leafIdx"], vector["treeSize"], proof, root)


@needs_vectors
@pytest.mark.parametrize("path", _vectors("consistency"), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_consistency_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())
    proof = [_bytes(item) for item in vector["proof"] or []]
    roots = _bytes(vector["root1"]), _bytes(vector["root2"])
    wrong = vector["wantErr"] or path.name in REFUSED_ON_PURPOSE
    _check(wrong, merkle.verify_consistency, vector["size1"], vector["size2"], *roots, proof)


@needs_vectors
def test_all_vectors_are_there() -> None:
    assert len(_vectors("inclusion")) + len(_vectors("consistency")) > 180


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert merkle.Frontier().root() == sha256(b"").digest() == merkle.root_hash([])


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.root_hash([left, right]) != merkle.leaf_hash(left + right)


@given(leaf_lists)
def test_a_tree_that_grew_leaf_by_leaf_has_the_root_that_the_rfc_defines(leaves: list[bytes]) -> None:
    assert merkle.root_hash(leaves) == _defined(leaves)


@given(leaf_lists, st.data())
def test_subtrees_appended_whole_give_the_same_root(leaves: list[bytes], data: st.DataObject) -> None:
    frontier, place = merkle.Frontier(), 0
    while place < len(leaves):
        fitting = [1 << k for k in range(7) if place % (1 << k) == 0 and place + (1 << k) <= len(leaves)]
        width = data.draw(st.sampled_from(fitting))
        frontier.append_subtree(_defined(leaves[place : place + width]), width)
        place += width
    assert (frontier.root(), frontier.size) == (_defined(leaves), len(leaves))


@pytest.mark.parametrize(("size", "width"), [(1, 2), (2, 4), (6, 4), (0, 3), (0, 0), (4, -1)])
def test_a_subtree_off_the_rfcs_boundaries_is_refused(size: int, width: int) -> None:
    frontier = merkle.Frontier()
    for _ in range(size):
        frontier.append(bytes(32))
    with pytest.raises(FormatError, match=f"a subtree of {width} leaves cannot be appended to a tree of {size}"):
        frontier.append_subtree(bytes(32), width)


@given(leaf_lists, st.data())
def test_every_leaf_is_proved_included_and_no_other_is(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = merkle.root_hash(leaves), merkle.inclusion_proof(leaves, index)
    merkle.verify_inclusion(leaves[index], index, len(leaves), proof, root)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(merkle.leaf_hash(b"another leaf"), index, len(leaves), proof, root)


@given(leaf_lists, st.data())
def test_every_prefix_is_proved_consistent_and_a_rewritten_one_is_not(leaves: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(leaves)))
    proof = merkle.consistency_proof(leaves, old)
    old_root, root = merkle.root_hash(leaves[:old]), merkle.root_hash(leaves)
    merkle.verify_consistency(old, len(leaves), old_root, root, proof)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, len(leaves), merkle.leaf_hash(b"rewritten"), root, proof)


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError, match=f"leaf {index} of a tree of 3"):
        merkle.inclusion_proof([bytes(32)] * 3, index)


@pytest.mark.parametrize("old_size", [0, 4])
def test_there_is_no_consistency_from_nothing_or_from_the_future(old_size: int) -> None:
    with pytest.raises(IndexError, match=f"from size {old_size} to 3"):
        merkle.consistency_proof([bytes(32)] * 3, old_size)


def _defined(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(_defined(leaves[:split]), _defined(leaves[split:]))
