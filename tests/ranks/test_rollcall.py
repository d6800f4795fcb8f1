"""What the ranks say of a checkpoint, joined into one tree; in every way in which one of them may be missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cognify_core.capture.files import shown
from cognify_core.capture.hold import hold_tree
from cognify_core.capture.late import hash_late
from cognify_core.capture.tree import tree_outcome
from cognify_core.model.digest import Digest
from cognify_core.model.events import RankJoined, RankLeft, ShardsSeen
from cognify_core.record.ranks import owner_of
from cognify_core.record.rollcall import Key, RollCall, joined_checkpoint
from tests.factories import TIME

KEY: Key = ("ckpt_step_2", "/out/checkpoint-2")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"weights")
    for rank in range(2):
        (path / f"__{rank}_0.distcp").write_bytes(b"shard %d" % rank)
    return path


class Ranks:
    """Two ranks that each hash their own files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.manifests: dict[Digest, bytes] = {}
        self.folder = folder

    def report(self, rank: int, **changed: Any) -> ShardsSeen:
        held = hold_tree(self.folder, mine=lambda name: owner_of(name) == rank)
        outcome = held.outcome()
        assert outcome.hash is not None
        assert outcome.manifest is not None
        self.manifests[outcome.hash] = outcome.manifest
        fields: dict[str, Any] = {
            "rank": rank,
            "ref": f"{rank}.0",
            "id": KEY[0],
            "step": 2,
            "at": TIME,
            "location": str(self.folder),
            "hash": outcome.hash,
            "manifest": outcome.format,
            "left": tuple(map(shown, held.others)),
            "inputs": (f"rows-{rank}", "config"),
        }
        return ShardsSeen(**fields | changed)

    def join(self, *reports: ShardsSeen, absent: tuple[int, ...] = ()) -> Any:
        seen, manifest = joined_checkpoint(
            {report.rank: report for report in reports}, absent, self.manifests.__getitem__, hash_late
        )
        assert manifest is None or Digest.of(manifest) == seen.hash
        return seen


@pytest.fixture
def ranks(folder: Path) -> Ranks:
    return Ranks(folder)


def test_the_shards_of_all_ranks_are_the_tree_that_anyone_finds_there(ranks: Ranks, folder: Path) -> None:
    seen = ranks.join(ranks.report(0), ranks.report(1))
    assert seen.hash == tree_outcome(folder).hash
    assert seen.facts["shards"].keys() == {"0", "1"}
    assert "hashed_late" not in seen.facts


def test_a_checkpoint_comes_from_what_every_rank_was_fed(ranks: Ranks) -> None:
    assert ranks.join(ranks.report(0), ranks.report(1)).inputs == ("rows-0", "config", "rows-1")


def test_what_a_dead_rank_wrote_is_hashed_by_another_and_said_to_be(ranks: Ranks, folder: Path) -> None:
    seen = ranks.join(ranks.report(0), absent=(1,))
    assert seen.hash == tree_outcome(folder).hash
    assert seen.facts["hashed_late"] == ["__1_0.distcp"]
    assert any("rank 1" in gap for gap in seen.facts["not_covered"])


def test_a_shard_that_is_gone_and_was_reported_by_nobody_is_named(ranks: Ranks, folder: Path) -> None:
    report = ranks.report(0)
    (folder / "__1_0.distcp").unlink()
    seen = ranks.join(report, absent=(1,))
    assert (seen.assurance, seen.hash) == ("unresolved", None)
    assert seen.reason == "rank 1 was silent, and no rank reported __1_0.distcp"


def test_a_temporary_file_of_a_rank_that_reported_is_none_of_its_files(ranks: Ranks, folder: Path) -> None:
    (folder / ".tmpA1b2C3").write_bytes(b"half of the wei")
    second = ranks.report(1)
    assert ".tmpA1b2C3" in second.left
    (folder / ".tmpA1b2C3").unlink()
    assert ranks.join(ranks.report(0), second).hash == tree_outcome(folder).hash


def test_a_shard_that_could_not_be_hashed_leaves_the_whole_unresolved(ranks: Ranks) -> None:
    seen = ranks.join(ranks.report(0), ranks.report(1, hash=None, manifest=None, reason="rotated before hashed"))
    assert seen.reason == "rank 1: rotated before hashed"


def test_two_ranks_that_read_different_bytes_of_one_file_contradict_each_other(ranks: Ranks, folder: Path) -> None:
    first = ranks.report(0)
    (folder / "model.safetensors").write_bytes(b"others")
    second = hold_tree(folder).outcome()
    assert second.hash is not None
    assert second.manifest is not None
    ranks.manifests[second.hash] = second.manifest
    seen = ranks.join(first, ranks.report(1, hash=second.hash))
    assert seen.reason == "rank 1 read other bytes than another rank: model.safetensors"


def test_a_folder_of_which_only_another_rank_spoke_is_recorded_too(ranks: Ranks, folder: Path) -> None:
    seen = ranks.join(ranks.report(1))
    assert seen.ref == "1.0"
    assert seen.hash == tree_outcome(folder).hash


def test_a_checkpoint_is_ready_when_every_rank_has_reported_or_left(ranks: Ranks) -> None:
    roll = RollCall()
    for rank in range(3):
        roll.take(RankJoined(rank=rank, world_size=3))
    roll.take(ranks.report(0))
    assert roll.ready() == []
    roll.take(ranks.report(1))
    assert roll.ready() == []
    roll.take(RankLeft(rank=2, status="COMPLETED"))
    (key,) = roll.ready()
    roll.take(ranks.join(*roll.reports[key].values()))
    assert roll.ready() == []
    assert roll.unrecorded() == {}
    assert roll.absent() == [0, 1]
