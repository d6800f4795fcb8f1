"""What a callback costs the training thread: Cognify beside nothing, a naive hasher and three trackers.

Each run is a process of its own that fine-tunes a model of 280 MB with the Hugging Face Trainer and saves three
checkpoints; contenders take turns. Times are of the hooks alone, on the training thread.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

CONTENDERS = ("bare", "cognify", "naive sha-256", "mlflow", "wandb offline", "trackio")
ROUNDS = 3
STEPS, SAVE_EVERY = 80, 30
PARAMETERS = 70_000_000


def main(rounds: int = ROUNDS) -> None:
    """Print a row per contender: medians over all rounds."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name in CONTENDERS:
            results[name].append(_in_a_process(name))
    bare = statistics.median(run["step_ms"] for run in results["bare"])
    print(
        f"{'':<16}{'step ms':>9}{'/ bare':>8}{'on_log ms':>11}{'on_save ms':>12}"
        f"{'end s':>8}{'cpu s':>8}{'written MB':>12}"
    )
    for name, runs in results.items():
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"{name:<16}{median['step_ms']:>9.2f}{median['step_ms'] / bare:>8.2f}{median['on_log_ms']:>11.3f}"
            f"{median['on_save_ms']:>12.2f}{median['end_s']:>8.2f}{median['cpu_s']:>8.1f}{median['written_mb']:>12.0f}"
        )
    ours = {key: statistics.median(run[key] for run in results["cognify"]) for key in results["cognify"][0]}
    print(
        f"cognify: the end took {ours['end_s']:.2f} s; to hash the last checkpoint and the final weights takes "
        f"{ours['hash_s']:.2f} s with hashlib in one thread"
    )


def _in_a_process(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="cognify-bench-") as folder:
        environment = os.environ | {
            "COGNIFY_HOME": f"{folder}/cognify",
            "COGNIFY_QUIET": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_MLFLOW_LOG_ARTIFACTS": "1",
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "WANDB_MODE": "offline",
            "WANDB_DIR": folder,
            "WANDB_LOG_MODEL": "checkpoint",
            "WANDB_SILENT": "true",
            "TRACKIO_DIR": f"{folder}/trackio",
            "HOME": folder,
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        command = [sys.executable, "-m", "benchmarks.training", name, folder]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result


class Timed:
    """A callback around another that notes how long each hook kept the training thread."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.seconds: dict[str, list[float]] = {}

    def __getattr__(self, name: str) -> Any:
        hook = getattr(self.inner, name)
        if not name.startswith("on_"):
            return hook

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return hook(*args, **kwargs)
            finally:
                self.seconds.setdefault(name, []).append(time.perf_counter() - began)

        return timed

    def median_ms(self, name: str) -> float:
        return 1000 * statistics.median(self.seconds.get(name, [0.0]))


def _one(name: str, folder: Path) -> None:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    steps: list[float] = []

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            steps.append(time.perf_counter() - self.began)

    torch.manual_seed(1)
    contender = Timed(_callback(name, folder))
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        max_steps=STEPS,
        logging_steps=1,
        save_steps=SAVE_EVERY,
        save_total_limit=2,
        save_only_model=True,
        per_device_train_batch_size=16,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(model=_model(), args=arguments, train_dataset=_rows(), callbacks=[Steps(), contender])
    trainer.train()
    checkpoints = sorted((folder / "out").glob("checkpoint-*"), key=lambda path: path.stat().st_mtime)
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "step_ms": 1000 * statistics.median(steps),
                "on_log_ms": contender.median_ms("on_log"),
                "on_save_ms": contender.median_ms("on_save"),
                "end_s": sum(contender.seconds.get("on_train_end", [0.0])),
                "cpu_s": used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime,
                "written_mb": _written(folder) / 1e6,
                "hash_s": _hash_seconds(checkpoints[-1], trainer.model),
            }
        ),
        flush=True,
    )
    os._exit(0)  # what trackers still upload at exit is not part of the measurement


def _model() -> Any:
    import torch

    class Large(torch.nn.Module):
        """280 MB of weights, of which a step touches little."""

        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(PARAMETERS // 500, 500, sparse=False)
            self.table.weight.requires_grad_(False)
            self.layers = torch.nn.Sequential(torch.nn.Linear(500, 500), torch.nn.ReLU(), torch.nn.Linear(500, 2))

        def forward(self, input_ids: Any, labels: Any) -> dict[str, Any]:
            logits = self.layers(self.table(input_ids).mean(1))
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    return Large()


def _rows() -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {"input_ids": [[i % 1000] * 32 for i in range(2000)], "labels": [i % 2 for i in range(2000)]}
    )


def _callback(name: str, folder: Path) -> Any:
    from transformers import TrainerCallback
    from transformers.integrations import MLflowCallback, TrackioCallback, WandbCallback

    def cognify() -> Any:
        from cognify_integrations.huggingface import CognifyCallback

        return CognifyCallback()

    makers: dict[str, Callable[[], Any]] = {
        "bare": TrainerCallback,
        "cognify": cognify,
        "naive sha-256": lambda: _naive(TrainerCallback, folder),
        "mlflow": MLflowCallback,
        "wandb offline": WandbCallback,
        "trackio": TrackioCallback,
    }
    return makers[name]()


def _naive(base: type[Any], folder: Path) -> Any:
    """The few lines that one would write first: a thread per checkpoint, nothing held, nothing recorded."""

    class Naive(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.threads: list[threading.Thread] = []

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            path = folder / "out" / f"checkpoint-{state.global_step}"
            self.threads.append(threading.Thread(target=_hash_tree, args=(path,)))
            self.threads[-1].start()

        def on_train_end(self, *args: Any, **kwargs: Any) -> None:
            for thread in self.threads:
                thread.join()

    return Naive()


def _hash_tree(path: Path) -> None:
    for file in sorted(path.rglob("*")):
        digest = sha256()
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)


def _hash_seconds(checkpoint: Path, model: Any) -> float:
    began = time.perf_counter()
    _hash_tree(checkpoint)
    for tensor in model.state_dict().values():
        sha256(tensor.numpy().tobytes() if tensor.numel() == 1 else memoryview(tensor.numpy()).cast("B"))
    return time.perf_counter() - began


def _written(folder: Path) -> int:
    """Bytes on disk besides the Trainer's own checkpoints."""
    return sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file() and folder / "out" not in path.parents
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
