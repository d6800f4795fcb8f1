"""What a later process does about runs whose process died: deliver what they spooled, and close them.

Of a training of several ranks, the checkpoints that rank 0 had not joined yet are joined first.
"""

from __future__ import annotations

import os
from pathlib import Path

from cognify_core.errors import RecordError
from cognify_core.model.events import Body, Draft, Gap
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.record.closing import close_record
from cognify_core.record.owner import is_alive
from cognify_core.record.recorder import Clock
from cognify_core.record.rollcall import RANK_DIED, RollCall, joined_checkpoint
from cognify_core.record.spool import deliver_spools
from cognify_core.store.protocol import Store

DIED = "the process that wrote it ended without closing the run"


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
    closed = []
    for run_id in dead:
        try:
            _join_ranks(store, run_id, clock)
            close_record(store, run_id, "INTERRUPTED", time=stamp_time(clock()), writer="recover", reasons=(DIED,))
        except RecordError:
            continue  # another process was first
        closed.append(run_id)
    return closed


def _join_ranks(store: Store, run_id: str, clock: Clock) -> None:
    """Record the checkpoints that the ranks' shards add up to, and name the ranks that had not said all."""
    roll = RollCall()
    roll.read(store.events(run_id))
    if roll.world_size == 1:
        return
    bodies: list[Body] = []
    for reports in roll.unrecorded().values():
        seen, manifest = joined_checkpoint(reports, roll.absent(), store.manifest, _nothing_late)
        if manifest is not None:
            store.put_manifest(manifest)
        bodies.append(seen)
    bodies += [Gap(subject=f"rank {rank}", reason=RANK_DIED) for rank in roll.absent()]
    writer, moment = f"recover.{os.urandom(4).hex()}", stamp_time(clock())
    store.append(run_id, [Draft(moment, body, writer, counter) for counter, body in enumerate(bodies)])


def _nothing_late(_location: str, _names: frozenset[str]) -> dict[bytes, str]:
    """Files that lay about since then are not what was saved: nothing is hashed at a later start."""
    return {}
