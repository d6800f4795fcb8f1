from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from cognify_core.model.events import Draft, RunClosed, parse_event
from cognify_core.model.names import utc_now
from cognify_core.model.ranks import RankJoined
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, this_process
from cognify_core.record.recover import DIED, interrupt, recover
from cognify_core.seal.keys import KeyRing
from cognify_core.seal.sealing import seal_run
from cognify_core.store.protocol import Owner
from cognify_core.store.sql import SqlStore, open_store
from tests.factories import OPENED_AT, RUN_ID, checkpoint, dataset, opened
from tests.store.values import ADDENDUM, OTHER, RUN, begin, draft, frozen, old_store

Started = Callable[[int], "Writer"]

_PROGRAM = """
import json, sys
from dataclasses import asdict
from cognify_core.record.owner import this_process
print(json.dumps(asdict(this_process(int(sys.argv[1])))), flush=True)
sys.stdin.read()
"""


class Writer:
    """A process that says who it is, and lives until it is killed."""

    def __init__(self, rank: int) -> None:
        command = [sys.executable, "-c", _PROGRAM, str(rank)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.owner = Owner(**json.loads(self._process.stdout.readline()))

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def store(store_place: Path | str) -> Iterator[SqlStore]:
    """A store with one run that is open, in each database."""
    made = open_store(store_place)
    made.create(RUN_ID, Draft(OPENED_AT, opened(), "open", 0))
    yield made
    made.close()


@pytest.fixture
def writer(store: SqlStore) -> Iterator[Started]:
    """Start a process that owns the run as that rank."""
    started: list[Writer] = []

    def start(rank: int) -> Writer:
        started.append(Writer(rank))
        store.set_owner(RUN_ID, started[-1].owner)
        return started[-1]

    yield start
    for each in started:
        each.kill()


def test_a_process_says_which_rank_it_is() -> None:
    assert (this_process().rank, this_process(3).rank) == (0, 3)
    assert replace(this_process(3), rank=0) == this_process()


def test_a_run_whose_process_lives_is_left_alone(store: SqlStore, tmp_path: Path, writer: Started) -> None:
    writer(0)
    assert recover(store, tmp_path) == []
    assert store.run(RUN_ID).status is Status.RUNNING


def test_a_run_whose_process_died_is_interrupted_and_says_so(store: SqlStore, tmp_path: Path, writer: Started) -> None:
    writer(0).kill()
    assert recover(store, tmp_path) == [RUN_ID]
    closing_event = parse_event(list(store.events(RUN_ID))[-1]).body
    assert isinstance(closing_event, RunClosed)
    assert (closing_event.status, closing_event.complete, closing_event.reasons) == ("INTERRUPTED", False, (DIED,))


def test_a_run_whose_process_died_while_it_hashed_can_still_be_sealed(
    store: SqlStore, tmp_path: Path, writer: Started
) -> None:
    writer(0).kill()
    store.append(RUN_ID, [draft(checkpoint(20)), draft(dataset(), 1)])
    assert recover(store, tmp_path) == [RUN_ID]
    bundle = seal_run(store, RUN_ID, KeyRing(tmp_path / "keys").signer(), now=utc_now())
    assert store.bundle(RUN_ID) == bundle
    closing_event = parse_event(list(store.events(RUN_ID))[-1]).body
    assert isinstance(closing_event, RunClosed)
    assert "1 digests were still being taken and are not recorded" in closing_event.reasons


def test_a_run_that_nobody_ever_owned_is_interrupted(store: SqlStore, tmp_path: Path) -> None:
    assert recover(store, tmp_path) == [RUN_ID]


def test_a_run_that_is_a_servers_goes_on_until_somebody_closes_it(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN_ID, NOBODY)
    assert recover(store, tmp_path) == []


@pytest.mark.parametrize("world_size", [1, 2])
def test_a_record_that_has_grown_since_it_was_looked_at_is_not_closed(store: SqlStore, world_size: int) -> None:
    size = store.append(RUN_ID, [draft(RankJoined(rank=0, world_size=world_size))])
    grown = store.append(RUN_ID, [draft(dataset(), 1)])
    assert not interrupt(store, RUN_ID, at=size)
    assert (store.run(RUN_ID).status, store.run(RUN_ID).size) == (Status.RUNNING, grown)
    assert interrupt(store, RUN_ID, at=grown)


@pytest.mark.parametrize("last", [0, 1])
def test_a_run_lives_as_long_as_one_of_its_ranks(store: SqlStore, tmp_path: Path, writer: Started, last: int) -> None:
    ranks = [writer(0), writer(1)]
    ranks[1 - last].kill()
    assert recover(store, tmp_path) == []
    ranks[last].kill()
    assert recover(store, tmp_path) == [RUN_ID]
    assert store.run(RUN_ID).status is Status.INTERRUPTED


def test_a_rank_on_another_host_may_be_alive(store: SqlStore, tmp_path: Path, writer: Started) -> None:
    writer(0).kill()
    store.set_owner(RUN_ID, Owner("another-host", "boot", 1, "1", rank=1))
    assert recover(store, tmp_path) == []


def test_a_rank_whose_number_another_process_has_now_is_dead(store: SqlStore, tmp_path: Path) -> None:
    store.set_owner(RUN_ID, replace(this_process(), started="1"))
    assert recover(store, tmp_path) == [RUN_ID]


def test_the_death_of_one_runs_ranks_is_none_of_anothers(store: SqlStore, tmp_path: Path, writer: Started) -> None:
    writer(0)
    begin(store, OTHER)
    store.set_owner(OTHER, this_process(1))
    frozen(store, "run_20250915_000000_00001")
    assert recover(store, tmp_path) == []
    store.set_owner(OTHER, replace(this_process(1), boot_id="the boot before"))
    assert recover(store, tmp_path) == [OTHER]


@pytest.mark.parametrize(
    ("owner", "closed"),
    [(this_process(), [ADDENDUM]), (replace(this_process(), started="1"), [ADDENDUM, RUN])],
    ids=["alive", "dead"],
)
def test_a_run_that_an_older_cognify_began_is_judged_by_its_owner(
    tmp_path: Path, owner: Owner, closed: list[str]
) -> None:
    path = old_store(tmp_path / "old.db")
    *values, _ = astuple(owner)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE owners SET (host, boot_id, pid, started) = (?, ?, ?, ?)", values)
    store = open_store(path)
    assert recover(store, tmp_path) == closed
    store.close()
