"""The weights of a training, in any framework on PyTorch: where it started from, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cognify_core.api.live import LiveRun
from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.weight_files import find_weights
from cognify_core.capture.weights import match_weights, weights_from_files, weights_from_memory
from cognify_core.model.events import BaseModelSeen, ModelSeen
from cognify_core.record.run import Run
from cognify_integrations.describing_models import Names, active_peft_config
from cognify_integrations.hub_snapshots import find_files, origin_facts, told_revision
from cognify_integrations.pytorch import StoredTensors, base_tensors, stored_tensors, trainable_bytes


def record_base(live: LiveRun, model: Any, names: Names, limit: int) -> list[str]:
    """Record what a model begins with, and its base model; return their refs.

    Trainable weights are hashed here and now, before step 1, where they are no more than `limit` bytes.
    """
    initial = initial_weights(model, limit)
    ref = record_initial(live.run, initial)
    base = record_base_model(live, model, names, initial)
    if active_peft_config(model) is None:  # an adapter's first weights come from no file
        live.run.link(base, ref, "declared")
    return [ref, base]


def initial_weights(model: Any, limit: int) -> Outcome:
    """The weights that a model begins with, hashed now; unresolved where more than `limit` bytes are to be trained."""
    size = trainable_bytes(model)
    return hash_now(model) if size <= limit else too_large(size, limit)


def record_initial(run: Run, initial: Outcome) -> str:
    """Record the weights that a training begins with; return their ref."""
    return run.weights(ModelSeen, "model_initial", initial, fields=lambda _: {"step": 0})


def record_base_model(live: LiveRun, model: Any, names: Names, initial: Outcome) -> str:
    """Record the base model; return its ref. A frozen one (PEFT) is hashed in the background; else it is `initial`."""
    frozen = active_peft_config(model) is not None
    in_memory: Callable[[], Outcome] = (lambda: hashed(base_tensors(model))) if frozen else lambda: initial
    return record_matched(live, f"base_{names.model}", names.path, model, in_memory)


def record_matched(live: LiveRun, node_id: str, path: str | None, model: Any, in_memory: Callable[[], Outcome]) -> str:
    """Record weights, matched by their tensors with the files at `path` that they are said to come from.

    `in_memory` is called in a thread. What has no path is named after the model's class. Returns the ref.
    """
    told, name = told_revision(model), path or type(model).__name__
    candidate = find_files(path, told)
    if candidate is None:
        live.gap(
            node_id,
            "no local files to compare the weights with; what is recorded are the weights in memory",
            mend="load the model from a folder, or from the hub's cache",
        )

    def matched() -> Outcome:
        outcome = _matched(in_memory(), candidate)
        if candidate is not None and outcome.facts.get("matched"):
            live.run.cover(*find_weights(candidate).files)
        origin = origin_facts(told, candidate, outcome.facts.get("matched"))
        return replace(outcome, facts=outcome.facts | origin)

    return live.run.weights(BaseModelSeen, node_id, matched, fields=lambda _: {"name": name})


def record_final(run: Run, model: Any, *, step: int, saved_at: int, why: str) -> str:
    """Hash the weights in memory as they stand at the end of a training; return their ref."""
    return run.final_weights(hash_now(model), step=step, saved_at=saved_at, why=why)


def hash_now(model: Any) -> Outcome:
    """The digest of the weights that `model` would store, as they are now."""
    return hashed(stored_tensors(model))


def too_large(size: int, limit: int) -> Outcome:
    """Why weights were not hashed before the first step."""
    return Outcome.unresolved(
        f"{size} bytes of weights that training changes are more than COGNIFY_INITIAL_WEIGHTS_LIMIT ({limit})"
    )


def hashed(stored: StoredTensors) -> Outcome:
    """The digest of stored tensors, or why there is none."""
    if stored.problem is not None:
        return Outcome.unresolved(stored.problem)
    return weights_from_memory(stored.tensors, stored.aliases)


def _matched(in_memory: Outcome, candidate: Path | None) -> Outcome:
    """The candidate's digest where tensors of it are in memory, with how many; else the digest of what is in memory."""
    if candidate is None or in_memory.manifest is None:
        return in_memory
    on_disk = weights_from_files(candidate)
    if on_disk.manifest is None:
        return in_memory
    match = match_weights(on_disk.manifest, in_memory.manifest)
    facts: dict[str, Json] = {
        "matched": match.matched,
        "total": match.total,
        "missing": list(match.missing),
        "changed": list(match.changed),
        "extra": list(match.extra),
        "in_memory": str(in_memory.hash),
    }
    if match.matched == 0:
        return Outcome(
            in_memory.assurance,
            in_memory.hash,
            in_memory.format,
            in_memory.manifest,
            facts={**in_memory.facts, **facts},
            gaps=(*in_memory.gaps, "not one tensor is that of the files it is said to come from"),
        )
    return Outcome(
        "content", on_disk.hash, on_disk.format, on_disk.manifest, facts={**on_disk.facts, **facts}, gaps=on_disk.gaps
    )
