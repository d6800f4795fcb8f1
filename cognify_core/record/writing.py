"""What a process says of a run, turned into events: content once it is hashed, everything else at once.

Nothing here waits for a digest but `close`. Node ids are wishes (`Artifact.id`); the fold settles clashes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cognify_core.canonical import Json
from cognify_core.capture.config import to_facts
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CognifyError, RunSealedError
from cognify_core.model import events
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, Body, ClosedStatus
from cognify_core.model.names import stamp_time, utc_now
from cognify_core.record.closing import close_record
from cognify_core.record.gathering import Gathering
from cognify_core.record.hashing import Hashing
from cognify_core.record.pending import Pending, PendingBody
from cognify_core.record.ranks import ALONE, Rank
from cognify_core.record.recorder import Clock, Recorder
from cognify_core.record.spool import Spool, deliver_spools
from cognify_core.store.protocol import Store

RANK_SECONDS = 60.0
"""How long the end of a training waits for a rank that lives and does not report."""
UNFINISHED = "not hashed when the run was closed"
ArtifactT = TypeVar("ArtifactT", bound=Artifact)


class Writing:
    """One process that writes a run. Its methods may be called from any thread and return at once, but `close`."""

    def __init__(
        self,
        store: Store,
        hashing: Hashing,
        run_id: str,
        spool_folder: Path,
        clock: Clock = utc_now,
        *,
        rank: Rank = ALONE,
        rank_seconds: float = RANK_SECONDS,
    ) -> None:
        self.id = run_id
        self.rank = rank
        self.closed = False
        self._store, self._hashing, self._clock = store, hashing, clock
        self._writer = os.urandom(4).hex()
        self._recorder = Recorder(store, run_id, self._writer, Spool(spool_folder, run_id, self._writer), clock)
        self._numbers = itertools.count()
        self._pending = Pending()
        self._hashes: dict[str, Digest | None] = {}
        self._related: list[tuple[str, str]] = []
        self._gathering: Gathering | None = None
        if not rank.is_alone:
            self.say(events.RankJoined(rank=rank.number, world_size=rank.world_size))
        if rank.is_first and rank.meeting is not None:
            self._gathering = Gathering(
                store,
                run_id,
                rank.world_size,
                self._recorder.put,
                self._recorder.fail,
                deliver=lambda: deliver_spools(store, spool_folder, self._is_anothers),
                patience=rank_seconds,
            )

    def artifact(
        self,
        kind: type[ArtifactT],
        node_id: str,
        found: Outcome | Callable[[Callable[[Outcome], None]], None],
        *,
        fields: Callable[[Outcome], Mapping[str, Any]] = lambda _: {},
        inputs: Sequence[str] = (),
        location: str | None = None,
        facts: Mapping[str, Json] | None = None,
    ) -> str:
        """Record anything with content, once its outcome is there; return its ref."""
        ref = self._new_ref()
        moment = stamp_time(self._clock())

        def make(outcome: Outcome) -> Artifact:
            not_covered = {"not_covered": list(outcome.gaps)} if outcome.gaps else {}
            return kind(
                ref=ref,
                id=node_id,
                at=moment,
                assurance=outcome.assurance,
                reason=outcome.reason,
                hash=outcome.hash,
                manifest=outcome.format,
                location=location,
                inputs=tuple(inputs),
                facts={**to_facts(dict(facts or {})), **outcome.facts, **not_covered},
                **fields(outcome),
            )

        self._pending.add(ref, PendingBody(node_id, make))
        if isinstance(found, Outcome):
            self._settle(ref, found)
        else:
            try:
                found(lambda outcome: self._settle(ref, outcome))
            except Exception as error:  # noqa: BLE001 - the failure policy: a capture that fails is recorded
                self._settle(ref, Outcome.unresolved(f"{type(error).__name__}: {error}"))
        return ref

    def link(self, source: str, target: str, why: str) -> None:
        """Record an edge that was found out after both ends."""
        self._recorder.put(events.Link(source=source, target=target, why=why))

    def relate(self, source: str, target: str) -> None:
        """Record that somebody says `target` came from `source`; at the end, say so where their content is one."""
        self.link(source, target, "declared")
        self._related.append((source, target))

    def say(self, body: Body) -> None:
        """Record a fact that has no content to hash."""
        self._recorder.put(body)

    def say_soon(self, make: Callable[[], Body]) -> None:
        """Record what `make` gives, which is called on another thread; it may be on disk a tenth of a second later."""
        self._recorder.put(make, can_wait=True)

    def gap(self, subject: str, reason: str, *, mend: str | None = None, owner: str = "engineer") -> None:
        """Record what could not be seen, and what mends it."""
        self.say(events.Gap(subject=subject, reason=reason, mend=mend, owner=owner))

    def phase(self, phase: str, **facts: Any) -> None:
        """Record that a stage of the run began or ended."""
        self.say(events.Phase(phase=phase, facts=to_facts(facts)))

    def log(self, step: int, values: Mapping[str, float], tracker: str | None = None) -> None:
        """Record points of metrics; those of other ranks than the first under the rank's name.

        `tracker` is another one that was told of them, whose own points they are.
        """
        if not self.rank.is_first:
            values = {f"rank_{self.rank.number}/{name}": value for name, value in values.items()}
        self._recorder.log(step, values, tracker)

    def fail(self, where: str, error: BaseException | str) -> None:
        """Record that something of ours failed; the training goes on."""
        self._recorder.fail(where, error)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was said is durable; whether it is."""
        return self._recorder.flush(timeout)

    def hashing(self) -> list[str]:
        """What is being hashed right now, for people."""
        return self._pending.labels()

    def hash_of(self, ref: str) -> Digest | None:
        """The digest of an artifact, once it is there."""
        return self._hashes.get(ref)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no digest is under way; whether that is so."""
        return self._pending.wait(timeout)

    def close(self, status: ClosedStatus, *, timeout: float | None = None) -> None:
        """Wait for digests under way, at most `timeout` seconds, and close the record.

        Of several ranks, the first one waits for the others and closes the record; these only say that they are done.

        Raises:
            StoreError: the store does not take the end of the record; the next start will try again.
        """
        self._end_digests(timeout)
        for source, target in self._related:
            if (content := self._hashes.get(source)) and content == self._hashes.get(target):
                self.link(source, target, "content")
        if not self.rank.is_first:
            self._leave(status, timeout)
            return
        reasons: list[str] = []
        if self._gathering is not None:
            self.flush(timeout)
            status, reasons = self._call_the_roll(self._gathering, status, timeout)
        reasons += self._shortcomings(durable=self._recorder.stop(timeout))
        try:
            close_record(
                self._store,
                self.id,
                status,
                time=stamp_time(self._clock()),
                writer=f"{self._writer}.close",
                reasons=reasons,
            )
        except RunSealedError as error:
            raise RunSealedError(f"{self.id} was closed by somebody else: {error}") from error

    def leave(self, *, timeout: float | None = None) -> bool:
        """Say what is still to be said and write no more; another process closes the record. Whether all is durable."""
        self._end_digests(timeout)
        return self._recorder.stop(timeout)

    def _end_digests(self, timeout: float | None) -> None:
        self.closed = True
        self.wait(timeout)
        for ref in self._pending.refs():
            self._settle(ref, Outcome.unresolved(UNFINISHED))

    def _leave(self, status: ClosedStatus, timeout: float | None) -> None:
        reasons = self._shortcomings(durable=self.flush(timeout))
        self.say(events.RankLeft(rank=self.rank.number, status=status, reasons=tuple(reasons)))
        self._recorder.stop(timeout)

    def _shortcomings(self, *, durable: bool) -> list[str]:
        """Why what this process wrote is not complete, where it is not."""
        reasons = [] if durable else ["the store did not take every event in time"]
        if self._recorder.thinned:
            reasons.append(f"{self._recorder.thinned} metric points were thinned out: they came faster than the store")
        if lost := self._store.lost:
            reasons.append(lost)
        return reasons

    def _call_the_roll(
        self, gathering: Gathering, status: ClosedStatus, timeout: float | None
    ) -> tuple[ClosedStatus, list[str]]:
        """Wait for the other ranks; return how the run as a whole has ended, and why it is not complete, if so."""
        absences, roll = gathering.close(timeout)
        reasons = [f"rank {rank}: {reason}" for rank, left in sorted(roll.left.items()) for reason in left.reasons]
        for absence in absences:
            self.gap(f"rank {absence.rank}", absence.reason, mend=absence.mend)
            reasons.append(f"rank {absence.rank}: {absence.reason}")
        ends = [status, *(left.status for left in roll.left.values()), *("INTERRUPTED" for _ in absences)]
        worst: ClosedStatus = "FAILED" if "FAILED" in ends else "INTERRUPTED" if "INTERRUPTED" in ends else status
        return worst, reasons

    def _is_anothers(self, run_id: str, writer: str) -> bool:
        return run_id == self.id and writer != self._writer

    def _new_ref(self) -> str:
        return f"{self._writer}.{next(self._numbers)}"

    def _settle(self, ref: str, outcome: Outcome) -> None:
        def say(pending: PendingBody) -> None:
            self._hashes[ref] = outcome.hash
            try:
                self._recorder.put(pending.make(outcome), outcome.manifest)
            except (CognifyError, ValueError) as error:
                self.fail(pending.label, error)
                self._recorder.put(pending.make(Outcome.unresolved(f"{type(error).__name__}")))

        self._pending.settle(ref, say)
