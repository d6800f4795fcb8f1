"""What a callback costs a Lightning training: Cognify beside nothing, in turn, in one process each.

A model of 280 MB is trained with PyTorch Lightning, which logs every step and saves three checkpoints. Times are of the
hooks alone, on the training thread, and of the steps from the first to the last, with what is saved between them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 5
STEPS, SAVE_EVERY = 90, 30
HOOKS = ("on_train_batch_end", "on_train_start", "teardown")


def main(rounds: int = ROUNDS) -> None:
    """Print a row for the bare training and one for the recorded one: medians over all rounds."""
    results: dict[str, list[dict[str, float]]] = {"bare": [], "cognify": []}
    for turn in range(rounds):
        for name in sorted(results, reverse=bool(turn % 2)):
            results[name].append(_in_a_process(name))
    medians = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for name, runs in results.items()
    }
    print(f"{'':<10}{'steps s':>9}{'/ bare':>8}{'batch_end ms':>14}{'p99 ms':>9}{'start s':>9}{'end s':>8}")
    for name, median in medians.items():
        ratio = median["steps_s"] / medians["bare"]["steps_s"]
        print(
            f"{name:<10}{median['steps_s']:>9.2f}{ratio:>8.3f}{median['on_train_batch_end_ms']:>14.4f}"
            f"{median['on_train_batch_end_p99']:>9.3f}{median['on_train_start_ms'] / 1000:>9.2f}"
            f"{median['teardown_ms'] / 1000:>8.2f}"
        )


def _in_a_process(name: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        environment = os.environ | {
            "COGNIFY_HOME": f"{folder}/cognify",
            "COGNIFY_QUIET": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.lightning", name, folder]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return result


def _one(name: str, folder: Path) -> None:
    import torch
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger

    class Large(LightningModule):  # type: ignore[misc]
        """280 MB of weights, of which a step touches little."""

        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(140_000, 500)
            self.table.weight.requires_grad_(False)
            self.layers = torch.nn.Sequential(torch.nn.Linear(500, 500), torch.nn.ReLU(), torch.nn.Linear(500, 2))

        def training_step(self, batch: Any, _: int) -> Any:
            tokens, labels = batch
            loss = torch.nn.functional.cross_entropy(self.layers(self.table(tokens).mean(1)), labels)
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.layers.parameters())

    def callback() -> Any:
        if name == "bare":
            return Callback()
        from cognify_integrations.lightning import CognifyCallback

        return CognifyCallback()

    torch.manual_seed(1)
    ends: list[float] = []

    class Ends(Callback):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            ends.append(time.perf_counter())

    observer = callback()
    seconds = {hook: _timed(observer, hook) for hook in HOOKS}
    rows = torch.utils.data.TensorDataset(torch.randint(0, 1000, (4096, 256)), torch.randint(0, 2, (4096,)))
    saves = ModelCheckpoint(dirpath=str(folder / "out"), every_n_train_steps=SAVE_EVERY, save_top_k=-1)
    trainer = Trainer(
        max_steps=STEPS,
        accelerator="cpu",
        default_root_dir=str(folder),
        logger=CSVLogger(str(folder)),
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[saves, observer, Ends()],
    )
    trainer.fit(Large(), torch.utils.data.DataLoader(rows, batch_size=32))
    result = {"steps_s": ends[-1] - ends[0]}
    for hook, taken in seconds.items():
        result[f"{hook}_ms"] = 1000 * statistics.median(taken or [0.0])
        result[f"{hook}_p99"] = 1000 * sorted(taken or [0.0])[int(0.99 * len(taken))]
    print(json.dumps(result), flush=True)


def _timed(observer: Any, hook: str) -> list[float]:
    """Let a hook of one callback note how long it took each time."""
    seconds: list[float] = []
    inner = getattr(observer, hook)

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return inner(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(observer, hook, timed)
    return seconds


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
