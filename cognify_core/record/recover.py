"""What a later process does about runs whose process died: deliver what they spooled, and close them.

Of a training of several ranks, the checkpoints that rank 0 had not joined yet are joined first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cognify_core.errors import FormatError, RecordError, StoreError
from cognify_core.model.events import Body, Draft, Gap
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.record.closing import close_record
from cognify_core.record.owner import is_alive
from cognify_core.record.recorder import Clock
from cognify_core.record.rollcall import RANK_DIED, RollCall, joined_checkpoint
from cognify_core.record.spool import deliver_spools
from cognify_core.store.protocol import Owner, Store

DIED = "the process that wrote it ended without closing the run"
NO_MANIFEST = "the files that its ranks reported are not listed by a manifest that is here and reads"
NOT_TOLD_APART = "whether they were done was not looked at one by one: there are more than are told apart"
MOST_RANKS = 4096
"""A record may claim any number of ranks; so many are named, each by a gap of its own."""


def recover(store: Store, spool_folder: Path, clock: Clock = utc_now) -> list[str]:
    """Deliver spooled events, then close every run as INTERRUPTED that nobody writes any more; return their ids.

    A run is written for as long as one of its ranks may be alive: the death of another does not end it.

    Raises:
        StoreError: the store cannot be written to.
    """
    running = [row.run_id for row in store.runs(addenda=True) if row.status is Status.RUNNING]
    dead = [run_id for run_id in running if not any(map(is_alive, store.owners(run_id)))]
    alive = set(running) - set(dead)
    deliver_spools(store, spool_folder, lambda run_id, _: run_id not in alive)
    return [run_id for run_id in dead if _close(store, run_id, clock)]


def interrupt(
    store: Store,
    run_id: str,
    clock: Clock = utc_now,
    *,
    lives: Callable[[Owner], bool] = is_alive,
    why: str = DIED,
    at: int | None = None,
) -> bool:
    """Close one running run as INTERRUPTED, where nobody writes it any more; whether this has closed it.

    Args:
        store: where its record is.
        run_id: which.
        clock: tells the time.
        lives: whether an owner may still be writing.
        why: the reason for which the record is not complete.
        at: how many events the record has, as far as is known; one that has grown since then is left alone.

    Raises:
        StoreError: the store cannot be written to.
    """
    return not any(map(lives, store.owners(run_id))) and _close(store, run_id, clock, why, at)


def _close(store: Store, run_id: str, clock: Clock, why: str = DIED, at: int | None = None) -> bool:
    try:
        size = _join_ranks(store, run_id, clock, at)
        moment = stamp_time(clock())
        close_record(store, run_id, "INTERRUPTED", time=moment, writer="recover", reasons=(why,), at=size)
    except RecordError:
        return False  # another process was first
    return True


def _join_ranks(store: Store, run_id: str, clock: Clock, at: int | None) -> int | None:
    """Record the checkpoints that the ranks' shards add up to, and name the ranks that had not said all.

    Returns:
        How many events the record has then, where it had `at`.
    """
    roll = RollCall()
    roll.read(store.events(run_id))
    if roll.world_size == 1:
        return at
    if (beyond := roll.world_size - MOST_RANKS) > 0:
        roll.world_size = MOST_RANKS
    absent = roll.absent()
    bodies: list[Body] = []
    for (name, _), reports in roll.unrecorded().items():
        try:
            seen, manifest = joined_checkpoint(reports, absent, store.manifest, _nothing_late)
        except (FormatError, StoreError):
            bodies.append(Gap(subject=name, reason=NO_MANIFEST))
            continue
        if manifest is not None:
            store.put_manifest(manifest)
        bodies.append(seen)
    bodies += [Gap(subject=f"rank {rank}", reason=RANK_DIED) for rank in absent]
    if beyond > 0:
        bodies.append(Gap(subject=f"{beyond} ranks from rank {MOST_RANKS} on", reason=NOT_TOLD_APART))
    writer, moment = f"recover.{os.urandom(4).hex()}", stamp_time(clock())
    size = store.append(run_id, [Draft(moment, body, writer, counter) for counter, body in enumerate(bodies)], at=at)
    return None if at is None else size


def _nothing_late(_location: str, _names: frozenset[str]) -> dict[bytes, str]:
    """Files that lay about since then are not what was saved: nothing is hashed at a later start."""
    return {}
