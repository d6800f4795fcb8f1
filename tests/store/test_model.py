"""Any sequence of calls leaves a store as it leaves the simplest thing that could be one: a dict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cognify_core.errors import MeetingTakenError, RecordError, RecordLengthError, RunNotFoundError, RunSealedError
from cognify_core.model.events import Draft, RunClosed
from cognify_core.model.record import Freeze
from cognify_core.store.protocol import Owner
from cognify_core.store.sql import SqlStore, open_store
from tests import factories
from tests.servers.databases import empty
from tests.store.values import closed, freeze_of, note

RUN_IDS = st.sampled_from([f"run_20250912_143022_0000{digit}" for digit in range(3)])
MEETINGS = st.sampled_from(["one", "two"])
DRAFTS = st.lists(
    st.one_of(
        st.builds(note, st.integers(0, 30), writer=st.sampled_from(["rank0", "rank1"])),
        st.builds(closed, st.just(99), writer=st.just("rank0")),
    ),
    max_size=4,
    unique_by=lambda draft: (draft.writer, draft.counter),
)


@dataclass
class Model:
    """One run, as far as a store must know it."""

    events: list[bytes]
    held: set[tuple[str, int]] = field(default_factory=lambda: {("main", 0)})
    closed: bool = False
    freeze: Freeze | None = None
    bundle: bytes | None = None
    meeting: str | None = None
    owners: dict[int, Owner] = field(default_factory=dict)


class StoreMachine(RuleBasedStateMachine):
    """The store beside its model."""

    fresh: ClassVar[staticmethod[[], AbstractContextManager[Path | str]]]
    """Where an empty store is."""

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}
        self.discarded: list[str] = []

    @initialize()
    def open(self) -> None:
        self.kept = ExitStack()
        self.place = self.kept.enter_context(self.fresh())
        self.store: SqlStore = open_store(self.place)

    def teardown(self) -> None:
        self.store.close()
        self.kept.close()

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = open_store(self.place)

    @rule(run_id=RUN_IDS, meeting=st.one_of(st.none(), MEETINGS))
    def create(self, run_id: str, meeting: str | None) -> None:
        first = Draft(factories.OPENED_AT, factories.opened(), "main", 0)
        if (met := self.met(meeting)) is not None:
            with pytest.raises(MeetingTakenError) as caught:
                self.store.create(run_id, first, meeting=meeting)
            assert caught.value.run_id == met
        elif run_id in self.models or run_id in self.discarded:
            with pytest.raises(RecordError):
                self.store.create(run_id, first, meeting=meeting)
        else:
            self.store.create(run_id, first, meeting=meeting)
            self.models[run_id] = Model([first.at(run_id, 0).encode()], meeting=meeting)

    def met(self, meeting: str | None) -> str | None:
        """The run that was begun for a meeting, as the model has it."""
        met = (run_id for run_id, model in self.models.items() if model.meeting == meeting)
        return None if meeting is None else next(met, None)

    @rule(run_id=RUN_IDS, rank=st.integers(0, 2), pid=st.integers(1, 9))
    def set_owner(self, run_id: str, rank: int, pid: int) -> None:
        if (model := self.models.get(run_id)) is not None:
            model.owners[rank] = Owner("host", "boot", pid, "1", rank)
            self.store.set_owner(run_id, model.owners[rank])

    @rule(run_id=RUN_IDS, drafts=DRAFTS, shift=st.sampled_from([None, None, 0, 1]))
    def append(self, run_id: str, drafts: list[Draft], shift: int | None) -> None:
        if (model := self.models.get(run_id)) is None:
            with pytest.raises(RunNotFoundError):
                self.store.append(run_id, drafts)
            return
        at = None if shift is None else len(model.events) + shift
        fresh = [draft for draft in drafts if (draft.writer, draft.counter) not in model.held]
        ends_early = any(isinstance(draft.body, RunClosed) for draft in fresh[:-1])
        if fresh and (model.closed or ends_early):
            with pytest.raises(RunSealedError):
                self.store.append(run_id, drafts, at=at)
        elif fresh and shift:
            with pytest.raises(RecordLengthError):
                self.store.append(run_id, drafts, at=at)
        else:
            model.events += [draft.at(run_id, seq).encode() for seq, draft in enumerate(fresh, len(model.events))]
            model.held |= {(draft.writer, draft.counter) for draft in fresh}
            model.closed |= any(isinstance(draft.body, RunClosed) for draft in fresh)
            assert self.store.append(run_id, drafts, at=at) == len(model.events)

    @rule(run_id=RUN_IDS)
    def freeze(self, run_id: str) -> None:
        if (model := self.models.get(run_id)) is None:
            return
        freeze = freeze_of(self.store, run_id)
        if not model.closed:
            with pytest.raises(RecordError):
                self.store.freeze(run_id, freeze)
            return
        model.freeze = model.freeze or freeze
        assert self.store.freeze(run_id, freeze) == model.freeze

    @rule(run_id=RUN_IDS, bundle=st.binary(max_size=3))
    def put_bundle(self, run_id: str, bundle: bytes) -> None:
        if (model := self.models.get(run_id)) is None:
            return
        if model.freeze is None:
            with pytest.raises(RecordError):
                self.store.put_bundle(run_id, bundle)
            return
        model.bundle = bundle if model.bundle is None else model.bundle
        assert self.store.put_bundle(run_id, bundle) == model.bundle

    @rule(run_id=RUN_IDS)
    def discard(self, run_id: str) -> None:
        if (model := self.models.get(run_id)) is None:
            return
        if model.freeze is not None:
            with pytest.raises(RunSealedError):
                self.store.discard(run_id, "a whim", factories.TIME)
            return
        assert self.store.discard(run_id, "a whim", factories.TIME).size == len(model.events)
        del self.models[run_id]
        self.discarded.append(run_id)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        rows = {row.run_id: row for row in self.store.runs()}
        assert set(rows) == set(self.models)
        assert [stone.run_id for stone in self.store.tombstones()] == self.discarded
        for run_id, model in self.models.items():
            assert list(self.store.events(run_id)) == model.events
            assert (rows[run_id].size, rows[run_id].freeze) == (len(model.events), model.freeze)
            assert self.store.bundle(run_id) == model.bundle
            assert self.store.owners(run_id) == [model.owners[rank] for rank in sorted(model.owners)]
        for meeting in ("one", "two"):
            assert self.store.met(meeting) == self.met(meeting)


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, empty_store: Path) -> Callable[[], AbstractContextManager[Path | str]]:
    """Gives an empty store, as often as it is asked for one."""

    @contextmanager
    def copied() -> Iterator[Path | str]:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(shutil.copy(empty_store, folder))

    @contextmanager
    def emptied() -> Iterator[Path | str]:
        empty(url)
        yield url

    if request.param == "sqlite":
        return copied
    url = request.getfixturevalue("database_url")
    return emptied


def test_any_sequence_of_calls_leaves_a_store_like_its_model(
    request: pytest.FixtureRequest, fresh: Callable[[], AbstractContextManager[Path | str]]
) -> None:
    Machine = type("Machine", (StoreMachine,), {"fresh": staticmethod(fresh)})  # noqa: N806 - a class
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25 if request.node.callspec.params["fresh"] == "sqlite" else 8,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
