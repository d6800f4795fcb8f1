"""The access log: who read, exported or sealed what, when, and from where, as this server saw it itself.

Who and where stand as commitments; the clear values lie beside them and can be erased. An entry is on disk before the
answer leaves. Those who ask at once share one transaction: whoever comes first writes for all who wait meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from cognify_core.api.accesses import ACTOR, SOURCE
from cognify_core.capture.commitments import commit
from cognify_core.errors import RunNotFoundError, StoreError
from cognify_core.model.digest import Digest
from cognify_core.model.events import Access
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.store.access_log import Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from cognify_core.server.asking import Asked
    from cognify_core.server.roles import Caller

Outcome: TypeAlias = Literal["allowed", "refused", "failed"]
WITHIN_SECONDS = 60
"""What the same caller looks at again within that time is the same entry, which says so."""
_AT_ONCE = 200
_REMEMBERED = 10_000
_log = logging.getLogger("cognify.server")


@dataclass(eq=False)
class _Waiting:
    """A look that waits to be written."""

    look: Look
    done: bool = False
    error: Exception | None = None


def seen(
    asked: Asked, run_id: str | None, action: str, *, subject: str | None = None, outcome: Outcome = "allowed"
) -> None:
    """Keep that the caller is shown something. Of many such within a minute, the first is kept and stands for all.

    Raises:
        StoreError: it cannot be kept; then nothing is shown.
    """
    asked.room.seen.once(asked.caller, run_id, action, subject, outcome)


def handed(asked: Asked, run_id: str | None, action: str, *, subject: str) -> None:
    """Keep that something leaves the server with the caller, each time anew.

    Raises:
        StoreError: it cannot be kept; then nothing leaves.
    """
    asked.room.seen.keep(_look(asked.caller, run_id, action, subject, "allowed"))


def did(asked: Asked, run_id: str | None, action: str, *, subject: str | None = None) -> None:
    """Keep that the caller has done something. What was done stays done: where this cannot be kept, the log says so."""
    look = _look(asked.caller, run_id, action, subject, "allowed")
    try:
        asked.room.seen.keep(look)
    except StoreError as error:
        _log.error("an access (%s) to %s is not in its log: %s", action, run_id, error)


def refused(asked: Asked, run_id: str | None, action: str) -> None:
    """Keep that the caller may not do what they asked for, to a run that is there; of another there is nothing to say.

    Raises:
        StoreError: it cannot be kept.
    """
    with suppress(RunNotFoundError):
        if run_id is not None:
            asked.room.store.run(run_id)
        asked.room.seen.once(asked.caller, run_id, action, None, "refused")


class Seen:
    """The accesses to one workspace, on their way into its log. Any thread may bring one."""

    def __init__(self, write: Callable[[list[Look]], object]) -> None:
        """Write nothing yet; `write` keeps some looks, together, on disk."""
        self._write = write
        self._turn = threading.Condition()
        self.waiting: list[_Waiting] = []
        """Those whose turn has not come."""
        self._writing = False
        self._lately: OrderedDict[tuple[str | None, ...], float] = OrderedDict()

    def once(self, caller: Caller, run_id: str | None, action: str, subject: str | None, outcome: Outcome) -> None:
        """Keep a look, unless one like it was kept within the last minute.

        Raises:
            StoreError: it cannot be kept.
        """
        like, now = (caller.name, caller.address, run_id, action, subject, outcome), time.monotonic()
        with self._turn:
            if now - self._lately.get(like, -WITHIN_SECONDS) < WITHIN_SECONDS:
                return
        self.keep(_look(caller, run_id, action, subject, outcome, within=WITHIN_SECONDS))
        with self._turn:
            self._lately[like] = now
            self._lately.move_to_end(like)
            if len(self._lately) > _REMEMBERED:
                self._lately.popitem(last=False)

    def keep(self, look: Look) -> None:
        """Keep a look; when this returns, it is on disk.

        Raises:
            StoreError: it cannot be kept.
        """
        mine = _Waiting(look)
        with self._turn:
            self.waiting.append(mine)
            while not mine.done:
                if self._writing:
                    self._turn.wait()
                else:
                    self._write_those_who_wait()
        if mine.error is not None:
            raise mine.error

    def _write_those_who_wait(self) -> None:
        """Write a batch, as whoever has the turn, and let go of it meanwhile: more may come."""
        batch, self.waiting = self.waiting[:_AT_ONCE], self.waiting[_AT_ONCE:]
        self._writing = True
        error: Exception | None = StoreError("what was waiting was not written; ask again")
        self._turn.release()
        try:
            self._write([each.look for each in batch])
            error = None
        except Exception as failed:  # noqa: BLE001 - whatever it is, each who waits is told
            error = StoreError(f"an access cannot be kept: {failed}")
            error.__cause__ = failed
        finally:
            self._turn.acquire()
            self._writing = False
            for each in batch:
                each.done, each.error = True, error
            self._turn.notify_all()


def _look(
    caller: Caller, run_id: str | None, action: str, subject: str | None, outcome: Outcome, *, within: int = 0
) -> Look:
    actor, source = commit(ACTOR, caller.name), commit(SOURCE, caller.address)
    access = Access(
        at=stamp_time(utc_now()),
        action=action,
        subject=subject,
        actor=Digest.parse(actor.commitment),
        source=Digest.parse(source.commitment),
        auth=caller.auth,
        outcome=outcome,
        observed_by="server",
    )
    return Look(run_id, access, (actor, source), within)
