"""What every store promises of meetings. A part of `StoreContract`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cognify_core.errors import (
    MeetingTakenError,
    RecordError,
    RunNotFoundError,
)
from cognify_core.store.protocol import Store
from tests import factories
from tests.store.values import (
    ADDENDUM,
    BUNDLE,
    MEETING,
    OTHER,
    RUN,
    begin,
    begin_met,
    closed,
    freeze_of,
)


class MeetingContract:
    """How the processes that write one run find it."""

    def test_a_meeting_nobody_came_to_has_no_run(self, store: Store) -> None:
        begin(store)
        assert store.met(MEETING) is None

    def test_a_meeting_tells_the_run_that_was_begun_for_it(self, store: Store) -> None:
        begin_met(store, RUN)
        begin_met(store, OTHER, meeting="another")
        assert (store.met(MEETING), store.met("another")) == (RUN, OTHER)

    def test_a_meeting_is_one_runs(self, store: Store) -> None:
        begin_met(store, RUN)
        with pytest.raises(MeetingTakenError, match=f"{RUN} has been begun under the meeting 'job-17/0'") as caught:
            begin_met(store, OTHER)
        assert caught.value.run_id == RUN
        assert store.met(MEETING) == RUN

    def test_who_comes_late_to_a_meeting_creates_nothing(self, store: Store) -> None:
        begin_met(store, RUN)
        with pytest.raises(MeetingTakenError):
            begin_met(store, OTHER)
        assert [row.run_id for row in store.runs()] == [RUN]
        with pytest.raises(RunNotFoundError):
            store.owners(OTHER)

    def test_who_comes_late_with_the_same_id_learns_that_the_meeting_is_taken(self, store: Store) -> None:
        begin_met(store, RUN)
        with pytest.raises(MeetingTakenError) as caught:
            begin_met(store, RUN)
        assert caught.value.run_id == RUN

    def test_a_run_that_cannot_be_created_leaves_its_meeting_open(self, store: Store) -> None:
        begin(store, RUN)
        with pytest.raises(RecordError, match=f"there is a run {RUN} already"):
            begin_met(store, RUN)
        assert store.met(MEETING) is None
        begin_met(store, OTHER)
        assert store.met(MEETING) == OTHER

    def test_a_meeting_outlives_the_end_of_its_run(self, store: Store) -> None:
        begin_met(store, RUN)
        store.append(RUN, [closed()])
        store.freeze(RUN, freeze_of(store))
        store.put_bundle(RUN, BUNDLE)
        assert store.met(MEETING) == RUN
        with pytest.raises(MeetingTakenError):
            begin_met(store, OTHER)

    def test_a_discarded_run_leaves_its_meeting_open(self, store: Store) -> None:
        begin_met(store, RUN)
        begin_met(store, OTHER, meeting="another")
        store.discard(RUN, "a typo", factories.TIME)
        assert (store.met(MEETING), store.met("another")) == (None, OTHER)
        begin_met(store, ADDENDUM)
        assert store.met(MEETING) == ADDENDUM

    def test_a_run_may_have_several_meetings(self, store: Store) -> None:
        begin_met(store, RUN)
        assert store.meet("another", RUN) == RUN
        assert (store.met(MEETING), store.met("another")) == (RUN, RUN)

    def test_a_meeting_that_has_a_run_keeps_it(self, store: Store) -> None:
        begin_met(store, RUN)
        begin(store, OTHER)
        assert store.meet(MEETING, OTHER) == RUN
        assert store.met(MEETING) == RUN

    def test_a_run_can_be_met_after_its_end(self, store: Store) -> None:
        begin(store, RUN)
        store.append(RUN, [closed()])
        store.freeze(RUN, freeze_of(store))
        assert store.meet(MEETING, RUN) == RUN

    def test_of_threads_that_create_under_one_meeting_at_once_one_succeeds(self, store: Store) -> None:
        def come(number: int) -> str:
            try:
                begin_met(store, f"run_20250912_143022_0000{number}")
            except MeetingTakenError as taken:
                return taken.run_id
            return f"run_20250912_143022_0000{number}"

        with ThreadPoolExecutor(4) as threads:
            learnt = set(threads.map(come, range(4)))
        assert [row.run_id for row in store.runs()] == list(learnt) == [store.met(MEETING)]
