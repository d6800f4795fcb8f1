"""Consistency proofs, as routes answer with them."""

from __future__ import annotations

from typing import Any

from cognify_core.seal.signed_tree import SignedTree
from cognify_core.server.problems import Problem


def consistency_shown(tree: SignedTree, old: int, new: int | None) -> dict[str, Any]:
    """The proof that the first `old` leaves are a prefix of the first `new`, by default of all.

    Raises:
        Problem: 422, where there are not that many.
    """
    there = tree.size
    size = there if new is None else new
    if not old <= size <= there:
        raise Problem(422, f"no proof leads from {old} to {size}: there are {there}")
    hashes = tree.consistency(old, size)
    return {
        "old": old,
        "old_root": tree.root(old).hex(),
        "new": size,
        "new_root": tree.root(size).hex(),
        "proof": [each.hex() for each in hashes],
    }
