"""Two real gloo processes, started in every way that Lightning has, train one module and write one record."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cognify_core.api.session import Session
from cognify_core.api.views import RunView, view
from cognify_core.capture.tree import tree_outcome
from cognify_core.model.events import parse_event
from cognify_core.model.record import Status
from tests.ranks import launching

pytest.importorskip("lightning")

pytestmark = [pytest.mark.training, pytest.mark.slow]


class Trained:
    """What one training left behind."""

    def __init__(self, folder: Path, strategy: str, *launcher: str, recorded: bool = True) -> None:
        self.folder = folder
        self._session: Session | None = None
        folder.mkdir()
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("COGNIFY_", "PL_", "MASTER_"))
        } | {
            "COGNIFY_HOME": str(folder / "home"),
            "COGNIFY_RANK_SECONDS": "20",
            "OMP_NUM_THREADS": "1",
        }
        program = ["-m", "tests.integrations.lightning_program", strategy, str(folder)]
        command = [*launcher, *program, "recorded" if recorded else "bare"]
        self.console = launching.train(command, environment, recorded=recorded)

    @property
    def outcome(self) -> list[str]:
        """The weights and losses that each rank ended with."""
        return sorted(re.findall(r"rank \d ended with [0-9a-f]{64}", self.console))

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = Session()
            self._session.init(home=self.folder / "home", quiet=True, mode="on")
        return self._session

    @property
    def runs(self) -> list[RunView]:
        """Newest first."""
        return [view(self.session.workspace, row.run_id) for row in self.session.workspace.store.runs()]

    def bodies(self, run_id: str, kind: str) -> list[Any]:
        found = [parse_event(data).body for data in self.session.workspace.store.events(run_id)]
        return [body for body in found if body.kind == kind]

    def checkpoints(self, seen: RunView) -> dict[int, str]:
        assert seen.lineage is not None
        return {node["step"]: node["hash"] for node in seen.lineage["nodes"] if node["type"] == "checkpoint"}


Train = Callable[..., Trained]


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Train]:
    made: list[Trained] = []

    def run(strategy: str, *launcher: str, recorded: bool = True) -> Trained:
        folder = tmp_path / f"{strategy}-{'recorded' if recorded else 'bare'}-{len(made)}"
        made.append(Trained(folder, strategy, *launcher, recorded=recorded))
        return made[-1]

    yield run
    for trained in made:
        if trained._session is not None:
            trained._session.workspace.close()


def is_one_complete_record(trained: Trained) -> RunView:
    (seen,) = trained.runs
    assert (seen.row.status, seen.row.complete, seen.world_size) == (Status.AUDIT_SEALED, True, 2), trained.console
    return seen


def test_lightnings_own_ddp_is_one_record_and_the_same_training(train: Train) -> None:
    bare, recorded = train("ddp", recorded=False), train("ddp")
    assert bare.outcome == recorded.outcome
    assert len(bare.outcome) == 2
    seen = is_one_complete_record(recorded)
    assert sorted(trained := recorded.checkpoints(seen)) == [2, 4, 6]
    assert all(trained.values())
    assert len(recorded.bodies(seen.row.run_id, "checkpoint")) == 3, "rank 0 alone writes, and says so"
    assert f"exported {seen.row.run_id}" in recorded.console


def test_ddp_under_torchrun_is_one_record(train: Train) -> None:
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
    seen = is_one_complete_record(recorded := train("ddp", *torchrun))
    assert sorted(recorded.checkpoints(seen)) == [2, 4, 6]


def test_ranks_that_lightning_starts_from_within_a_block_are_a_named_gap_in_its_one_run(train: Train) -> None:
    recorded = train("ddp_in_block")
    (seen,) = recorded.runs
    assert seen.row.status is Status.AUDIT_SEALED
    assert any(gap.subject == "the other ranks" for gap in recorded.bodies(seen.row.run_id, "gap"))
    assert "rank 1 records nothing" in recorded.console


def test_spawned_ranks_record_the_run_that_their_parent_has_named(train: Train) -> None:
    """Two trainings and an evaluation with one callback: two runs, one of them with an addendum."""
    bare, recorded = train("ddp_spawn", recorded=False), train("ddp_spawn")
    assert bare.outcome == recorded.outcome
    second, first = recorded.runs
    assert [seen.row.complete for seen in (first, second)] == [True, True]
    assert [seen.row.status for seen in (first, second)] == [Status.AUDIT_SEALED] * 2
    assert (len(first.addenda), len(second.addenda)) == (1, 0)
    (evaluation,) = recorded.bodies(first.addenda[0].run_id, "evaluation")
    assert evaluation.name == "validation"
    assert f"exported {second.row.run_id}" in recorded.console


def test_forked_ranks_write_one_record(train: Train) -> None:
    seen = is_one_complete_record(recorded := train("ddp_fork"))
    assert sorted(recorded.checkpoints(seen)) == [2, 4, 6]


def test_every_shard_of_a_sharded_module_is_hashed_by_the_rank_that_wrote_it(train: Train) -> None:
    bare, recorded = train("model_parallel", recorded=False), train("model_parallel")
    assert bare.outcome == recorded.outcome
    (seen,) = recorded.runs
    assert seen.row.status is Status.AUDIT_SEALED
    folders = {step: recorded.folder / "out" / f"step={step}.ckpt" for step in (2, 4, 6)}
    assert sorted(path.name for path in folders[6].iterdir()) == [
        ".metadata",
        "__0_0.distcp",
        "__1_0.distcp",
        "meta.pt",
    ]
    assert recorded.checkpoints(seen) == {step: str(tree_outcome(path).hash) for step, path in folders.items()}
    checkpoints = recorded.bodies(seen.row.run_id, "checkpoint")
    assert [sorted(each.facts["shards"]) for each in checkpoints] == [["0", "1"]] * 3
    (closed,) = recorded.bodies(seen.row.run_id, "run_closed")
    assert {reason.split(": ")[1] for reason in closed.reasons} == {"unresolved (sharded)"}, "weights in memory only"
