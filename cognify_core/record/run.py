"""A run: what callbacks and loops say of one fine-tune."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cognify_core.canonical import Json
from cognify_core.capture.commitments import display_path
from cognify_core.capture.config import encode_config, to_facts
from cognify_core.capture.files import shown
from cognify_core.capture.outcome import Outcome
from cognify_core.model import events
from cognify_core.model.events import Body
from cognify_core.model.names import slug, stamp_time, utc_now
from cognify_core.model.numbers import tagged_number
from cognify_core.record.hashing import Hashing
from cognify_core.record.pending import PendingBody
from cognify_core.record.ranks import ALONE, Rank, owner_of
from cognify_core.record.reads import Reads
from cognify_core.record.recorder import Clock
from cognify_core.record.writing import RANK_SECONDS, Writing
from cognify_core.store.protocol import Store


class Run(Writing):
    """The writing end of one run in this process. Its methods may be called from any thread and return at once."""

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
        super().__init__(store, hashing, run_id, spool_folder, clock, rank=rank, rank_seconds=rank_seconds)
        self.reads = Reads()
        """The datasets recorded here, as long as this process can read them again."""
        self._inputs: dict[str, None] = {}
        self._checkpoints: dict[int, str] = {}
        self._evaluations: dict[int, list[str]] = {}
        self._covered: set[str] = set()

    def cover(self, *paths: Path) -> None:
        """All content of these files and folders is recorded, or about to be: who sees them read need not say so."""
        self._covered.update(map(os.path.realpath, paths))

    def covers(self, path: Path) -> bool:
        """Whether all content of that file is recorded."""
        real = Path(os.path.realpath(path))
        return any(str(place) in self._covered for place in (real, *real.parents))

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

        ref = self.artifact(
            events.DatasetSeen,
            f"ds_{slug(name)}_v{slug(version)}",
            lambda done: self._hashing.rows(data, done),
            fields=fields,
            inputs=inputs,
            location=None if location is None else display_path(location),
            facts=facts,
        )
        self.reads.add(ref, name, role, location or data, inputs)
        return ref

    def file(self, path: Path, *, name: str, role: str = "source", **rest: Any) -> str:
        """Hash a file or a tree as it lies, and record it as a dataset; return its ref."""
        ref = self.artifact(
            events.DatasetSeen,
            f"ds_{slug(name)}_v1",
            lambda done: self._hashing.path(path, done),
            fields=lambda _: {"name": name, "role": role, "schema_version_defaulted": True},
            location=display_path(path.absolute()),
            **rest,
        )
        self.reads.add(ref, name, role, path.absolute(), rest.get("inputs", ()))
        return ref

    def relate(self, source: str, target: str) -> None:
        """Record that somebody says `target` came from `source`; at the end, say so where their content is one."""
        self.reads.relate(source, target)
        super().relate(source, target)

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
        self.cover(path)
        whole = self.rank.is_alone or path.is_file() or (self.rank.is_first and not path.is_dir())
        ref = self._checkpoints[step] = (self._whole if whole else self._shards)(path, step, facts)
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
        if not path.is_dir():  # this rank wrote nothing there; if others saw files of its, they say so
            return ref
        held = self._hashing.held(path, lambda name: owner_of(name) == self.rank.number)

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
        """Record the checkpoint that a training resumed from; `declared` where nothing of it was matched.

        Its files are opened now: the training that goes on from it may rotate it away.
        """
        self.cover(path)

        def start(done: Callable[[Outcome], None]) -> None:
            self._hashing.checkpoint(path, done if matched_by else lambda outcome: done(outcome.declared()))

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
        declared: bool = False,
        setup: Mapping[str, Any] | None = None,
    ) -> str:
        """Record the results of an evaluation; return its ref. It is of the checkpoint of its step, if there is one.

        `declared` are results that a person says and nobody here has computed. `setup` is how the evaluation was made,
        and part of what its digest is of.
        """
        numbers = {key: tagged_number(value) for key, value in results.items()}
        told = {"name": name, "step": step, "results": dict(results)} | ({"setup": setup} if setup else {})
        found = encode_config(told).outcome()
        ref = self.artifact(
            events.EvaluationSeen,
            f"eval_{slug(name)}" + ("" if step is None else f"_step_{step}"),
            found.declared() if declared else found,
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
