"""What a later process does about runs whose process died: deliver what they spooled, and close them."""

from __future__ import annotations

from pathlib import Path

from cognify_core.errors import RecordError, RunNotFoundError
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.record.closing import close_record
from cognify_core.record.owner import is_alive
from cognify_core.record.recorder import Clock
from cognify_core.record.spool import spools
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
    _deliver_spools(store, spool_folder, alive=set(running) - set(dead))
    closed = []
    for run_id in dead:
        try:
            close_record(store, run_id, "INTERRUPTED", time=stamp_time(clock()), writer="recover", reasons=(DIED,))
        except RecordError:
            continue  # another process was first
        closed.append(run_id)
    return closed


def _deliver_spools(store: Store, folder: Path, alive: set[str]) -> None:
    for run_id, spool in spools(folder):
        if run_id in alive:
            continue
        drafts, manifests = spool.read()
        try:
            for manifest in manifests:
                store.put_manifest(manifest)
            store.append(run_id, drafts)
        except (RecordError, RunNotFoundError):
            spool.path.rename(spool.path.with_suffix(".undeliverable"))
        else:
            spool.clear()
