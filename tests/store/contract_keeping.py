"""What every store promises of keeping: facts about vaults, policies, days, purges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cognify_core.errors import PolicyChangedError, RecordError, RunNotFoundError, RunStateError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Release
from cognify_core.store.keeping import Clocks, KeepUntil, KeptDays, Purge, VaultFact
from cognify_core.store.protocol import Store
from tests import factories
from tests.store.contract_working import job
from tests.store.values import (
    ADDENDUM,
    BUNDLE,
    OTHER,
    RUN,
    amends,
    begin,
    closed,
    draft,
    freeze_of,
    frozen,
    note,
    receipt,
)

RELEASE = Release(approved_by="B. Person", role="lead", ran_by="A. Person", on="2026-11-29")
PURGE = Purge("A. Person", "B. Person", "erasure is due \x1b[31m‮", "2026-11-28T00:00:00.000000Z", None, "[]")


def fact(**fields: Any) -> VaultFact:
    known = VaultFact(
        run_id=RUN,
        package_hash=Digest.of(b"package"),
        part="package",
        vault="s3://bucket/prefix",
        key=f"{RUN}/package.json",
        version="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
        digest=Digest.of(b"package"),
        mode="GOVERNANCE",
        until="2036-11-29T00:00:00Z",
        held=False,
        asked_mode="GOVERNANCE",
        asked_until="2036-11-29T00:00:00Z",
        asked_held=False,
        state="locked",
        read_at="2026-11-28T12:00:00Z",
    )
    return replace(known, **fields)


def day(until: str | None, why: str = "a law") -> KeepUntil:
    return KeepUntil(until, why, factories.TIME)


class KeepingContract:
    """Facts about vaults, what a workspace says, until when, purges."""

    def test_facts_are_kept_in_the_order_of_their_coming(self, store: Store) -> None:
        said = [fact(), fact(state="missing", mode=None, until=None), fact(held=True, asked_held=True, part="receipt")]
        for each in said:
            store.put_fact(each)
        store.put_fact(fact(run_id=OTHER))
        assert store.facts(RUN) == said
        assert store.facts() == [*said, fact(run_id=OTHER)]
        assert store.facts_after(1, 2) == [(2, said[1]), (3, said[2])]
        assert (store.facts_after(3, 9), store.count_facts()) == ([(4, fact(run_id=OTHER))], 4)

    def test_a_policy_is_kept_version_by_version(self, store: Store) -> None:
        for policy in (b"{}", b"{}", b'{"retention_years":7}', b"{}"):
            store.put_policy("retention", policy, factories.TIME)
        store.put_policy("vault", b'"s3://bucket"', factories.TIME)
        store.put_policy("retention", b"{}", factories.TIME, workspace="other")
        assert [(each.version, each.policy) for each in store.policies("retention")] == [
            (1, b"{}"),
            (2, b'{"retention_years":7}'),
            (3, b"{}"),
        ]
        assert [each.version for each in store.policies("vault")] == [1]

    def test_a_policy_that_rests_on_an_older_version_is_not_kept(self, store: Store) -> None:
        store.put_policy("retention", b"1", factories.TIME, after=0)
        for after in (0, 2):
            with pytest.raises(PolicyChangedError, match="changed the retention"):
                store.put_policy("retention", b"2", factories.TIME, after=after)
        store.put_policy("retention", b"3", factories.TIME, after=1)
        assert [each.policy for each in store.policies("retention")] == [b"1", b"3"]

    def test_a_run_is_kept_until_a_day_and_never_a_shorter_time(self, store: Store) -> None:
        frozen(store)
        assert store.kept_until(RUN) is None
        for until, then in (("2030-01-01", "2030-01-01"), ("2029-12-31", "2030-01-01"), ("2036-01-01", "2036-01-01")):
            store.keep_until(RUN, day(until))
            assert store.kept_until(RUN) == day(then)

    def test_an_open_hold_ends_when_its_clock_has_started_and_not_below_the_day_before_it(self, store: Store) -> None:
        frozen(store)
        for until, then in (
            ("2030-01-01", "2030-01-01"),
            (None, None),
            ("2029-01-01", None),
            ("2036-01-01", "2036-01-01"),
        ):
            store.keep_until(RUN, day(until))
            assert store.kept_until(RUN) == day(then)

    def test_only_a_sealed_run_is_kept_until_a_day(self, store: Store) -> None:
        begin(store)
        with pytest.raises(RecordError, match="is not frozen"):
            store.keep_until(RUN, day("2030-01-01"))
        with pytest.raises(RunNotFoundError, match="there is no run"):
            store.keep_until(OTHER, day("2030-01-01"))

    def test_what_keeps_a_run_is_told_of_one_and_of_all_that_are_frozen(self, store: Store) -> None:
        begin(store, OTHER)
        frozen(store, project="triage")
        assert (store.clocks(OTHER), store.all_clocks()[0].is_sealed) == (None, False)
        store.put_bundle(RUN, BUNDLE)
        begin(store, ADDENDUM, amends=amends())
        store.append(ADDENDUM, [draft(RELEASE, 1), closed()])
        store.freeze(ADDENDUM, replace(freeze_of(store, ADDENDUM), sealed_at="2027-01-02T03:04:05Z"))
        for name in (None, "hipaa", "hipaa", "eu_ai_act"):
            package = f"package {name} {len(store.receipts(RUN))}".encode()
            store.put_receipt(replace(receipt(package), template=name))
        store.keep_until(RUN, day("2030-01-01"))
        store.keep_until(RUN, day(None))
        (clocks,) = store.all_clocks()
        assert ([clocks], store.all_clocks([OTHER])) == (store.all_clocks([RUN]), [])
        assert clocks == store.clocks(RUN)
        assert [b'"kind":"release"' in event for event in clocks.releases] == [True]
        assert replace(clocks, releases=()) == Clocks(
            run_id=RUN,
            project="triage",
            sealed_at=factories.SEALED_AT,
            last_seal_at="2027-01-02T03:04:05Z",
            is_sealed=True,
            templates=frozenset({"hipaa", "eu_ai_act"}),
            packages=4,
            releases=(),
            kept=day(None),
        )

    def test_many_runs_are_kept_at_once_and_counted(self, store: Store) -> None:
        frozen(store)
        frozen(store, OTHER)
        assert store.count_kept() == KeptDays(None, None, 0)
        assert store.keep_all_until({RUN: day("2030-01-01"), OTHER: day("2036-01-01")}) == 2
        assert store.count_kept() == KeptDays("2030-01-01", "2036-01-01", 0)
        assert store.keep_all_until({RUN: day("2029-01-01"), OTHER: day(None)}) == 1
        assert (store.kept_until(RUN), store.kept_until(OTHER)) == (day("2030-01-01"), day(None))
        assert store.count_kept() == KeptDays("2030-01-01", "2030-01-01", 1)

    def test_a_run_that_is_gone_meanwhile_is_passed_over(self, store: Store) -> None:
        frozen(store)
        store.keep_until(RUN, day("2020-01-01"))
        store.purge(RUN, PURGE)
        frozen(store, OTHER)
        assert store.keep_all_until({RUN: day("2036-01-01"), OTHER: day("2036-01-01")}) == 1

    def test_runs_are_counted_by_what_documents_were_made_with(self, store: Store) -> None:
        for run_id in (RUN, OTHER):
            frozen(store, run_id)
            store.put_receipt(replace(receipt(run_id.encode(), run_id), template="hipaa"))
            store.put_receipt(receipt(b"plain " + run_id.encode(), run_id))
        store.put_receipt(replace(receipt(b"again"), template="hipaa"))
        store.put_receipt(replace(receipt(b"eu"), template="eu_ai_act"))
        assert store.count_made() == {"hipaa": 2, "eu_ai_act": 1}

    def test_locks_are_found_by_their_end_those_that_hold_nothing_first(self, store: Store) -> None:
        frozen(store)
        said = [
            fact(key="late", until="2036-11-29T00:00:00Z"),
            fact(key="soon", until="2026-12-01T00:00:00Z"),
            fact(key="soon", version="2", until="2026-12-01T00:00:00Z"),
            fact(key="late", until="2027-01-01T00:00:00Z"),
            fact(key="none", until=None, mode=None, state="unlocked"),
            fact(key="soon", part="receipt", version="3"),
        ]
        for each in said:
            store.put_fact(each)
        order = [said[4], said[1], said[2], said[3]]
        assert [each for _, each in store.find_locks()] == order
        assert [each for _, each in store.find_locks("2026-12-02")] == order[:3]
        assert [each for _, each in store.find_locks(lesser=True)] == order[:1]
        first = store.find_locks(limit=2)
        assert [each for _, each in (*first, *store.find_locks(after=first[-1][0], limit=2))] == order

    def test_a_run_that_must_be_kept_is_not_purged(self, store: Store) -> None:
        frozen(store)
        with pytest.raises(RunStateError, match="nothing says until when"):
            store.purge(RUN, PURGE)
        store.keep_until(RUN, day("2026-11-28"))
        with pytest.raises(RunStateError, match="is kept until 2026-11-28: a law"):
            store.purge(RUN, PURGE)
        store.keep_until(RUN, day(None))
        with pytest.raises(RunStateError, match="is kept by an open hold: a law"):
            store.purge(RUN, PURGE)
        assert store.run(RUN).size == 3

    def test_a_purge_takes_the_run_and_its_addenda_and_leaves_tombstones(self, store: Store) -> None:
        frozen(store)
        store.put_bundle(RUN, BUNDLE)
        store.put_receipt(receipt())
        begin(store, ADDENDUM, amends=amends())
        store.append(ADDENDUM, [note(1), closed()])
        store.freeze(ADDENDUM, freeze_of(store, ADDENDUM))
        store.put_job(job())
        store.put_fact(fact())
        store.keep_until(RUN, day("2020-01-01"))
        assert store.purge(RUN, PURGE) == [ADDENDUM, RUN]
        assert store.runs(addenda=True) == []
        assert [(stone.run_id, stone.size, stone.reason) for stone in store.tombstones()] == [
            (ADDENDUM, 3, PURGE.reason),
            (RUN, 3, PURGE.reason),
        ]
        assert (list(store.purges()), store.facts(RUN), store.jobs()) == ([(RUN, PURGE)], [fact()], [])
        with pytest.raises(RunNotFoundError, match="was discarded at 2026-11-28"):
            store.run(RUN)
