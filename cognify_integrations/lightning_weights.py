"""The weights of a Lightning training: where it started from, what it resumed, what came out."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from cognify_core.api.live import LiveRun
from cognify_core.capture.files import file_outcome
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.model.digest import Digest
from cognify_core.model.events import CheckpointSeen, parse_event
from cognify_core.store.protocol import Store
from cognify_integrations.describing_models import active_peft_config, names_of
from cognify_integrations.pytorch import StoredTensors, stored_tensors, tensors_outside, trainable_bytes
from cognify_integrations.weights_of_models import (
    hash_now,
    hashed,
    record_base,
    record_base_model,
    record_initial,
    too_large,
)

RUNS_LOOKED_AT = 50
"""How many runs are looked through for the digest of a checkpoint that is resumed from."""


def record_beginning(live: LiveRun, module: Any, models: dict[str, Any], limit: int) -> list[str]:
    """Record what a training begins with, and the base model of each model inside; return their refs."""
    if not models:
        return record_base(live, module, names_of(module), limit)
    size = trainable_bytes(module)
    initial = weights_now(module, models) if size <= limit else too_large(size, limit)
    refs = [record_initial(live.run, initial)]
    for model in models.values():
        frozen = active_peft_config(model) is not None
        in_memory = initial if frozen or size > limit else hash_now(model)
        refs.append(record_base_model(live, model, names_of(model), in_memory))
        if not frozen:  # an adapter's first weights come from no file
            live.run.link(refs[-1], refs[0], "declared")
    return refs


def weights_now(module: Any, models: dict[str, Any]) -> Outcome:
    """The weights of a LightningModule as they are; of a PEFT model inside it, those of its adapter."""
    adapted = {place: model for place, model in models.items() if active_peft_config(model) is not None}
    return hashed(_with_adapters(module, adapted)) if adapted else hash_now(module)


def _with_adapters(module: Any, adapted: dict[str, Any]) -> StoredTensors:
    tensors, aliases, problem = tensors_outside(module, tuple(adapted))
    for place, model in adapted.items():
        inner = stored_tensors(model)
        tensors += [replace(each, name=f"{place}.{each.name}") for each in inner.tensors]
        aliases |= {f"{place}.{name}": f"{place}.{kept}" for name, kept in inner.aliases.items()}
        problem = problem or inner.problem
    return StoredTensors(tensors, aliases, problem)


def record_resumed(live: LiveRun, path: str | os.PathLike[str], step: int) -> list[str]:
    """Record the checkpoint that a training goes on from.

    A `.ckpt` is a pickle, which is never loaded: it is matched by its digest with what a run has recorded, else
    `declared`.
    """
    place = Path(path)
    if not place.exists():
        live.gap(
            f"ckpt_step_{step}",
            f"resumed from step {step}, and its checkpoint lies nowhere that can be read from here",
            mend="resume from a local file or folder",
        )
        return []
    digest = (tree_outcome(place) if place.is_dir() else file_outcome(place)).hash
    known = None if digest is None else _recorded_by(live.workspace.store, digest, step)
    return [live.run.resumed(place, step=step, matched_by=[] if known is None else [f"its digest in {known}"])]


def _recorded_by(store: Store, digest: Digest, step: int) -> str | None:
    """The newest run that recorded a checkpoint of that step and digest, with all its content."""
    for row in store.runs()[:RUNS_LOOKED_AT]:
        for data in store.events(row.run_id):
            if digest.hex.encode() not in data:
                continue
            body = parse_event(data).body
            if isinstance(body, CheckpointSeen) and (body.hash, body.step, body.assurance) == (digest, step, "content"):
                return row.run_id
    return None
