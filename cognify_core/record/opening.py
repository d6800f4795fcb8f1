"""How a record begins: an id is drawn; of the ranks of one training the first begins it, and the others join."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

from cognify_core.errors import MeetingTakenError, RecordError, RunStateError
from cognify_core.model.events import Draft, RunOpened
from cognify_core.model.names import new_run_id, stamp_time, utc_now
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, this_process
from cognify_core.record.ranks import ALONE, Rank
from cognify_core.record.recorder import Clock
from cognify_core.store.protocol import Leaf, Store

Log: TypeAlias = Callable[[bytes], Leaf | None]
"""Makes the ledger's leaf of a first event; none where it cannot."""
_DRAWS = 5


def no_leaf(_first: bytes) -> None:
    """Make none."""


def open_run(
    store: Store,
    opened: RunOpened,
    clock: Clock = utc_now,
    *,
    rank: Rank = ALONE,
    run_id: str | None = None,
    owned: bool = True,
    log: Log = no_leaf,
) -> str:
    """Begin a record in `store`, or join the one that another rank of this training has begun; return its id.

    Args:
        store: where the record will be.
        opened: its first event, if it is this process that begins it.
        clock: tells the time.
        rank: which of the processes of this training this is.
        run_id: an id that was drawn before, to be taken if it is free.
        owned: whether the run ends with this process; one that no process owns goes on until somebody closes it.
        log: makes the leaf that goes into the ledger together with the record's beginning.

    Raises:
        StoreError: the store cannot be written to, or takes no such run.
        RunStateError: the run that the other ranks had begun has ended already.
    """
    if rank.meeting is not None and (known := store.met(rank.meeting)) is not None:
        return _joined(store, known, rank, owned=owned)
    for attempt in range(_DRAWS):
        now = clock()
        wanted = run_id if run_id is not None and not attempt else new_run_id(now, os.urandom(3))
        draft = Draft(stamp_time(now), opened, "open", 0)
        try:
            leaf = log(draft.at(wanted, 0).encode())
            owner = this_process(rank.number) if owned else NOBODY
            store.create(wanted, draft, owner, meeting=rank.meeting, leaf=leaf)
        except MeetingTakenError as taken:
            return _joined(store, taken.run_id, rank, owned=owned)
        except RecordError:
            if attempt == _DRAWS - 1 or opened.amends:
                raise
        else:
            return wanted
    raise AssertionError("unreachable: the last draw raises or returns")


def _joined(store: Store, run_id: str, rank: Rank, *, owned: bool) -> str:
    if (status := store.run(run_id).status) is not Status.RUNNING:
        raise RunStateError(
            f"the run of this training, {run_id}, is {status} already: rank {rank.number} came too late, or the name "
            "that its ranks meet under (COGNIFY_MEETING, else the job's id) was used before, and takes a new one"
        )
    if owned:
        store.set_owner(run_id, this_process(rank.number))
    return run_id
