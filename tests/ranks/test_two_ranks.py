"""Two real processes train one model, and write one record."""

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
from cognify_core.model.events import Event, Gap, Note, RankLeft, RunClosed, ShardsSeen, parse_event
from cognify_core.model.record import Status
from tests.ranks.launching import train

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

pytestmark = [pytest.mark.training, pytest.mark.slow]


class Training:
    """One program of `programs.py`, and what it has left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.console = ""
        self._session: Session | None = None

    def run(self, name: str, *, recorded: bool = True, launcher: bool = True, succeeds: bool = True) -> Training:
        self.folder.mkdir(parents=True, exist_ok=True)
        rest = ["-m", "tests.ranks.programs", name, str(self.folder), "recorded" if recorded else "bare"]
        torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"] if launcher else []
        environment = os.environ | {
            "COGNIFY_HOME": str(self.home),
            "COGNIFY_RANK_SECONDS": "3",
            "COGNIFY_EXIT_SECONDS": "20",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        self.console = train([*torchrun, *rest], environment, recorded=recorded, succeeds=succeeds)
        return self

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = Session()
            self._session.init(home=self.home, quiet=True, mode="on")
        return self._session

    @property
    def last(self) -> RunView:
        return view(self.session.workspace, "last")

    @property
    def events(self) -> list[Event]:
        return [parse_event(data) for data in self.session.workspace.store.events(self.last.row.run_id)]

    def bodies(self, kind: type[Any]) -> list[Any]:
        return [event.body for event in self.events if isinstance(event.body, kind)]

    def nodes(self, kind: str) -> list[dict[str, Any]]:
        lineage = self.last.lineage or {}
        return [node for node in lineage["nodes"] if node["type"] == kind]

    def left_behind(self) -> list[Any]:
        return [torch.load(self.folder / f"rank-{rank}.pt") for rank in range(2)]

    def close(self) -> None:
        if self._session is not None:
            self._session.workspace.close()


Start = Callable[..., Training]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Run a program, or give what it left behind if it has run already."""
    made: dict[tuple[str, bool], Training] = {}

    def start(name: str, *, recorded: bool = True, **how: Any) -> Training:
        if (name, recorded) not in made:
            made[name, recorded] = Training(tmp_path_factory.mktemp(name)).run(name, recorded=recorded, **how)
        return made[name, recorded]

    yield start
    for each in made.values():
        each.close()


@pytest.mark.parametrize("program", ["hugging_face", "sharded"])
def test_two_ranks_write_one_record_in_which_every_shard_was_hashed_by_the_rank_that_wrote_it(
    training: Start, program: str
) -> None:
    done = training(program)
    runs = done.session.workspace.store.runs()
    assert len(runs) == 1
    assert runs[0].status is Status.AUDIT_SEALED
    assert runs[0].complete
    assert done.last.world_size == 2
    folders = {int(re.sub(r"\D", "", path.name)): path for path in (done.folder / "out").iterdir() if path.is_dir()}
    hashes = {node["step"]: node["hash"] for node in done.nodes("checkpoint")}
    assert {step: str(tree_outcome(path).hash) for step, path in folders.items()}.items() <= hashes.items()
    by_rank: dict[int, set[str]] = {}
    for report in done.bodies(ShardsSeen):
        manifest = done.session.workspace.store.manifest(report.hash).decode()
        by_rank.setdefault(report.rank, set()).update(line[66:] for line in manifest.splitlines()[1:])
    others = {"rng_state_1.pth"} if program == "hugging_face" else {"__1_0.distcp"}
    assert by_rank[1] == others
    assert not by_rank[0] & others
    assert {left.rank for left in done.bodies(RankLeft)} == {1}


@pytest.mark.parametrize("program", ["hugging_face", "sharded"])
def test_losses_and_weights_are_the_same_bit_for_bit_with_and_without_us(training: Start, program: str) -> None:
    for ours, theirs in zip(
        training(program).left_behind(), training(program, recorded=False).left_behind(), strict=True
    ):
        assert ours["losses"] == theirs["losses"]
        assert ours["weights"].keys() == theirs["weights"].keys()
        assert all(torch.equal(ours["weights"][name], theirs["weights"][name]) for name in ours["weights"])


def test_the_console_belongs_to_rank_0_and_every_rank_may_ask_for_the_package(training: Start) -> None:
    done = training("hugging_face")
    assert done.console.count("AUDIT_SEALED") == 1
    hashes = dict(re.findall(r"rank (\d) exported (sha256:\w+)", done.console))
    assert hashes.keys() == {"0", "1"}
    assert len(set(hashes.values())) == 1


def test_what_people_say_on_every_rank_is_recorded_once(training: Start) -> None:
    assert len(training("sharded").bodies(Note)) == 1


def test_a_rank_that_is_killed_is_a_named_gap_and_the_run_interrupted_with_what_was_seen(training: Start) -> None:
    done = training("dies", succeeds=False)
    closed = done.bodies(RunClosed)[0]
    assert (closed.status, closed.complete) == ("INTERRUPTED", False)
    assert any(gap.subject == "rank 1" and "its process ended" in gap.reason for gap in done.bodies(Gap))
    assert {node["step"] for node in done.nodes("checkpoint")} >= {2}


def test_a_silent_rank_is_a_named_gap_and_is_not_waited_for_for_long(training: Start) -> None:
    done = training("is_silent")
    closed = done.bodies(RunClosed)[0]
    assert closed.status == "INTERRUPTED"
    assert any("did not say that it was done within 3 s" in reason for reason in closed.reasons)


def test_a_rank_that_fails_makes_the_run_failed(training: Start) -> None:
    done = training("fails", succeeds=False)
    assert done.bodies(RunClosed)[0].status == "FAILED"


def test_when_all_are_killed_the_next_start_joins_what_they_had_reported(training: Start) -> None:
    done = training("both_die", succeeds=False)
    assert done.last.row.status is Status.INTERRUPTED
    (node,) = done.nodes("checkpoint")
    assert node["hash"] == str(tree_outcome(done.folder / "out" / "step-2").hash)
    assert {gap.subject for gap in done.bodies(Gap)} == {"rank 0", "rank 1"}


def test_a_rank_that_cannot_record_does_not_stop_the_training_and_is_named(training: Start) -> None:
    done = training("has_no_home")
    assert len(done.left_behind()) == 2
    assert "rank 1 records nothing" in done.console
    assert any(gap.subject == "rank 1" and gap.mend for gap in done.bodies(Gap))


def test_processes_that_were_spawned_are_told_their_ranks(training: Start) -> None:
    done = training("spawned", launcher=False)
    (node,) = done.nodes("checkpoint")
    assert node["hash"] == str(tree_outcome(done.folder / "out" / "checkpoint").hash)
    assert done.last.row.complete


def test_two_runs_in_one_process_are_two_records_of_two_ranks_each(training: Start) -> None:
    done = training("twice")
    runs = done.session.workspace.store.runs()
    assert [run.name for run in runs] == ["second", "first"]
    assert all(run.status is Status.AUDIT_SEALED and run.complete for run in runs)


def test_one_rank_may_say_that_it_records_alone(training: Start) -> None:
    done = training("one_alone")
    assert done.last.row.complete
    assert done.bodies(Gap) == []
