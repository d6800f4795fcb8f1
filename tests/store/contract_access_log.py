"""What every store promises of its access log. A new store is held to it by a subclass with a fixture `store`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cognify_core.errors import RunNotFoundError
from cognify_core.merkle import consistency_proof, leaf_hash, root_hash
from cognify_core.merkle_nodes import consistency_ranges, needed, proof
from cognify_core.model.access_entries import AccessEntry
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.store.access_log import Look
from cognify_core.store.protocol import Opening, Store
from tests import factories
from tests.store.values import BUNDLE, OTHER, RUN, begin, frozen

ACTOR = Opening(str(Digest.of(b"ada")), "actor", b"\x01" * 32, "ada \x1b[31m‮ 💊")
SOURCE = Opening(str(Digest.of(b"ip")), "source", b"\x02" * 32, "2001:db8::1")


def access(action: str = "show", **fields: object) -> Access:
    known = {"at": factories.TIME, "action": action, "actor": Digest.parse(ACTOR.commitment), "observed_by": "machine"}
    return Access.model_validate(known | fields)


def look(run_id: str | None = RUN, *openings: Opening, within: int = 0, **fields: object) -> Look:
    return Look(run_id, access(**fields), openings, within)  # type: ignore[arg-type]  # fields of an access


def entries(store: Store) -> list[bytes]:
    return [row.entry for row in store.access_rows(0, 1000)]


class AccessLogContract:
    """Who read or exported what."""

    def test_a_log_begins_empty(self, store: Store) -> None:
        assert (store.access_size(), store.access_rows(0, 10), store.find_accesses()) == (0, [], [])
        assert store.put_accesses([]) == []

    def test_accesses_are_kept_in_the_order_of_their_coming(self, store: Store) -> None:
        begin(store)
        said = [look(action="show"), look(action="export", subject="sha256:1"), look(action="show")]
        assert [store.put_accesses([each]) for each in said] == [[0], [1], [2]]
        assert store.accesses(RUN) == [each.access for each in said]
        assert store.access_size() == 3

    def test_an_access_says_all_that_it_can_say(self, store: Store) -> None:
        begin(store)
        source = Digest.parse(SOURCE.commitment)
        whole = access("verify", subject="\x00 =cmd", source=source, auth="os_user", outcome="failed")
        store.put_accesses([Look(RUN, whole, (ACTOR, SOURCE), within=60)])
        (row,) = store.access_rows(0, 10)
        assert AccessEntry.parse(row.entry) == AccessEntry("default", 0, RUN, whole, 60)
        assert (row.position, row.run_id, row.head, row.openings) == (0, RUN, None, (ACTOR, SOURCE))

    def test_every_entry_is_a_leaf_of_the_tree_whose_root_is_signed(self, store: Store) -> None:
        begin(store)
        signed: list[tuple[int, bytes]] = []

        def sign(size: int, root: bytes) -> bytes:
            signed.append((size, root))
            return b"head %d" % size

        for count in (1, 2, 5, 1, 8, 3):
            store.put_accesses([look(action=f"{number}") for number in range(count)], sign)
        leaves = [leaf_hash(entry) for entry in entries(store)]
        assert signed == [(size, root_hash(leaves[:size])) for size in (1, 3, 8, 9, 17, 20)]
        assert [row.head for row in store.access_rows(0, 4)] == [b"head 1", None, b"head 3", None]
        ranges = consistency_ranges(8, 20)
        assert proof(ranges, store.nodes(needed(ranges), tree="accesses")) == consistency_proof(leaves, 8)
        assert store.node_row(0, 3, 2, tree="accesses") == leaves[3:5]

    def test_the_log_is_another_than_the_ledger(self, store: Store) -> None:
        begin(store)
        store.put_accesses([look()])
        assert (store.ledger_size(), store.node_row(0, 0, 9)) == (0, [])

    def test_rows_are_found_by_run_newest_first_by_pages(self, store: Store) -> None:
        begin(store)
        begin(store, OTHER)
        store.put_accesses([look(RUN), look(OTHER), look(None, action="list"), look(RUN), look(RUN)])
        assert [row.position for row in store.find_accesses(limit=3)] == [4, 3, 2]
        assert [row.position for row in store.find_accesses(before=2)] == [1, 0]
        assert [row.position for row in store.find_accesses(run_id=RUN, before=4, limit=1)] == [3]
        assert [row.run_id for row in store.access_rows(1, 2)] == [OTHER, None]

    def test_accesses_are_found_by_who_and_when(self, store: Store) -> None:
        begin(store)
        days = ("2026-11-28T23:59:59.999999Z", "2026-11-29T00:00:00.000000Z", "2026-11-30T00:00:00.000000Z")
        for number, at in enumerate(days):
            action = ('"at":"2020-01-01T00:00:00.000000Z"', "show", "list\\")[number]
            store.put_accesses([look(RUN, *((ACTOR, SOURCE) if number else ()), at=at, action=action)])

        def places(**wanted: str) -> list[int]:
            found = store.find_accesses(**wanted)  # type: ignore[arg-type]  # each is a name or a time
            return [row.position for row in found]

        assert (places(since="2026-11-29"), places(until="2026-11-29")) == ([2, 1], [0])
        assert places(since="2026-11-29", until="2026-11-30", run_id=RUN) == [1]
        assert (places(person="ADA"), places(person="db8::"), places(person="a%")) == ([2, 1], [2, 1], [])
        assert (places(person="ada", until="2026-11-30"), places(person="grace")) == ([1], [])

    def test_the_clear_values_of_an_access_are_among_the_openings_each_once(self, store: Store) -> None:
        begin(store)
        store.put_accesses([look(RUN, ACTOR, SOURCE), look(RUN, ACTOR)])
        store.put_accesses([look(RUN, ACTOR)])
        assert store.openings(RUN) == [ACTOR, SOURCE]

    def test_erasing_the_openings_leaves_the_accesses_without_a_name(self, store: Store) -> None:
        begin(store)
        store.put_accesses([look(RUN, ACTOR, SOURCE)])
        before = entries(store)
        assert store.erase_openings(RUN) == 2
        assert (entries(store), store.openings(RUN), store.find_accesses()[0].openings) == (before, [], ())

    def test_clear_values_are_erased_by_run_by_what_they_say_or_all(self, store: Store) -> None:
        others = [Opening(str(Digest.of(name)), "actor", name, name.decode()) for name in (b"bob", b"cy", b"di")]
        begin(store)
        begin(store, OTHER)
        store.put_accesses(
            [look(RUN, ACTOR, SOURCE), look(RUN, others[0]), look(OTHER, others[1]), look(None, others[2])]
        )
        assert (store.count_clear(value="bob"), store.count_clear(run_id=RUN)) == (1, 3)
        assert store.erase_accesses(value="bob") == 1
        assert store.openings(RUN) == [ACTOR, SOURCE]
        assert store.erase_accesses(run_id=RUN, value="cy") == 0
        assert store.erase_accesses(run_id=RUN) == 2
        assert store.openings(OTHER) == [others[1]]
        assert store.erase_accesses() == 2
        assert store.access_size() == 4

    def test_accesses_are_each_runs_own(self, store: Store) -> None:
        begin(store)
        begin(store, OTHER)
        store.put_accesses([look(RUN, ACTOR)])
        assert (store.accesses(OTHER), store.openings(OTHER)) == ([], [])

    def test_a_sealed_run_is_still_read(self, store: Store) -> None:
        frozen(store)
        store.put_bundle(RUN, BUNDLE)
        store.put_accesses([look(RUN, ACTOR)])
        assert store.accesses(RUN) == [access()]

    def test_accesses_outlive_their_run(self, store: Store) -> None:
        begin(store)
        store.put_accesses([look(RUN, ACTOR)])
        store.discard(RUN, "a typo", factories.TIME)
        assert store.put_accesses([look(RUN, action="discard")]) == [1]
        assert [each.action for each in store.accesses(RUN)] == ["show", "discard"]
        assert store.find_accesses(run_id=RUN)[1].openings == (ACTOR,)
        assert store.erase_accesses(run_id=RUN) == 1

    def test_a_run_that_never_was_is_not_accessed(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RunNotFoundError, match=f"there is no run {OTHER}"):
            store.put_accesses([look(RUN), look(OTHER)])
        with pytest.raises(RunNotFoundError, match=f"there is no run {OTHER}"):
            store.accesses(OTHER)
        assert store.access_size() == 0

    def test_of_many_who_append_at_once_each_comes_after_the_other(self, store: Store) -> None:
        begin(store)
        with ThreadPoolExecutor(8) as threads:
            places = list(threads.map(lambda number: store.put_accesses([look(action=f"{number}")] * 3), range(40)))
        assert sorted(place for each in places for place in each) == list(range(120))
        assert [AccessEntry.parse(entry).position for entry in entries(store)] == list(range(120))
        level = store.node_row(0, 0, 200, tree="accesses")
        assert level == [leaf_hash(entry) for entry in entries(store)]
