"""The rounds of a server: each workspace's vaults are looked at again and again, by one process of all at a time.

A round is a job that comes again. What it has to know of the last one stands in it: its number, and since when a
vault has not answered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cognify_core.api.keeping import keep_all
from cognify_core.api.rechecking import archive, lengthen
from cognify_core.api.rounds import CYCLE_HOURS, Round, Turn, go_round
from cognify_core.canonical import Json, encode, parse
from cognify_core.errors import FormatError
from cognify_core.model.names import stamp_time
from cognify_core.server.happening import Happening, path_of
from cognify_core.store.working import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from cognify_core.api.workspace import Workspace

ROUND = "round"
"""The kind of its jobs."""
_AGAIN_SECONDS = 3600.0
"""When a round goes again in which a vault did not answer, at the latest."""
_log = logging.getLogger("cognify.server")


@dataclass(frozen=True, slots=True)
class Known:
    """What the last round left for the next."""

    number: int | None = None
    """The last one in which every vault answered."""
    at: str | None = None
    looked: int = 0
    read: int = 0
    unasked: dict[str, str] = field(default_factory=dict)
    """Since when a vault has not answered."""

    @classmethod
    def parse(cls, body: bytes) -> Known:
        """Read what a job holds; nothing where there is nothing, or it does not read."""
        try:
            said: Any = parse(body)
            return cls(**said)
        except (FormatError, TypeError):
            return cls()

    def encode(self) -> bytes:
        """As a job holds it."""
        unasked: dict[str, Json] = dict(self.unasked)
        return encode(
            {"number": self.number, "at": self.at, "looked": self.looked, "read": self.read, "unasked": unasked}
        )


def job_of(workspace: str, now: datetime) -> Job:
    """The job of a workspace's rounds."""
    at = stamp_time(now)
    return Job(f"{ROUND}:{workspace}", ROUND, None, at, at, workspace=workspace)


def go(
    room: Workspace, known: Known, now: datetime, stopped: Callable[[], bool]
) -> tuple[Known, datetime, list[Happening]]:
    """Go round once; return what the next one has to know, when that is, and what there is to be told."""
    hours = room.settings.reverify_hours
    number = int(now.timestamp() / (hours * 3600))
    turn = Turn(number, known.number, max(1, int(CYCLE_HOURS / hours)))
    found = go_round(room, turn, stopped=stopped)
    if not stopped():
        keep_all(room.store)  # a document, a release or a profile may have started a clock since
        for said in (*lengthen(room), *archive(room)):
            _log.info("%s: %s", room.name, said)
    at = stamp_time(now)
    after = Known(
        number=known.number if found.unasked or stopped() else number,
        at=at,
        looked=found.looked,
        read=found.read,
        unasked={vault: known.unasked.get(vault, at) for vault in found.unasked},
    )
    seconds = hours * 3600
    if stopped():
        seconds = 0.0
    elif found.unasked:
        seconds = min(seconds, _AGAIN_SECONDS)
    return after, now + timedelta(seconds=seconds), [*_silent(known, found), *_ending(room, now)]


def _silent(known: Known, found: Round) -> Iterator[Happening]:
    """Vaults that did not answer in the round before either: what cannot be looked at has not been verified."""
    for vault in found.unasked:
        if (since := known.unasked.get(vault)) is not None:
            data: dict[str, Json] = {"vault": vault, "reason": "unanswered", "since": since}
            yield Happening("verification.failed", ("unanswered", vault, since), since, data)


def _ending(room: Workspace, now: datetime) -> Iterator[Happening]:
    """Runs that need not be kept any more before long."""
    today = now.date()
    last = today + timedelta(days=room.settings.retention_notice_days)
    for run_id, entry in room.store.ending(today.isoformat(), last.isoformat()):
        data: dict[str, Json] = {"run_id": run_id, "until": entry.until, "path": path_of(room.name, run_id)}
        yield Happening("retention.ending", (run_id, str(entry.until)), stamp_time(now), data)
