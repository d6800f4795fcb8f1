"""The weights of a `transformers` training: where it started from, what it resumed, what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from cognify_core.api.live import LiveRun
from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.weights import match_weights, weights_from_files, weights_from_memory
from cognify_core.model.events import BaseModelSeen, ModelSeen
from cognify_core.record.run import Run
from cognify_integrations.hf_describe import Names, active_peft_config
from cognify_integrations.pytorch import StoredTensors, base_tensors, stored_tensors, trainable_bytes

TRAINER_STATE = "trainer_state.json"


def record_base(live: LiveRun, model: Any, names: Names, limit: int) -> list[str]:
    """Record the base model, matched by its tensors with the files that it is said to come from.

    The base of a PEFT model is frozen, so it is hashed in the background; trainable weights are hashed here and now,
    before step 1, where they are no more than `limit` bytes.
    """
    run = live.run
    frozen = active_peft_config(model) is not None
    size = trainable_bytes(model)
    initial = _hash_now(model) if size <= limit else _too_large(size, limit)
    refs = [run.weights(ModelSeen, "model_initial", initial, fields=lambda _: {"step": 0})]
    in_memory: Callable[[], Outcome] = (lambda: _hashed(base_tensors(model))) if frozen else lambda: initial
    candidate = _candidate(names.path)
    base = run.weights(
        BaseModelSeen,
        f"base_{names.model}",
        lambda: _matched(in_memory(), candidate),
        fields=lambda _: {"name": names.path or type(model).__name__},
    )
    if not frozen:  # an adapter's first weights come from no file
        run.link(base, refs[0], "declared")
    if candidate is None:
        live.gap(
            f"base_{names.model}",
            "no local files to compare the weights with; what is recorded are the weights in memory",
            mend="load the model from a folder, or from the hub's cache",
        )
    return [*refs, base]


def record_resumed(live: LiveRun, model: Any, output_dir: Path, state: TrainerState) -> list[str]:
    """Record the checkpoint that a training resumed from: matched by weights and state, else declared."""
    folder = output_dir / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
    if not folder.is_dir():
        live.gap(
            f"ckpt_step_{state.global_step}",
            f"resumed from step {state.global_step}, and no checkpoint of that step lies in the output folder",
            mend="keep the checkpoint in output_dir while resuming",
        )
        return []
    now, saved = _hash_now(model), weights_from_files(folder)
    same = (
        now.manifest is not None
        and saved.manifest is not None
        and match_weights(saved.manifest, now.manifest).complete
        and _state_step(folder) == state.global_step
    )
    matched_by = ["weights", TRAINER_STATE] if same else []
    return [live.run.resumed(folder, step=state.global_step, matched_by=matched_by)]


def record_final(run: Run, model: Any, *, step: int, saved_at: int, why: str) -> str:
    """Hash the weights in memory as they stand at the end of a training; return their ref."""
    return run.final_weights(_hash_now(model), step=step, saved_at=saved_at, why=why)


def _hash_now(model: Any) -> Outcome:
    return _hashed(stored_tensors(model))


def _hashed(stored: StoredTensors) -> Outcome:
    if stored.problem is not None:
        return Outcome.unresolved(stored.problem)
    return weights_from_memory(stored.tensors, stored.aliases)


def _too_large(size: int, limit: int) -> Outcome:
    return Outcome.unresolved(
        f"{size} bytes of trainable weights are more than COGNIFY_INITIAL_WEIGHTS_LIMIT ({limit})"
    )


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


def _candidate(path: str | None) -> Path | None:
    """The folder with the files that the weights are said to come from: a local one, or the hub cache's snapshot."""
    if path is None:
        return None
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import try_to_load_from_cache

    for name in ("model.safetensors", "model.safetensors.index.json"):
        found = try_to_load_from_cache(path, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _state_step(folder: Path) -> int | None:
    try:
        step: int = TrainerState.load_from_json(str(folder / TRAINER_STATE)).global_step
    except (OSError, ValueError, TypeError):
        return None
    return step
