"""Rank 0's look at what the other ranks write: joins checkpoints as they get complete, and calls the roll at the end.

Nothing here takes part in the training's communication, and no rank waits for it while the model trains: it reads the
record that all of them write, once a second, in a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cognify_core.capture.late import hash_late
from cognify_core.model.events import Body
from cognify_core.record.owner import is_alive
from cognify_core.record.rollcall import RANK_DIED, Key, Reports, RollCall, joined_checkpoint
from cognify_core.store.protocol import Owner, Store

LOOK_SECONDS = 1.0
"""Between two looks at the record while the model trains."""
CLOSING_SECONDS = 0.05
_GRACE_SECONDS = 30.0
JOIN_SECONDS = 10.0
"""How long the end of a training waits for a rank that never joined; one that has is worth `patience`."""

NEVER_JOINED = "it never joined this run"
_MEND = "record on every rank, with the same COGNIFY_HOME; or say world_size=1 where one rank alone writes everything"


@dataclass(frozen=True, slots=True)
class Absence:
    """A rank that did not say that it was done, and what is known of it."""

    rank: int
    reason: str

    @property
    def mend(self) -> str | None:
        """What mends it, where something does."""
        return _MEND if self.reason == NEVER_JOINED else None


class Gathering:
    """Reads the record of a training of several ranks, on rank 0.

    Args:
        store: where the record is.
        run_id: the run.
        world_size: how many ranks there are.
        record: takes a checkpoint that all ranks have reported, with its manifest.
        fail: takes what goes wrong here.
        deliver: appends what ranks that died had spooled.
        patience: seconds that the end of the training waits for a rank that lives and does not report.
        alive: tells whether the process of a rank may still be there.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        world_size: int,
        record: Callable[[Body, bytes | None], None],
        fail: Callable[[str, BaseException], None],
        *,
        deliver: Callable[[], None],
        patience: float = 60.0,
        alive: Callable[[Owner], bool] = is_alive,
    ) -> None:
        self._store, self._run_id, self._record, self._fail = store, run_id, record, fail
        self._deliver, self._patience, self._alive = deliver, patience, alive
        self._roll = RollCall(world_size)
        self._read = 0
        self._given_up: dict[int, str] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cognify-ranks", daemon=True)
        self._thread.start()

    def close(self, timeout: float | None = None) -> tuple[list[Absence], RollCall]:
        """Wait for the other ranks, as long as they are worth it and at most `timeout` seconds; join what is left.

        Call it when rank 0 itself has said everything. Returns the ranks that are missing, and the roll.
        """
        if timeout is not None:
            self._patience = min(timeout, self._patience)
        self._closing.set()
        self._thread.join(self._patience + _GRACE_SECONDS)
        return [Absence(rank, reason) for rank, reason in sorted(self._given_up.items())], self._roll

    def _watch(self) -> None:
        troubled = False
        while not self._closing.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the failure policy: the next look may be luckier
                if not troubled:
                    self._fail("reading what other ranks wrote", error)
                troubled = True
        try:
            self._await_others()
            self._join(self._roll.unrecorded())
        except Exception as error:  # noqa: BLE001 - as above; the record is closed without it
            self._given_up = dict.fromkeys(self._others(), "the record could not be read at the end")
            self._fail("joining what the ranks wrote", error)

    def _look(self) -> None:
        """Read on in the record, and join the checkpoints that are complete."""
        self._read += self._roll.read(self._store.events(self._run_id, self._read))
        self._join({key: self._roll.reports[key] for key in self._roll.ready()})

    def _await_others(self) -> None:
        began = time.monotonic()
        while True:
            hopeless = self._hopeless(time.monotonic() - began)
            if RANK_DIED in hopeless.values():
                self._deliver()
            self._look()  # after asking who is dead: what they said before they died is there now
            self._given_up = {rank: hopeless[rank] for rank in self._others() if rank in hopeless}
            if len(self._given_up) == len(self._others()):
                return
            time.sleep(CLOSING_SECONDS)

    def _others(self) -> list[int]:
        return [rank for rank in self._roll.absent() if rank]

    def _hopeless(self, waited: float) -> dict[int, str]:
        """The ranks that need not be waited for any longer, and why."""
        owners = {owner.rank: owner for owner in self._store.owners(self._run_id)}
        found: dict[int, str] = {}
        for rank in self._others():
            if rank not in owners:
                if waited >= min(JOIN_SECONDS, self._patience):
                    found[rank] = NEVER_JOINED
            elif not self._alive(owners[rank]):
                found[rank] = RANK_DIED
            elif waited >= self._patience:
                found[rank] = f"it did not say that it was done within {self._patience:g} s"
        return found

    def _join(self, checkpoints: Mapping[Key, Reports]) -> None:
        for reports in checkpoints.values():
            seen, manifest = joined_checkpoint(reports, self._given_up, self._store.manifest, hash_late)
            self._record(seen, manifest)
            self._roll.take(seen)
