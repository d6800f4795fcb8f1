"""What a Lightning Trainer evaluates, within `fit` and by itself: rows, results, and weights where they are known."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

from cognify_core import api
from cognify_core.api.live import LiveRun
from cognify_core.capture.commitments import display_path
from cognify_integrations.lightning_loaders import Fed, datasets_of
from cognify_integrations.lightning_metrics import Results
from cognify_integrations.lightning_ranks import start_method


class Evaluations:
    """Evaluations of what one callback saw being trained."""

    def __init__(self) -> None:
        self.results = Results()
        self.saved: dict[str, int] = {}
        """The steps of the checkpoints that were saved, by their paths."""
        self.trained: weakref.ref[Any] | None = None
        """The module that was trained."""
        self._refs: list[tuple[str, Any, str]] = []

    def record(self, live: LiveRun, trainer: Any, name: str) -> None:
        """Record an evaluation that has just ended; of several loaders each by itself, and what they have in common."""
        results = self.results.ended(trainer)
        fed = datasets_of(_loaders(trainer), name)
        rows = [self._rows(live, each) for each in fed]
        step, weights, facts = self._weights(live, trainer)
        common = results
        for number, each in enumerate(fed if len(fed) > 1 else ()):
            suffix = f"/dataloader_idx_{number}"
            own = {key.removesuffix(suffix): value for key, value in results.items() if key.endswith(suffix)}
            common = {key: value for key, value in common.items() if not key.endswith(suffix)}
            if own:
                inputs = [rows[number], *weights]
                live.run.evaluation(own, name=f"{name}_{each.key}", step=step, inputs=inputs, facts=facts)
        if common or not results:
            live.run.evaluation(common, name=name, step=step, inputs=[*rows, *weights], facts=facts)

    def _weights(self, live: LiveRun, trainer: Any) -> tuple[int | None, list[str], dict[str, Any]]:
        """The step, the refs and the facts of the weights that are evaluated; nothing is claimed that is not known."""
        if trainer.state.fn == "fit":
            return trainer.global_step, [], {}
        if trainer.ckpt_path:
            path = Path(os.path.abspath(trainer.ckpt_path))  # noqa: PTH100 - as it was written down
            step = self.saved.get(str(path))
            found = [f"@ckpt_step_{step}"] if live.amends and step is not None else []
            return step, found, {"checkpoint": display_path(path)}
        trained = self.trained() if self.trained is not None else None
        if trainer.lightning_module is trained or start_method(trainer) is not None:
            return trainer.global_step, ["@model_final"] if live.amends else [], {}
        return (
            None,
            [],
            {"not_covered": ["where the weights of this module come from: it is not the one that was trained"]},
        )

    def _rows(self, live: LiveRun, fed: Fed) -> str:
        for run_id, dataset, ref in self._refs:
            if run_id == live.id and dataset is fed.dataset:
                return ref
        ref, _ = api.this_session().record_fed(live, fed.dataset, name=fed.name, role="eval")
        self._refs.append((live.id, fed.dataset, ref))
        return ref


def _loaders(trainer: Any) -> Any:
    """What the evaluation reads from. `val_dataloaders` would still be those of an earlier `fit`."""
    match str(trainer.state.fn.value):
        case "validate":
            return getattr(trainer.validate_loop, "_combined_loader", None) or trainer.val_dataloaders
        case "test":
            return trainer.test_dataloaders
        case "predict":
            return trainer.predict_dataloaders
        case _:
            return trainer.val_dataloaders
