"""What every store promises of keeping: facts about vaults, policies, days, jobs, purges."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cognify_core.errors import RecordError, RunNotFoundError, RunStateError
from cognify_core.model.digest import Digest
from cognify_core.store.keeping import Job, KeepUntil, Purge, VaultFact
from cognify_core.store.protocol import Store
from tests import factories
from tests.store.values import ADDENDUM, BUNDLE, OTHER, RUN, amends, begin, closed, freeze_of, frozen, note, receipt

PURGE = Purge("A. Person", "B. Person", "erasure is due \x1b[31m‮", "2026-11-28T00:00:00.000000Z", None, "[]")
LATER = "2025-09-12T15:00:01.000000Z"


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


def job(run_id: str = RUN, job_id: str = "deliver:1", **fields: Any) -> Job:
    return replace(Job(job_id, "deliver", run_id, factories.TIME, factories.TIME), **fields)


def day(until: str | None, why: str = "a law") -> KeepUntil:
    return KeepUntil(until, why, factories.TIME)


class KeepingContract:
    """Facts about vaults, what a workspace says, until when, work to be done, purges."""

    def test_facts_are_kept_in_the_order_of_their_coming(self, store: Store) -> None:
        said = [fact(), fact(state="missing", mode=None, until=None), fact(held=True, asked_held=True, part="receipt")]
        for each in said:
            store.put_fact(each)
        store.put_fact(fact(run_id=OTHER))
        assert store.facts(RUN) == said
        assert store.facts() == [*said, fact(run_id=OTHER)]

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

    def test_a_job_is_asked_for_once_and_done_once(self, store: Store) -> None:
        begin(store)
        assert store.put_job(job()) == store.put_job(job(created_at=LATER)) == job()
        claimed = store.claim_job(factories.TIME, LATER)
        assert claimed == job(attempts=1)
        assert store.claim_job(factories.TIME, LATER) is None
        store.finish_job("deliver:1", LATER)
        assert (store.jobs(), store.claim_job(LATER, LATER)) == ([], None)
        assert store.jobs(done=True) == [job(attempts=1, done_at=LATER)]

    def test_a_job_that_failed_waits_and_keeps_why(self, store: Store) -> None:
        begin(store)
        store.put_job(job())
        store.claim_job(factories.TIME, LATER)
        store.postpone_job("deliver:1", "no answer \x1b[31m", LATER)
        assert store.claim_job(factories.TIME, LATER) is None
        assert store.jobs() == [job(attempts=1, last_error="no answer \x1b[31m", due_at=LATER)]
        assert store.claim_job(LATER, "2026") == job(attempts=2, last_error="no answer \x1b[31m", due_at=LATER)

    def test_a_job_whose_worker_died_is_free_again_after_its_lease(self, store: Store) -> None:
        begin(store)
        store.put_job(job())
        assert store.claim_job(factories.TIME, LATER) is not None
        assert store.claim_job(LATER, "2026") == job(attempts=2)

    def test_of_many_who_ask_for_work_each_gets_another(self, store: Store) -> None:
        begin(store)
        for number in range(4):
            store.put_job(job(job_id=f"deliver:{number}"))
        with ThreadPoolExecutor(6) as threads:
            claimed = list(threads.map(lambda _: store.claim_job(factories.TIME, LATER), range(6)))
        assert sorted(each.job_id for each in claimed if each) == [f"deliver:{number}" for number in range(4)]

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
