"""What every store promises of manifests, receipts, openings and owners. A part of `StoreContract`."""

from __future__ import annotations

import pytest

from cognify_core.errors import (
    RunNotFoundError,
    StoreError,
)
from cognify_core.model.digest import Digest
from cognify_core.model.record import Freeze
from cognify_core.store.protocol import Owner, Store
from tests import factories
from tests.store.values import (
    BUNDLE,
    MEETING,
    OPENINGS,
    OTHER,
    OWNER,
    RUN,
    begin,
    frozen,
    note,
    receipt,
)


class BelongingsContract:
    """What is kept beside records: manifests, receipts, clear values, owners."""

    def test_a_manifest_is_kept_under_its_digest(self, store: Store) -> None:
        digest = store.put_manifest(factories.TREE)
        assert digest == Digest.of(factories.TREE) == store.put_manifest(factories.TREE)
        assert store.manifest(digest) == factories.TREE

    def test_a_manifest_of_many_megabytes_comes_back_whole(self, store: Store) -> None:
        manifest = bytes(range(256)) * 32768
        assert store.manifest(store.put_manifest(manifest)) == manifest

    def test_many_manifests_come_back_at_once_without_those_that_are_not_there(self, store: Store) -> None:
        kept = {store.put_manifest(data): data for data in (b"manifest %d" % place for place in range(1201))}
        assert store.manifests([*kept, Digest.of(b"nothing")]) == kept
        assert store.manifests([]) == {}

    def test_a_manifest_that_is_not_there_is_named(self, store: Store) -> None:
        with pytest.raises(StoreError, match=f"holds no manifest {Digest.of(b'nothing')}"):
            store.manifest(Digest.of(b"nothing"))

    def test_what_belongs_to_many_runs_is_read_together(self, store: Store) -> None:
        for run_id in (RUN, OTHER):
            frozen(store, run_id)
        store.put_bundle(RUN, BUNDLE)
        mine = [store.put_receipt(receipt(package)) for package in (b"2", b"1")]
        assert store.bundles([RUN, OTHER]) == {RUN: BUNDLE}
        assert (store.receipts_of([RUN, OTHER]), store.receipts_of([OTHER])) == ({RUN: mine}, {})
        assert (store.bundles([]), store.receipts_of([])) == ({}, {})

    def test_the_first_receipt_of_a_package_stays(self, store: Store) -> None:
        frozen(store)
        first, second = receipt(b"1"), receipt(b"0")
        assert store.put_receipt(first) == first
        assert store.put_receipt(second) == second
        other = receipt(b"1", RUN)
        assert store.put_receipt(other) == first
        assert store.receipts(RUN) == [first, second]

    def test_openings_are_kept_once_and_in_order(self, store: Store) -> None:
        begin(store)
        store.put_openings(RUN, OPENINGS[:1])
        store.put_openings(RUN, OPENINGS)
        assert store.openings(RUN) == OPENINGS

    def test_openings_can_be_erased(self, store: Store) -> None:
        begin(store)
        begin(store, OTHER)
        store.put_openings(RUN, OPENINGS)
        store.put_openings(OTHER, OPENINGS)
        assert store.erase_openings(RUN) == 2
        assert store.openings(RUN) == []
        assert store.openings(OTHER) == OPENINGS

    def test_a_sealed_runs_openings_can_be_erased(self, store: Store) -> None:
        frozen(store)
        store.put_openings(RUN, OPENINGS)
        store.put_bundle(RUN, BUNDLE)
        assert store.erase_openings(RUN) == 2

    def test_the_last_owner_of_a_rank_counts(self, store: Store) -> None:
        begin(store)
        assert store.owners(RUN) == []
        store.set_owner(RUN, OWNER)
        store.set_owner(RUN, Owner("host", "boot", 4712, "123999"))
        assert store.owners(RUN) == [Owner("host", "boot", 4712, "123999", rank=0)]

    def test_each_rank_of_a_run_has_an_owner(self, store: Store) -> None:
        begin(store)
        begin(store, OTHER)
        ranks = [Owner("host", "boot", 4711 + rank, "123456", rank) for rank in range(11)]
        for owner in reversed(ranks):
            store.set_owner(RUN, owner)
        moved = Owner("another-host", "boot", 1, "1", 3)
        store.set_owner(RUN, moved)
        assert store.owners(RUN) == [*ranks[:3], moved, *ranks[4:]]
        assert store.owners(OTHER) == []

    def test_every_method_says_that_there_is_no_such_run(self, store: Store) -> None:
        freeze = Freeze(1, "0" * 64, Digest.of(b""), factories.SEALED_AT)
        for call in (
            lambda: store.append(RUN, [note(1)]),
            lambda: store.append(RUN, []),
            lambda: store.events(RUN),
            lambda: store.run(RUN),
            lambda: store.addenda(RUN),
            lambda: store.freeze(RUN, freeze),
            lambda: store.put_bundle(RUN, BUNDLE),
            lambda: store.bundle(RUN),
            lambda: store.put_receipt(receipt()),
            lambda: store.receipts(RUN),
            lambda: store.put_openings(RUN, OPENINGS),
            lambda: store.openings(RUN),
            lambda: store.erase_openings(RUN),
            lambda: store.set_owner(RUN, OWNER),
            lambda: store.meet(MEETING, RUN),
            lambda: store.owners(RUN),
            lambda: store.discard(RUN, "", factories.TIME),
        ):
            with pytest.raises(RunNotFoundError, match=f"there is no run {RUN}"):
                call()
