"""What every store promises. A new store is held to it by a subclass with a fixture `store`."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cognify_core.errors import (
    FormatError,
    RecordError,
    RecordLengthError,
    RunNotFoundError,
    RunSealedError,
)
from cognify_core.merkle import leaf_hash, root_hash
from cognify_core.model.digest import Digest
from cognify_core.model.events import Phase, parse_event
from cognify_core.model.record import Freeze, Status
from cognify_core.store.protocol import Store
from tests import factories
from tests.store.contract_belongings import BelongingsContract
from tests.store.contract_meetings import MeetingContract
from tests.store.values import (
    ADDENDUM,
    BUNDLE,
    OPENINGS,
    OTHER,
    OWNER,
    RUN,
    amends,
    begin,
    closed,
    draft,
    freeze_of,
    frozen,
    later,
    note,
    notes,
    receipt,
)


class RecordContract:
    """Creating runs, appending to them, and reading them."""

    def test_a_record_begins_with_run_opened(self, store: Store) -> None:
        begin(store)
        (first,) = store.events(RUN)
        assert first == draft(factories.opened(), time=factories.OPENED_AT).at(RUN, 0).encode()

    def test_a_store_that_can_be_written_passes_and_nothing_of_it_stays(self, store: Store) -> None:
        begin(store)
        store.check_writable()
        assert (len(store.runs()), store.run(RUN).size) == (1, 1)

    def test_a_run_can_have_an_owner_from_its_first_event_on(self, store: Store) -> None:
        store.create(RUN, draft(factories.opened()), OWNER)
        assert store.owners(RUN) == [OWNER]

    def test_nothing_but_run_opened_begins_a_record(self, store: Store) -> None:
        with pytest.raises(RecordError, match="begins with run_opened"):
            store.create(RUN, note(0))

    def test_a_run_id_is_written_as_one(self, store: Store) -> None:
        with pytest.raises(RecordError, match=r"not a run id: '\.\./run'"):
            store.create("../run", draft(factories.opened()))

    def test_a_run_id_is_given_once(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match=f"there is a run {RUN} already"):
            begin(store, nonce="f" * 32)
        assert store.run(RUN).nonce == factories.NONCE

    def test_events_are_numbered_in_the_order_of_their_appending(self, store: Store) -> None:
        begin(store)
        assert store.append(RUN, notes(1, 2)) == 3
        assert store.append(RUN, [note(3)]) == 4
        assert [parse_event(event).seq for event in store.events(RUN)] == [0, 1, 2, 3]
        assert list(store.events(RUN))[2] == note(2).at(RUN, 2).encode()

    def test_a_draft_is_taken_once(self, store: Store) -> None:
        begin(store)
        store.append(RUN, notes(1, 2))
        assert store.append(RUN, notes(2, 3, 3)) == 4
        assert [parse_event(event).body for event in store.events(RUN, 1)] == [d.body for d in notes(1, 2, 3)]

    def test_two_writers_may_count_alike(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [note(1, writer="rank0"), note(1, writer="rank1")])
        assert store.run(RUN).size == 3

    def test_a_writer_who_gives_one_counter_to_two_drafts_is_refused(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [note(1)])
        with pytest.raises(RecordError, match="'main' has given the counter 1 to two different events"):
            store.append(RUN, [note(2), later(note(1))])
        with pytest.raises(RecordError, match="'main' has given the counter 3 to two different events"):
            store.append(RUN, [note(3), later(note(3))])
        assert store.run(RUN).size == 2

    def test_appending_nothing_changes_nothing(self, store: Store) -> None:
        begin(store)
        assert store.append(RUN, []) == 1

    def test_appending_at_the_length_that_the_writer_saw_succeeds(self, store: Store) -> None:
        begin(store)
        assert store.append(RUN, [note(1)], at=1) == 2

    def test_appending_at_another_length_is_refused(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [note(1)])
        with pytest.raises(RecordLengthError, match="has 2 events, not 1"):
            store.append(RUN, [note(2)], at=1)
        assert store.run(RUN).size == 2

    def test_an_event_without_bytes_keeps_its_whole_call_out(self, store: Store) -> None:
        begin(store)
        unwritable = draft(Phase(phase="started", facts={"seed": 2**60}), 2)
        with pytest.raises(FormatError, match="canonical JSON"):
            store.append(RUN, [note(1), unwritable])
        assert store.append(RUN, [note(1)]) == 2

    def test_a_second_run_opened_is_refused(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match="has begun already"):
            store.append(RUN, [draft(factories.opened(), 7)])

    def test_a_closed_run_takes_no_events(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [closed()])
        with pytest.raises(RunSealedError, match="is closed and takes no more events"):
            store.append(RUN, [note(1)])

    def test_run_closed_comes_last(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RunSealedError, match="run_closed comes last"):
            store.append(RUN, [closed(), note(1)])
        assert store.run(RUN).size == 1

    def test_what_a_record_holds_may_be_sent_again_after_its_end(self, store: Store) -> None:
        frozen(store)
        assert store.append(RUN, [note(1), closed()], at=1) == 3

    def test_events_can_be_read_from_any_place(self, store: Store) -> None:
        begin(store)
        store.append(RUN, notes(1, 2))
        assert list(store.events(RUN, 2)) == [note(2).at(RUN, 2).encode()]
        assert list(store.events(RUN, 9)) == []

    def test_reading_sees_the_record_as_of_the_moment_of_the_call(self, store: Store) -> None:
        begin(store)
        reading = store.events(RUN)
        store.append(RUN, [note(1)])
        assert len(list(reading)) == 1

    def test_a_long_record_is_read_whole_and_in_order(self, store: Store) -> None:
        begin(store)
        store.append(RUN, notes(*range(1, 1203)))
        assert list(store.events(RUN, 1)) == [note(seq).at(RUN, seq).encode() for seq in range(1, 1203)]

    def test_threads_that_append_at_once_leave_one_whole_record(self, store: Store) -> None:
        begin(store)

        def write(writer: str) -> None:
            for counter in range(1, 21):
                store.append(RUN, notes(counter, counter + 1, writer=writer))

        threads = [threading.Thread(target=write, args=(f"rank{rank}",)) for rank in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = [parse_event(event) for event in store.events(RUN)]
        assert [event.seq for event in events] == list(range(1 + 4 * 21))
        texts = [event.body.model_dump().get("text", "") for event in events]
        for rank in range(4):
            writer = f"rank{rank}"
            assert [text for text in texts if text.endswith(writer)] == [
                f"note {counter} of {writer}" for counter in range(1, 22)
            ]


class RunContract:
    """What a store knows of runs; freezing, sealing, discarding."""

    def test_a_run_is_running_until_it_is_closed(self, store: Store) -> None:
        begin(store, name="a try", workspace="default")
        row = store.run(RUN)
        assert (row.status, row.complete, row.size) == (Status.RUNNING, None, 1)
        assert (row.nonce, row.project, row.name) == (factories.NONCE, "clinical-nlp", "a try")
        assert (row.opened_at, row.amends, row.ordinal, row.freeze) == (factories.OPENED_AT, None, None, None)

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.INTERRUPTED])
    def test_a_closed_run_has_the_status_that_it_closed_with(self, store: Store, status: Status) -> None:
        begin(store)
        store.append(RUN, [closed(status=status.value, complete=False)])
        assert (store.run(RUN).status, store.run(RUN).complete) == (status, False)

    def test_a_run_is_sealed_once_its_bundle_is_kept(self, store: Store) -> None:
        freeze = frozen(store)
        assert store.run(RUN).status is Status.COMPLETED
        store.put_bundle(RUN, BUNDLE)
        row = store.run(RUN)
        assert (row.status, row.complete, row.freeze) == (Status.AUDIT_SEALED, True, freeze)

    def test_runs_are_listed_newest_first(self, store: Store) -> None:
        begin(store, OTHER, time="2025-09-13T08:00:00.000000Z")
        begin(store, RUN, time="2025-09-12T08:00:00.000000Z")
        assert [row.run_id for row in store.runs()] == [OTHER, RUN]

    def test_runs_are_listed_by_workspace(self, store: Store) -> None:
        begin(store, RUN)
        begin(store, OTHER, workspace="clinic")
        assert [row.run_id for row in store.runs(workspace="clinic")] == [OTHER]

    def test_addenda_are_listed_where_they_are_asked_for(self, store: Store) -> None:
        frozen(store)
        begin(store, OTHER, amends=amends(ordinal=2), time=factories.TIME)
        begin(store, ADDENDUM, amends=amends(ordinal=1), time=factories.CLOSED_AT)
        assert [row.run_id for row in store.runs()] == [RUN]
        assert [row.run_id for row in store.runs(addenda=True)] == [ADDENDUM, OTHER, RUN]
        assert [(row.run_id, row.amends, row.ordinal) for row in store.addenda(RUN)] == [
            (ADDENDUM, RUN, 1),
            (OTHER, RUN, 2),
        ]

    def test_a_run_has_one_addendum_of_each_ordinal(self, store: Store) -> None:
        frozen(store)
        begin(store, ADDENDUM, amends=amends())
        with pytest.raises(RecordError, match="has an addendum 1 already"):
            begin(store, OTHER, amends=amends())

    def test_only_a_frozen_run_takes_addenda(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match="is not frozen: it takes events, and no addendum"):
            begin(store, ADDENDUM, amends=amends())

    def test_an_addendum_names_its_run_by_nonce_too(self, store: Store) -> None:
        frozen(store)
        with pytest.raises(RecordError, match="has another nonce than the addendum says"):
            begin(store, ADDENDUM, amends=amends(nonce="f" * 32))

    def test_an_addendum_needs_its_run(self, store: Store) -> None:
        with pytest.raises(RunNotFoundError, match=RUN):
            begin(store, ADDENDUM, amends=amends())

    def test_a_freeze_checks_the_length(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [closed()])
        with pytest.raises(RecordError, match="cannot be frozen at 3 events: it has 2"):
            store.freeze(RUN, Freeze(3, "0" * 64, Digest.of(b""), factories.SEALED_AT))

    def test_only_a_closed_run_can_be_frozen(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match="its record is not closed"):
            store.freeze(RUN, freeze_of(store))

    def test_the_first_freeze_stays(self, store: Store) -> None:
        first = frozen(store)
        assert store.freeze(RUN, Freeze(3, "0" * 64, Digest.of(b""), "2030-01-01T00:00:00Z")) == first
        assert store.run(RUN).freeze == first

    def test_a_frozen_run_takes_no_events(self, store: Store) -> None:
        frozen(store)
        with pytest.raises(RunSealedError, match="is frozen and takes no more events"):
            store.append(RUN, [note(2)])

    def test_the_first_bundle_stays(self, store: Store) -> None:
        frozen(store)
        assert store.bundle(RUN) is None
        assert store.put_bundle(RUN, BUNDLE) == BUNDLE
        assert store.put_bundle(RUN, b"another") == BUNDLE
        assert store.bundle(RUN) == BUNDLE

    def test_only_a_frozen_run_has_a_bundle_and_receipts(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match="is not frozen"):
            store.put_bundle(RUN, BUNDLE)
        with pytest.raises(RecordError, match="is not frozen"):
            store.put_receipt(receipt())

    def test_discarding_leaves_a_tombstone_and_nothing_else(self, store: Store) -> None:
        begin(store)
        store.append(RUN, [note(1)])
        store.set_owner(RUN, OWNER)
        store.set_owner(RUN, replace(OWNER, rank=1))
        store.put_openings(RUN, OPENINGS)
        root = root_hash(leaf_hash(event) for event in store.events(RUN)).hex()
        stone = store.discard(RUN, "a typo in the data", factories.CLOSED_AT)
        assert (stone.run_id, stone.reason, stone.discarded_at) == (RUN, "a typo in the data", factories.CLOSED_AT)
        assert (stone.size, stone.root) == (2, root)
        assert store.tombstones() == [stone]
        assert store.runs() == []
        with pytest.raises(RunNotFoundError, match=r"was discarded at .*: a typo in the data"):
            store.events(RUN)

    def test_tombstones_are_listed_in_the_order_of_discarding(self, store: Store) -> None:
        begin(store, OTHER)
        begin(store, RUN)
        stones = [store.discard(run_id, "", factories.TIME) for run_id in (OTHER, RUN)]
        assert store.tombstones() == stones

    def test_the_id_of_a_discarded_run_is_not_given_again(self, store: Store) -> None:
        begin(store)
        store.discard(RUN, "a typo", factories.CLOSED_AT)
        with pytest.raises(RecordError, match="is the id of a run that was discarded"):
            begin(store)

    def test_a_frozen_run_cannot_be_discarded(self, store: Store) -> None:
        frozen(store)
        with pytest.raises(RunSealedError, match="only a run that was never sealed can be discarded"):
            store.discard(RUN, "I would rather not", factories.CLOSED_AT)
        assert store.run(RUN).size == 3


class StoreContract(RecordContract, RunContract, BelongingsContract, MeetingContract):
    """All of it."""
