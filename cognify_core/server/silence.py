"""Runs that were recorded over REST and of which nothing arrives any more: since when, and how they are closed.

Who trains holds the run's secret, and may be gone for good. After hours of silence others may close the run, so that
what has arrived can be sealed. What a process of this host writes, or one of another host into the store itself, is
never closed so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cognify_core.errors import RunSealedError, RunStateError
from cognify_core.model.names import stamp_time, utc_now, whole_seconds
from cognify_core.model.record import Status
from cognify_core.record.owner import NOBODY, is_alive
from cognify_core.record.recover import interrupt

if TYPE_CHECKING:
    from cognify_core.api.workspace import Workspace
    from cognify_core.store.protocol import Owner

_SINCE = "nothing has come from who writes it since "
_CLOSED = "; closed on the server"


@dataclass(frozen=True, slots=True)
class Silence:
    """For how long nothing of a run has arrived."""

    since: str
    """When something arrived last."""
    ends: str
    """From when on somebody else may close the run."""
    is_long: bool
    """Whether that is now."""


def silence_of(room: Workspace, run_id: str) -> Silence | None:
    """The silence of a run that goes on; None of one that has ended, or was not recorded over REST."""
    store = room.store
    if store.run(run_id).status is not Status.RUNNING or any(map(_writes, store.owners(run_id))):
        return None
    if not (arrivals := store.arrivals(run_id)):
        return None
    since = arrivals[-1].arrived_at
    ends = datetime.fromisoformat(since) + timedelta(hours=room.settings.silent_hours)
    return Silence(since, stamp_time(ends), ends <= utc_now())


def closable(room: Workspace, run_id: str) -> Silence:
    """The silence of a run that may be closed for it.

    Raises:
        RunStateError: it has ended, something has arrived too lately, or it was not recorded over REST.
    """
    silence = silence_of(room, run_id)
    if silence is None:
        if (status := room.store.run(run_id).status) is not Status.RUNNING:
            raise RunStateError(f"{run_id} has ended already: it is {status}")
        raise RunStateError(f"{run_id} was not recorded over this server: whoever writes it closes it")
    if not silence.is_long:
        raise RunStateError(
            f"something of {run_id} has arrived at {whole_seconds(silence.since)}: where nothing more does, it can be "
            f"closed from {whole_seconds(silence.ends)} on (hours of silence: {room.settings.silent_hours})"
        )
    return silence


def close_silent(room: Workspace, run_id: str) -> None:
    """Close a run as INTERRUPTED of which nothing has arrived for long enough.

    Raises:
        RunStateError: as `closable`; or something has arrived meanwhile.
        StoreError: the store cannot be written to.
    """
    size = room.store.run(run_id).size
    silence = closable(room, run_id)
    why = f"{_SINCE}{whole_seconds(silence.since)}{_CLOSED}"
    if not interrupt(room.store, run_id, lives=_writes, why=why, at=size):
        raise RunStateError(f"{run_id} has been written just now: look at it again")


def told_late(room: Workspace, run_id: str) -> RunSealedError | None:
    """What to tell whoever sends more of a run that was closed for its silence; None of any other."""
    row = room.store.run(run_id)
    closed = row.size - 1
    reasons = json.loads(next(room.store.events(run_id, closed))).get("reasons", ())
    if not any(reason.startswith(_SINCE) and reason.endswith(_CLOSED) for reason in reasons):
        return None
    return RunSealedError(
        f"{run_id} was closed here as INTERRUPTED with {closed} events and takes no more: {reasons[0]}"
    )


def _writes(owner: Owner) -> bool:
    """Whether a process may be writing into the store itself."""
    return owner != NOBODY and is_alive(owner)
