"""The checkpoint that a `transformers` training resumed from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from transformers import TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from cognify_core.api.live import LiveRun
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.weights import match_weights, weights_from_files
from cognify_integrations.weights_of_models import hash_now

TRAINER_STATE = "trainer_state.json"


def record_resumed(live: LiveRun, model: Any, args: TrainingArguments, state: TrainerState) -> list[str]:
    """Record the checkpoint that a training resumed from: matched by weights and state, else declared.

    No hook is told which one it was. It is looked for where the arguments say, and in the output folder.
    """
    folders = [folder for folder in _places(args, state) if folder.is_dir()]
    if not folders:
        live.gap(
            f"ckpt_step_{state.global_step}",
            f"resumed from step {state.global_step}, and no checkpoint of that step lies in the output folder",
            mend="keep the checkpoint in output_dir, or name it in args.resume_from_checkpoint, while resuming",
        )
        return []
    now = hash_now(model)
    same = next((folder for folder in folders if _holds(folder, now, state)), None)
    return [
        live.run.resumed(
            same or folders[0], step=state.global_step, matched_by=["weights", TRAINER_STATE] if same else []
        )
    ]


def _places(args: TrainingArguments, state: TrainerState) -> list[Path]:
    """Where the checkpoint of the step that is resumed from may lie."""
    named = args.resume_from_checkpoint
    usual = Path(args.output_dir, f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}")
    if not isinstance(named, str | os.PathLike) or _state_step(Path(named)) != state.global_step:
        return [usual]
    return [Path(named), usual]


def _holds(folder: Path, now: Outcome, state: TrainerState) -> bool:
    """Whether a checkpoint holds the weights and the step that the training goes on from."""
    saved = weights_from_files(folder)
    return (
        now.manifest is not None
        and saved.manifest is not None
        and match_weights(saved.manifest, now.manifest).complete
        and _state_step(folder) == state.global_step
    )


def _state_step(folder: Path) -> int | None:
    try:
        step: int = TrainerState.load_from_json(str(folder / TRAINER_STATE)).global_step
    except (OSError, ValueError, TypeError):
        return None
    return step
