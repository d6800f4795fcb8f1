"""A folder that several processes write: each reads its own files, and names those that it left to others."""

from __future__ import annotations

import shutil
from pathlib import Path

from cognify_core.capture.hold import hold_tree
from cognify_core.capture.holder import Holder
from cognify_core.capture.scan import Mine
from cognify_core.capture.tree_manifest import parse_manifest
from cognify_core.record.ranks import owner_of


def sharded(path: Path, ranks: int = 2) -> Path:
    path.mkdir()
    (path / ".metadata").write_bytes(b"where what lies")
    for rank in range(ranks):
        (path / f"__{rank}_0.distcp").write_bytes(b"shard %d" % rank)
        (path / f"rng_state_{rank}.pth").write_bytes(b"state %d" % rank)
    return path


def of_rank(number: int) -> Mine:
    return lambda name: owner_of(name) == number


def test_each_rank_reads_the_files_that_it_wrote(tmp_path: Path) -> None:
    path = sharded(tmp_path / "checkpoint")
    found = []
    for number in range(2):
        held = hold_tree(path, mine=of_rank(number))
        outcome = held.outcome()
        assert outcome.manifest is not None
        found.append((set(parse_manifest(outcome.manifest)), set(held.others)))
    first = {b".metadata", b"__0_0.distcp", b"rng_state_0.pth"}
    second = {b"__1_0.distcp", b"rng_state_1.pth"}
    assert found == [(first, second), (second, first)]


def test_own_shards_are_hashed_although_the_checkpoint_is_rotated_away(tmp_path: Path) -> None:
    path = sharded(tmp_path / "checkpoint")
    expected = hold_tree(path, mine=of_rank(1)).outcome()
    held = hold_tree(path, mine=of_rank(1))
    shutil.rmtree(path)
    assert held.outcome() == expected


def test_where_nothing_is_held_the_files_of_others_are_known_once_it_is_hashed(tmp_path: Path) -> None:
    path = sharded(tmp_path / "checkpoint")
    held = Holder(network=lambda _: True).hold(path, of_rank(1))
    assert held.descriptors == 0
    held.outcome()
    assert b".metadata" in held.others


def test_how_many_files_others_wrote_does_not_count(tmp_path: Path) -> None:
    path = sharded(tmp_path / "checkpoint", ranks=40)
    held = hold_tree(path, limit=2, mine=of_rank(7))
    assert held.descriptors == 2
    held.outcome()
