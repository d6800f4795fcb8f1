"""The checkpoint that a `transformers` training resumed from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from cognify_core.api.live import LiveRun
from cognify_core.capture.weights import match_weights, weights_from_files
from cognify_integrations.weights_of_models import hash_now

TRAINER_STATE = "trainer_state.json"


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
    now, saved = hash_now(model), weights_from_files(folder)
    same = (
        now.manifest is not None
        and saved.manifest is not None
        and match_weights(saved.manifest, now.manifest).complete
        and _state_step(folder) == state.global_step
    )
    matched_by = ["weights", TRAINER_STATE] if same else []
    return [live.run.resumed(folder, step=state.global_step, matched_by=matched_by)]


def _state_step(folder: Path) -> int | None:
    try:
        step: int = TrainerState.load_from_json(str(folder / TRAINER_STATE)).global_step
    except (OSError, ValueError, TypeError):
        return None
    return step
