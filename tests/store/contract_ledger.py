"""What every store promises of its ledger. A new store is held to it by a subclass with a fixture `store`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cognify_core.errors import RecordError, RunNotFoundError, StoreError
from cognify_core.merkle import consistency_proof, inclusion_proof, leaf_hash, root_hash, verify_inclusion
from cognify_core.merkle_nodes import consistency_ranges, needed, peaks, proof
from cognify_core.store.keeping import KeepUntil, Purge
from cognify_core.store.protocol import Entry, Leaf, Place, Store
from tests import factories
from tests.store.values import BUNDLE, OTHER, RUN, begin, closed, draft, freeze_of, frozen, leaf, receipt


def some(count: int) -> list[Leaf]:
    return [leaf("opened", f"run {number}") for number in range(count)]


def entry(of: Leaf) -> Entry:
    return Entry(of, lambda place: b"proved at %d of %d" % (place.position, place.size))


class LedgerContract:
    """Appending leaves, and proving that they stand there."""

    def test_a_ledger_begins_empty(self, store: Store) -> None:
        assert (store.ledger_size(), list(store.leaves())) == (0, [])
        assert store.find_leaf("opened", RUN) is None

    def test_leaves_stand_in_the_order_of_their_appending(self, store: Store) -> None:
        leaves = some(7)
        assert [place.position for place in store.log(leaves[:3]) + store.log(leaves[3:])] == list(range(7))
        assert (store.ledger_size(), list(store.leaves())) == (7, leaves)
        assert list(store.leaves(2, 4)) == leaves[2:4]
        assert list(store.leaves(-1, 99)) == leaves
        assert store.find_leaf("opened", "run 5") == (5, leaves[5])

    def test_each_leaf_is_proved_under_the_root_that_it_made(self, store: Store) -> None:
        hashes = [leaf_hash(each.body) for each in some(19)]
        for size, place in enumerate(store.log(some(19)), start=1):
            assert (place.size, place.root) == (size, root_hash(hashes[:size]))
            assert list(place.proof) == inclusion_proof(hashes[:size], size - 1)
            verify_inclusion(hashes[size - 1], size - 1, size, place.proof, place.root)

    def test_any_proof_can_be_made_of_the_nodes(self, store: Store) -> None:
        store.log(some(13))
        hashes = [leaf_hash(each.body) for each in some(13)]
        ranges = consistency_ranges(5, 13)
        assert proof(ranges, store.nodes(needed(ranges))) == consistency_proof(hashes, 5)
        assert list(store.nodes(peaks(13)).values()) == [root_hash(hashes[:8]), root_hash(hashes[8:12]), hashes[12]]

    def test_bodies_and_levels_are_read_as_they_lie_there(self, store: Store) -> None:
        store.log(some(5))
        hashes = [leaf_hash(each.body) for each in some(5)]
        assert store.leaf_bodies(1, 9) == [each.body for each in some(5)[1:]]
        assert store.node_row(0, 1, 2) == hashes[1:3]
        assert store.node_row(1, 0, 9) == [root_hash(hashes[:2]), root_hash(hashes[2:4])]
        assert store.node_row(7, 0, 9) == store.leaf_bodies(5, 1) == []

    def test_a_node_that_is_not_there_is_damage(self, store: Store) -> None:
        store.log(some(3))
        with pytest.raises(StoreError, match="no node 1 of level 1"):
            store.nodes([(0, 0), (1, 1)])

    def test_a_leaf_is_taken_once(self, store: Store) -> None:
        first = store.log(some(6))
        assert store.log(some(6)) == first
        assert store.ledger_size() == 6

    def test_a_run_is_opened_once_and_sealed_once(self, store: Store) -> None:
        store.log([leaf("opened"), leaf("seal")])
        for kind in ("opened", "seal"):
            with pytest.raises(RecordError, match=f"another leaf that is the {kind} of {RUN}"):
                store.log([leaf("tombstone"), leaf(kind, said="otherwise")])
        assert [each.kind for each in store.leaves()] == ["opened", "seal"]

    def test_one_statement_is_not_logged_twice(self, store: Store) -> None:
        store.log([leaf("opened")])
        with pytest.raises(RecordError, match="refused"):
            store.log([Leaf("seal", RUN, leaf("opened").payload, b"another body")])
        assert store.ledger_size() == 1

    def test_each_workspace_has_a_ledger_of_its_own(self, store: Store) -> None:
        store.log(some(2))
        assert store.log([leaf("opened")], workspace="other")[0].position == 0
        assert (store.ledger_size(), store.ledger_size(workspace="other")) == (2, 1)

    def test_a_run_begins_with_its_leaf_or_not_at_all(self, store: Store) -> None:
        store.create(RUN, draft(factories.opened()), leaf=leaf("opened"))
        assert store.find_leaf("opened", RUN) == (0, leaf("opened"))
        with pytest.raises(RecordError, match="another leaf"):
            store.create(OTHER, draft(factories.opened()), leaf=leaf("opened", said="otherwise"))
        with pytest.raises(RunNotFoundError):
            store.run(OTHER)

    def test_a_bundle_and_its_leaf_come_together(self, store: Store) -> None:
        frozen(store)
        store.log(some(4))
        assert store.put_bundle(RUN, BUNDLE, entry(leaf("seal"))) == b"proved at 4 of 5"
        assert store.put_bundle(RUN, BUNDLE, entry(leaf("seal", said="again"))) == b"proved at 4 of 5"
        assert (store.bundle(RUN), store.ledger_size()) == (b"proved at 4 of 5", 5)

    def test_a_bundle_that_cannot_be_made_leaves_no_leaf(self, store: Store) -> None:
        def fail(_place: Place) -> bytes:
            raise StoreError("the key is gone")

        frozen(store)
        with pytest.raises(StoreError, match="the key is gone"):
            store.put_bundle(RUN, BUNDLE, Entry(leaf("seal"), fail))
        assert (store.bundle(RUN), store.ledger_size()) == (None, 0)

    def test_a_seal_that_the_ledger_has_and_the_store_has_not_is_not_made_anew(self, store: Store) -> None:
        frozen(store)
        store.log([leaf("seal")])
        with pytest.raises(RecordError, match="another leaf that is the seal"):
            store.put_bundle(RUN, BUNDLE, entry(leaf("seal", said="again")))
        assert store.bundle(RUN) is None

    def test_a_receipt_and_its_leaf_come_together(self, store: Store) -> None:
        frozen(store)
        one = leaf("receipt", str(receipt().package_hash))
        assert store.put_receipt(receipt(), entry(one)).bundle == b"proved at 0 of 1"
        assert store.put_receipt(receipt(), entry(leaf("receipt", said="again"))).bundle == b"proved at 0 of 1"
        assert store.ledger_size() == 1

    def test_the_first_envelope_is_kept_and_belongs_to_a_frozen_run(self, store: Store) -> None:
        begin(store, OTHER)
        with pytest.raises(RecordError, match="is not frozen"):
            store.put_envelope(OTHER, BUNDLE)
        frozen(store)
        assert store.envelope(RUN) is None
        assert store.put_envelope(RUN, BUNDLE) == BUNDLE
        assert store.put_envelope(RUN, b"another") == BUNDLE
        assert store.envelope(RUN) == BUNDLE

    def test_a_run_that_the_ledger_lists_is_discarded_with_a_leaf(self, store: Store) -> None:
        store.create(RUN, draft(factories.opened()), leaf=leaf("opened"))
        with pytest.raises(RecordError, match="by a leaf of the ledger"):
            store.discard(RUN, "a typo", factories.TIME)
        stone = store.discard(RUN, "a typo", factories.TIME, lambda stone: leaf("tombstone", said=stone.root))
        assert store.find_leaf("tombstone", RUN) == (1, leaf("tombstone", said=stone.root))
        assert store.tombstones() == [stone]

    def test_a_sealed_run_that_is_purged_leaves_a_leaf_for_each_tombstone(self, store: Store) -> None:
        store.create(RUN, draft(factories.opened()), leaf=leaf("opened"))
        store.append(RUN, [closed()])
        store.freeze(RUN, freeze_of(store, RUN))
        store.put_envelope(RUN, BUNDLE)
        store.keep_until(RUN, KeepUntil("2020-01-01", "a law", factories.TIME))
        purge = Purge("A. Person", "B. Person", "over", factories.TIME, None, "[]")
        with pytest.raises(RecordError, match="by a leaf of the ledger"):
            store.purge(RUN, purge)
        assert store.purge(RUN, purge, lambda stone: leaf("tombstone", stone.run_id)) == [RUN]
        assert store.find_leaf("tombstone", RUN) == (1, leaf("tombstone", RUN))

    def test_several_threads_append_one_after_another(self, store: Store) -> None:
        leaves = some(24)
        with ThreadPoolExecutor(4) as threads:
            places = [place for (place,) in threads.map(lambda each: store.log([each]), leaves)]
        assert sorted(place.position for place in places) == list(range(24))
        assert root_hash(leaf_hash(each.body) for each in store.leaves()) == max(places, key=lambda p: p.size).root
