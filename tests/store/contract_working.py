"""What every store promises of work: jobs that wait until they are done, and webhooks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from cognify_core.store.keeping import KeepUntil
from cognify_core.store.protocol import Store
from cognify_core.store.working import Hook, Job, Waiting
from tests import factories
from tests.store.values import OTHER, RUN, begin, frozen

LATER = "2025-09-12T15:00:01.000000Z"


def job(run_id: str = RUN, job_id: str = "deliver:1", **fields: Any) -> Job:
    return replace(Job(job_id, "deliver", run_id, factories.TIME, factories.TIME), **fields)


def told(number: int, **fields: Any) -> Job:
    """A job of a webhook."""
    known = Job(f"notify:{number}", "notify", None, factories.TIME, factories.TIME, lane="one", body=b"{}")
    return replace(known, **fields)


def hook(hook_id: str = "one", **fields: Any) -> Hook:
    known = Hook(
        hook_id=hook_id,
        workspace="default",
        url="https://hooks.example.org/a/secret",
        events=("run.sealed", "export.failed"),
        label="the team's channel",
        enabled=True,
        created_by="a test",
        created_at=factories.TIME,
        secret_id="0" * 16,
        leaves=3,
        facts=0,
    )
    return replace(known, **fields)


class WorkingContract:
    """Work to be done, and who is told."""

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

    def test_work_is_taken_by_its_kind_and_workspace(self, store: Store) -> None:
        begin(store)
        for each in (job(), told(1), told(3, workspace="team", lane="three")):
            store.put_job(each)
        mine = told(3, workspace="team", lane="three", attempts=1)
        assert store.claim_job(factories.TIME, LATER, workspace="team") == mine
        assert store.jobs(kind="deliver") == store.jobs(workspace="default", kind="deliver") == [job()]
        assert store.jobs(lane="one", workspace="default") == [told(1)]
        taken = [store.claim_job(factories.TIME, LATER, kinds=["notify"]) for _ in range(2)]
        assert taken == [told(1, attempts=1), None]

    def test_work_of_one_lane_is_done_one_after_the_other(self, store: Store) -> None:
        for each in (told(1), told(2), told(3, lane="two"), told(4, lane="two")):
            store.put_job(each)
        taken = [store.claim_job(factories.TIME, LATER) for _ in range(3)]
        assert taken == [told(1, attempts=1), told(3, lane="two", attempts=1), None]
        store.finish_job("notify:1", LATER, attempt=1)
        store.postpone_job("notify:3", "no", LATER, attempt=1)
        taken = [store.claim_job(factories.TIME, LATER) for _ in range(3)]
        assert taken == [told(2, attempts=1), told(4, lane="two", attempts=1), None]

    def test_whoever_has_lost_a_job_says_nothing_of_it_any_more(self, store: Store) -> None:
        store.put_job(told(1))
        store.claim_job(factories.TIME, LATER)
        assert store.renew_job("notify:1", "2025-09-12T15:00:02.000000Z", attempt=1)
        assert store.claim_job(LATER, "2026") is None
        assert store.claim_job("2025-09-12T15:00:03.000000Z", "2026") == told(1, attempts=2)
        assert not store.renew_job("notify:1", "2027", attempt=1)
        store.finish_job("notify:1", LATER, attempt=1)
        store.postpone_job("notify:1", "late", LATER, attempt=1)
        store.fail_job("notify:1", "late", LATER, attempt=1)
        assert store.jobs() == [told(1, attempts=2)]

    def test_a_job_that_is_given_up_waits_no_more_and_is_shown(self, store: Store) -> None:
        store.put_job(told(1))
        store.claim_job(factories.TIME, LATER)
        store.fail_job("notify:1", "410 Gone", LATER, attempt=1)
        assert (store.jobs(), store.claim_job("2027", "2028")) == ([], None)
        assert store.jobs(done=True) == [told(1, attempts=1, last_error="410 Gone", failed_at=LATER)]

    def test_a_job_may_come_again_and_knows_what_was(self, store: Store) -> None:
        store.put_job(told(1))
        store.claim_job(factories.TIME, LATER)
        store.repeat_job("notify:1", b"[1]", LATER, attempt=1)
        assert store.claim_job(factories.TIME, LATER) is None
        assert store.claim_job(LATER, "2026") == told(1, body=b"[1]", due_at=LATER, attempts=1)

    def test_work_is_counted_by_its_kind_and_forgotten_when_it_is_over(self, store: Store) -> None:
        begin(store)
        for each in (job(), told(1), told(2, due_at=LATER), told(3, lane="two")):
            store.put_job(each)
        for at in (factories.TIME, LATER):
            done = store.claim_job(factories.TIME, "2026", kinds=["notify"])
            assert done is not None
            store.fail_job(done.job_id, "no", at, attempt=1)
        assert store.waiting() == [Waiting("deliver", 1, factories.TIME, 0), Waiting("notify", 1, LATER, 2)]
        assert store.forget_jobs("notify", LATER) == 1
        assert [each.job_id for each in store.jobs(done=True, kind="notify")] == ["notify:2", "notify:3"]

    def test_a_webhook_is_kept_changed_and_dropped_with_what_it_was_to_be_told(self, store: Store) -> None:
        store.put_hook(hook())
        store.put_hook(hook("two", workspace="team"))
        store.put_job(told(1))
        store.put_job(told(2, lane="two"))
        store.change_hook("one", label="another", events=["gap.opened"], enabled=False)
        changed = hook(label="another", events=("gap.opened",), enabled=False)
        assert (store.hook("one"), store.hook("three")) == (changed, None)
        assert store.hooks(workspace="default") == [changed]
        assert store.hooks() == [changed, hook("two", workspace="team")]
        store.drop_hook("one")
        assert (store.hook("one"), store.jobs()) == (None, [told(2, lane="two")])

    def test_what_is_not_said_of_a_webhook_stays(self, store: Store) -> None:
        store.put_hook(hook())
        store.change_hook("one", enabled=False)
        store.change_hook("one", label="another")
        store.change_hook("one")
        assert store.hook("one") == hook(label="another", enabled=False)

    def test_what_a_webhook_is_told_is_kept_once_together_with_how_far_it_goes(self, store: Store) -> None:
        store.put_hook(hook())
        store.tell_hook("one", [told(1), told(2)], leaves=7, facts=4)
        store.tell_hook("one", [told(2, body=b"other"), told(3)], leaves=5, facts=6)
        store.tell_hook("gone", [told(4)], leaves=1, facts=1)
        assert store.jobs() == [told(1), told(2), told(3)]
        assert store.hook("one") == hook(leaves=7, facts=6)

    def test_runs_are_found_by_the_day_until_which_they_are_kept(self, store: Store) -> None:
        for run_id, days in ((RUN, ("2030-01-01", "2031-01-01")), (OTHER, ("2030-01-02", None))):
            frozen(store, run_id)
            for day in days:
                store.keep_until(run_id, KeepUntil(day, "a law", factories.TIME))
        found = [(RUN, KeepUntil("2031-01-01", "a law", factories.TIME))]
        assert store.ending("2031-01-01", "2031-01-01") == store.ending("2029-01-01", "2032-01-01") == found
        assert store.ending("2029-01-01", "2030-12-31") == []
        assert store.ending("2029-01-01", "2032-01-01", workspace="team") == []
