"""A run: what callbacks and loops say of one fine-tune, turned into events.

Nothing here waits for a digest but `close`. Node ids are wishes (`Artifact.id`); the fold settles clashes.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cognify_core.canonical import Json
from cognify_core.capture.code import collect_code
from cognify_core.capture.commitments import display_path
from cognify_core.capture.config import encode_config, to_facts
from cognify_core.capture.environment import collect_environment
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CognifyError, RecordError, RunSealedError
from cognify_core.model import events
from cognify_core.model.digest import Digest
from cognify_core.model.events import Artifact, Body, ClosedStatus, Draft
from cognify_core.model.names import new_run_id, slug, stamp_time, utc_now
from cognify_core.model.numbers import tagged_number
from cognify_core.record.closing import close_record
from cognify_core.record.hashing import Hashing
from cognify_core.record.owner import this_process
from cognify_core.record.pending import Pending, PendingArtifact
from cognify_core.record.recorder import Clock, Recorder
from cognify_core.record.spool import Spool
from cognify_core.store.protocol import Opening, Store

CODE_SECONDS = 0.5
UNFINISHED = "not hashed when the run was closed"
_DRAWS = 5

ArtifactT = TypeVar("ArtifactT", bound=Artifact)


def open_run(store: Store, opened: events.RunOpened, clock: Clock = utc_now) -> str:
    """Begin a record in `store`; return the id that was drawn for it.

    Raises:
        StoreError: the store cannot be written to, or takes no such run.
    """
    for attempt in range(_DRAWS):
        now = clock()
        run_id = new_run_id(now, os.urandom(3))
        try:
            store.create(run_id, Draft(stamp_time(now), opened, "open", 0), this_process())
        except RecordError:
            if attempt == _DRAWS - 1 or opened.amends:
                raise
        else:
            return run_id
    raise AssertionError("unreachable: the last draw raises or returns")


class Run:
    """The writing end of one run in this process. Its methods may be called from any thread and return at once."""

    def __init__(self, store: Store, hashing: Hashing, run_id: str, spool_folder: Path, clock: Clock = utc_now) -> None:
        self.id = run_id
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

    def surroundings(self, *, record_diff: bool) -> None:
        """Record environment and code, as inputs of every checkpoint.

        Both take a tenth of a second of Python that would else compete with the first steps of the training, so they
        happen here and now; but git may take its time in a large work tree, and is not waited for longer than
        `CODE_SECONDS`.
        """
        described = threading.Event()

        def describe_code() -> Outcome:
            try:
                return self._committed(*collect_code(record_diff=record_diff))
            finally:
                described.set()

        self.add_inputs(
            self.artifact(
                events.EnvironmentSeen,
                "environment",
                lambda done: done(self._committed(*collect_environment())),
            ),
            self.artifact(
                events.CodeSeen,
                "code",
                lambda done: self._hashing.call("code", describe_code, done),
            ),
        )
        described.wait(CODE_SECONDS)

    def checkpoint(self, path: Path, *, step: int, facts: Mapping[str, Json] | None = None) -> str:
        """Open a checkpoint's files now and hash them in the background; return its ref.

        Evaluations of that step are of these weights, whichever came first.
        """
        ref = self._checkpoints[step] = self.artifact(
            events.CheckpointSeen,
            f"ckpt_step_{step}",
            lambda done: self._hashing.checkpoint(path, done),
            fields=lambda _: {"step": step},
            inputs=self.inputs,
            location=display_path(path.absolute()),
            facts=facts,
        )
        for evaluation in self._evaluations.get(step, ()):
            self.link(ref, evaluation, "step")
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

    def final_weights(self, found: Outcome, *, step: int, saved_at: int, why: str) -> str:
        """Record the weights that a training ended with, and that the checkpoint of step `saved_at` holds them.

        `why` is `step`, or `best` where the training went back to its best checkpoint.
        """
        ref = self.weights(events.ModelSeen, "model_final", found, inputs=self.inputs, fields=lambda _: {"step": step})
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
        ref = f"{self._writer}.{next(self._numbers)}"
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

        self._pending.add(ref, PendingArtifact(node_id, make))
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
        """Record points of metrics."""
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
        durable = self._recorder.stop(timeout)
        reasons = [] if durable else ["the store did not take every event in time"]
        if self._recorder.thinned:
            reasons.append(f"{self._recorder.thinned} metric points were thinned out: they came faster than the store")
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

    def _committed(self, outcome: Outcome, openings: Sequence[Opening]) -> Outcome:
        self._store.put_openings(self.id, openings)
        return outcome
