"""A run: what callbacks and loops say of one fine-tune, turned into events.

Nothing here waits for a digest but `close`. Node ids are wishes (`Artifact.id`); the fold settles clashes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cognify_core.canonical import Json
from cognify_core.capture.commitments import display_path
from cognify_core.capture.config import encode_config, to_facts
from cognify_core.capture.files import shown
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CognifyError, RunSealedError
from cognify_core.model import events
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, Body, ClosedStatus
from cognify_core.model.names import slug, stamp_time, utc_now
from cognify_core.model.numbers import tagged_number
from cognify_core.record.closing import close_record
from cognify_core.record.gathering import Gathering
from cognify_core.record.hashing import Hashing
from cognify_core.record.pending import Pending, PendingBody
from cognify_core.record.ranks import Rank, writer_of
from cognify_core.record.recorder import Clock, Recorder
from cognify_core.record.spool import Spool
from cognify_core.store.protocol import Store

RANK_SECONDS = 60.0
"""How long the end of a training waits for a rank that lives and does not report."""
UNFINISHED = "not hashed when the run was closed"
_ALONE = Rank()

ArtifactT = TypeVar("ArtifactT", bound=Artifact)


class Run:
    """The writing end of one run in this process. Its methods may be called from any thread and return at once."""

    def __init__(
        self,
        store: Store,
        hashing: Hashing,
        run_id: str,
        spool_folder: Path,
        clock: Clock = utc_now,
        *,
        rank: Rank = _ALONE,
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
        self._inputs: dict[str, None] = {}
        self._hashes: dict[str, Digest | None] = {}
        self._related: list[tuple[str, str]] = []
        self._checkpoints: dict[int, str] = {}
        self._evaluations: dict[int, list[str]] = {}
        self._gathering: Gathering | None = None
        if not rank.is_alone:
            self.say(events.RankJoined(rank=rank.number, world_size=rank.world_size))
        if rank.is_first and rank.meeting is not None:
            self._gathering = Gathering(
                store, run_id, rank.world_size, self._recorder.put, self._recorder.fail, patience=rank_seconds
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The refs that checkpoints from now on come from."""
        return tuple(self._inputs)

    def add_inputs(self, *refs: str) -> None:
        """From now on, checkpoints come from these too."""
        self._inputs.update(dict.fromkeys(refs))

    def drop_inputs(self, *refs: str) -> None:
        """Another training begins: its checkpoints do not come from these, and its steps count anew."""
        for ref in refs:
            self._inputs.pop(ref, None)
        self._checkpoints.clear()
        self._evaluations.clear()

    def dataset(
        self,
        data: Any,
        *,
        name: str,
        role: str = "train",
        schema_version: str | None = None,
        provenance: Mapping[str, Json] | None = None,
        inputs: Sequence[str] = (),
        facts: Mapping[str, Json] | None = None,
    ) -> str:
        """Digest rows (a path or an object) and record them as a dataset; return its ref."""
        location = Path(data).absolute() if isinstance(data, str | Path) else None
        version = schema_version or "1"

        def fields(outcome: Outcome) -> dict[str, Any]:
            rows = outcome.facts.get("rows")
            return {
                "name": name,
                "role": role,
                "schema_version": version,
                "schema_version_defaulted": schema_version is None,
                "record_count": rows if isinstance(rows, int) else None,
                "provenance": to_facts(dict(provenance or {})),
            }

        return self.artifact(
            events.DatasetSeen,
            f"ds_{slug(name)}_v{slug(version)}",
            lambda done: self._hashing.rows(data, done),
            fields=fields,
            inputs=inputs,
            location=None if location is None else display_path(location),
            facts=facts,
        )

    def file(self, path: Path, *, name: str, role: str = "source", **rest: Any) -> str:
        """Hash a file or a tree as it lies, and record it as a dataset; return its ref."""
        return self.artifact(
            events.DatasetSeen,
            f"ds_{slug(name)}_v1",
            lambda done: self._hashing.path(path, done),
            fields=lambda _: {"name": name, "role": role, "schema_version_defaulted": True},
            location=display_path(path.absolute()),
            **rest,
        )

    def config(self, value: Any, *, node_id: str, facts: Mapping[str, Json] | None = None) -> str:
        """Record a configuration, redacted and in full; return its ref."""
        manifest = encode_config(value)
        for path in manifest.opaque:
            self.gap(f"{node_id}{path}", "a value of this type has no content that can be recorded", owner="cognify")
        return self.artifact(events.ConfigSeen, node_id, manifest.outcome(), facts=facts)

    def checkpoint(self, path: Path, *, step: int, facts: Mapping[str, Json] | None = None) -> str:
        """Open a checkpoint's files now and hash them in the background; return its ref.

        Of a folder that several ranks write, each opens its own files, and rank 0 records the whole when all have
        reported. Evaluations of that step are of these weights, whichever came first.
        """
        shared = not self.rank.is_alone and path.is_dir()
        ref = self._checkpoints[step] = (self._shards if shared else self._whole)(path, step, facts)
        for evaluation in self._evaluations.get(step, ()):
            self.link(ref, evaluation, "step")
        return ref

    def _whole(self, path: Path, step: int, facts: Mapping[str, Json] | None) -> str:
        return self.artifact(
            events.CheckpointSeen,
            f"ckpt_step_{step}",
            lambda done: self._hashing.checkpoint(path, done),
            fields=lambda _: {"step": step},
            inputs=self.inputs,
            location=display_path(path.absolute()),
            facts=facts,
        )

    def _shards(self, path: Path, step: int, facts: Mapping[str, Json] | None) -> str:
        ref, moment, inputs = self._new_ref(), stamp_time(self._clock()), self.inputs
        held = self._hashing.held(path, lambda name: (writer_of(name) or 0) == self.rank.number)

        def make(outcome: Outcome) -> Body:
            return events.ShardsSeen(
                rank=self.rank.number,
                ref=ref,
                id=f"ckpt_step_{step}",
                step=step,
                at=moment,
                location=display_path(path.absolute()),
                hash=outcome.hash,
                manifest=outcome.format,
                reason=outcome.reason,
                left=tuple(sorted(map(shown, held.others))),
                inputs=inputs,
                facts=to_facts(dict(facts or {})),
            )

        self._pending.add(ref, PendingBody(f"ckpt_step_{step}", make))
        self._hashing.call(str(path), held.outcome, lambda outcome: self._settle(ref, outcome))
        return ref

    def resumed(self, path: Path, *, step: int, matched_by: Sequence[str]) -> str:
        """Record the checkpoint that a training resumed from; `declared` where nothing of it was matched."""

        def start(done: Callable[[Outcome], None]) -> None:
            self._hashing.path(path, done if matched_by else lambda outcome: done(outcome.declared()))

        return self.artifact(
            events.CheckpointSeen,
            f"ckpt_step_{step}",
            start,
            fields=lambda _: {"step": step},
            location=display_path(path.absolute()),
            facts={"resumed": True, "matched_by": list(matched_by)},
        )

    def evaluation(
        self,
        results: Mapping[str, float],
        *,
        name: str,
        step: int | None = None,
        inputs: Sequence[str] = (),
        facts: Mapping[str, Json] | None = None,
    ) -> str:
        """Record the results of an evaluation; return its ref. It is of the checkpoint of its step, if there is one."""
        numbers = {key: tagged_number(value) for key, value in results.items()}
        manifest = encode_config({"name": name, "step": step, "results": dict(results)})
        ref = self.artifact(
            events.EvaluationSeen,
            f"eval_{slug(name)}" + ("" if step is None else f"_step_{step}"),
            manifest.outcome(),
            fields=lambda _: {"name": name, "step": step, "results": numbers},
            inputs=inputs,
            facts=facts,
        )
        if step is not None:
            self._evaluations.setdefault(step, []).append(ref)
            if step in self._checkpoints:
                self.link(self._checkpoints[step], ref, "step")
        return ref

    def final_weights(
        self,
        found: Outcome | Callable[[], Outcome],
        *,
        step: int,
        saved_at: int,
        why: str,
        location: Path | None = None,
    ) -> str:
        """Record the weights that a training ended with, and that the checkpoint of step `saved_at` holds them.

        `why` is `step`, or `best` where the training went back to its best checkpoint.
        """
        ref = self.weights(
            events.ModelSeen,
            "model_final",
            found,
            inputs=self.inputs,
            fields=lambda _: {"step": step},
            location=None if location is None else display_path(location.absolute()),
        )
        if saved_at in self._checkpoints:
            self.link(self._checkpoints[saved_at], ref, why)
        for evaluation in self._evaluations.get(step, ()) if saved_at == step else ():
            self.link(ref, evaluation, "step")
        return ref

    def weights(
        self,
        kind: type[events.BaseModelSeen | events.ModelSeen],
        node_id: str,
        found: Outcome | Callable[[], Outcome],
        **rest: Any,
    ) -> str:
        """Record weights: an outcome that is there, or a job that hashes them in a thread; return the ref."""
        if isinstance(found, Outcome):
            return self.artifact(kind, node_id, found, **rest)
        return self.artifact(kind, node_id, lambda done: self._hashing.call(node_id, found, done), **rest)

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

    def gap(self, subject: str, reason: str, *, mend: str | None = None, owner: str = "engineer") -> None:
        """Record what could not be seen, and what mends it."""
        self.say(events.Gap(subject=subject, reason=reason, mend=mend, owner=owner))

    def phase(self, phase: str, **facts: Any) -> None:
        """Record that a stage of the run began or ended."""
        self.say(events.Phase(phase=phase, facts=to_facts(facts)))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Record points of metrics; those of other ranks than the first under the rank's name."""
        if not self.rank.is_first:
            values = {f"rank_{self.rank.number}/{name}": value for name, value in values.items()}
        self._recorder.log(step, values)

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
        self.closed = True
        self.wait(timeout)
        for ref in self._pending.refs():
            self._settle(ref, Outcome.unresolved(UNFINISHED))
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

    def _leave(self, status: ClosedStatus, timeout: float | None) -> None:
        reasons = self._shortcomings(durable=self.flush(timeout))
        self.say(events.RankLeft(rank=self.rank.number, status=status, reasons=tuple(reasons)))
        self._recorder.stop(timeout)

    def _shortcomings(self, *, durable: bool) -> list[str]:
        """Why what this process wrote is not complete, where it is not."""
        reasons = [] if durable else ["the store did not take every event in time"]
        if self._recorder.thinned:
            reasons.append(f"{self._recorder.thinned} metric points were thinned out: they came faster than the store")
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

    def _new_ref(self) -> str:
        return f"{self._writer}.{next(self._numbers)}"

    def _settle(self, ref: str, outcome: Outcome) -> None:
        pending = self._pending.take(ref)
        if pending is None:
            return
        self._hashes[ref] = outcome.hash
        try:
            self._recorder.put(pending.make(outcome), outcome.manifest)
        except (CognifyError, ValueError) as error:
            self.fail(pending.label, error)
            self._recorder.put(pending.make(Outcome.unresolved(f"{type(error).__name__}")))
