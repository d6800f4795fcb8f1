"""Rank 0 at the end of a training: whom it waits for, for how long, and what it makes of what the others said."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cognify_core.model.digest import Digest
from cognify_core.model.events import Body, CheckpointSeen, RankJoined, RankLeft, ShardsSeen
from cognify_core.record.gathering import NEVER_JOINED, Absence, Gathering
from cognify_core.record.owner import this_process
from cognify_core.record.rollcall import RANK_DIED
from cognify_core.record.spool import Spool, deliver_spools
from cognify_core.store.sql import SqlStore
from tests.factories import TIME
from tests.store.values import RUN, draft

DEAD = replace(this_process(1), started="1")


class Rank0:
    """A gathering, and what it has recorded."""

    def __init__(self, store: SqlStore, spools: Path, *, patience: float = 5.0) -> None:
        self.recorded: list[Body] = []
        self.failures: list[str] = []
        self.gathering = Gathering(
            store,
            RUN,
            2,
            lambda body, _: self.recorded.append(body),
            lambda where, error: self.failures.append(f"{where}: {error}"),
            deliver=lambda: deliver_spools(store, spools, lambda *_: True),
            patience=patience,
        )

    def close(self) -> list[Absence]:
        absences, _ = self.gathering.close()
        return absences


def shards(store: SqlStore, rank: int, files: str) -> ShardsSeen:
    manifest = b"# cognify.tree/v1\n" + b"%064x  %s\n" % (rank, files.encode())
    fields: dict[str, Any] = {"id": "ckpt_step_2", "step": 2, "at": TIME, "location": "/out", "ref": f"{rank}.0"}
    return ShardsSeen(rank=rank, hash=store.put_manifest(manifest), manifest="cognify.tree/v1", **fields)


def say(store: SqlStore, rank: int, *bodies: Body) -> None:
    store.append(RUN, [draft(body, counter, writer=f"rank-{rank}") for counter, body in enumerate(bodies)])


def test_a_rank_that_has_left_is_not_waited_for(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, this_process(1))
    say(store, 1, RankJoined(rank=1, world_size=2), RankLeft(rank=1, status="COMPLETED"))
    assert Rank0(store, tmp_path, patience=60).close() == []


def test_a_rank_that_lives_is_waited_for_until_it_leaves(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, this_process(1))
    say(store, 0, shards(store, 0, "a"))
    first = Rank0(store, tmp_path, patience=60)
    later = [RankJoined(rank=1, world_size=2), shards(store, 1, "b"), RankLeft(rank=1, status="COMPLETED")]
    threading.Timer(0.3, lambda: say(store, 1, *later)).start()
    assert first.close() == []
    (seen,) = first.recorded
    assert isinstance(seen, CheckpointSeen)
    assert seen.facts["files"] == 2


@pytest.mark.parametrize("joined", [True, False])
def test_a_rank_that_lives_and_says_nothing_is_worth_so_much_patience(
    store: SqlStore, tmp_path: Path, joined: bool
) -> None:
    if joined:
        store.set_owner(RUN, this_process(1))
    began = time.monotonic()
    (absence,) = Rank0(store, tmp_path, patience=0.4).close()
    assert time.monotonic() - began >= 0.4
    assert absence.reason == ("it did not say that it was done within 0.4 s" if joined else NEVER_JOINED)
    assert bool(absence.mend) is not joined


def test_a_rank_whose_process_is_gone_is_not_waited_for(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, DEAD)
    say(store, 0, shards(store, 0, "a"))
    first = Rank0(store, tmp_path, patience=3600)
    assert first.close() == [Absence(1, RANK_DIED)]
    (seen,) = first.recorded
    assert isinstance(seen, CheckpointSeen)
    assert seen.assurance == "content"
    assert any("rank 1" in gap for gap in seen.facts["not_covered"])


def test_what_a_dead_rank_had_spooled_is_delivered_and_counts(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, DEAD)
    say(store, 0, shards(store, 0, "a"))
    said = [RankJoined(rank=1, world_size=2), shards(store, 1, "b"), RankLeft(rank=1, status="COMPLETED")]
    spool = Spool(tmp_path, RUN, "rank-1")
    spool.put((draft(body, counter, writer="rank-1"), None) for counter, body in enumerate(said))
    first = Rank0(store, tmp_path, patience=3600)
    assert first.close() == []
    (seen,) = first.recorded
    assert isinstance(seen, CheckpointSeen)
    assert seen.facts["files"] == 2
    assert not spool.path.exists()


def test_a_checkpoint_is_joined_while_the_model_still_trains(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, this_process(1))
    first = Rank0(store, tmp_path)
    say(store, 0, shards(store, 0, "a"))
    say(store, 1, RankJoined(rank=1, world_size=2), shards(store, 1, "b"))
    deadline = time.monotonic() + 20
    while not first.recorded and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(first.recorded) == 1
    store.append(RUN, [draft(RankLeft(rank=1, status="COMPLETED"), 2, writer="rank-1")])
    assert first.close() == []
    assert len(first.recorded) == 1


def test_a_manifest_that_is_not_there_is_a_failure_that_says_so(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN, this_process(1))
    lost = shards(store, 0, "a").model_copy(update={"hash": Digest.of(b"never kept")})
    say(store, 0, lost)
    say(store, 1, RankJoined(rank=1, world_size=2), RankLeft(rank=1, status="COMPLETED"))
    first = Rank0(store, tmp_path)
    first.close()
    assert first.recorded == []
    assert any("manifest" in failure for failure in first.failures)
