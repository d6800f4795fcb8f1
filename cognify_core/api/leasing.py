"""Work is taken for a while, and held for as long as it goes on: whoever dies in it loses it by themselves."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cognify_core.errors import CognifyError
from cognify_core.model.names import stamp_time, utc_now

if TYPE_CHECKING:
    from cognify_core.store.protocol import Store
    from cognify_core.store.working import Job

_FIRST_SECONDS, _LONGEST_SECONDS = 60, 6 * 3600
_log = logging.getLogger("cognify")


def claim(store: Store, seconds: float, *, by: str | None = None, **which: Any) -> Job | None:
    """Take the next job that is due, now or `by` then, for so many seconds; `which`: as for `Working.claim_job`."""
    now = utc_now()
    return store.claim_job(by or stamp_time(now), stamp_time(now + timedelta(seconds=seconds)), **which)


@contextmanager
def held(store: Store, job: Job, seconds: float) -> Iterator[None]:
    """Hold a job for as long as the block lasts: its lease is made longer, on a thread, before it ends."""
    over = threading.Event()
    thread = threading.Thread(target=_renew, args=(store, job, seconds, over), name="cognify-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(store: Store, job: Job, seconds: float, over: threading.Event) -> None:
    while not over.wait(seconds / 3):
        try:
            until = stamp_time(utc_now() + timedelta(seconds=seconds))
            if not store.renew_job(job.job_id, until, attempt=job.attempts):
                return  # another worker has it: what is being done is done twice, and comes to the same
        except CognifyError as error:
            _log.warning("Cognify: work that goes on could not be held: %s", error)


def next_try(now: datetime, attempts: int) -> datetime:
    """When to try again what has failed so often: a minute later, then twice as late each time, up to six hours."""
    from tenacity import Future, RetryCallState, wait_exponential

    state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # only its number is asked for
    state.attempt_number, state.outcome = max(attempts, 1), Future(max(attempts, 1))
    seconds = wait_exponential(multiplier=_FIRST_SECONDS, max=_LONGEST_SECONDS)(state)
    return now + timedelta(seconds=seconds)
