"""Fine-tune a text classifier on files of `text` and `label`, in the shape of the Hugging Face example of that name.

Nothing in it knows of Cognify.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    set_seed,
)


@dataclass
class DataArguments:
    """What is trained and evaluated on."""

    train_file: str = field(metadata={"help": "A .csv or .json file with the columns text and label."})
    validation_file: str = field(metadata={"help": "Another one."})
    max_seq_length: int = 32


@dataclass
class ModelArguments:
    """What is fine-tuned."""

    model_name_or_path: str


def main() -> None:
    """Train, evaluate, and print what came of it."""
    parser = HfArgumentParser((ModelArguments, DataArguments, TrainingArguments))
    model_args, data_args, training_args = parser.parse_args_into_dataclasses()
    set_seed(training_args.seed)
    data_files = {"train": data_args.train_file, "validation": data_args.validation_file}
    suffix = Path(data_args.train_file).suffix.removeprefix(".")
    raw: Any = load_dataset("csv" if suffix == "csv" else "json", data_files=data_files)
    labels = sorted(raw["train"].unique("label"))

    config = AutoConfig.from_pretrained(model_args.model_name_or_path, num_labels=len(labels))
    tokenizer = AutoTokenizer.from_pretrained(model_args.model_name_or_path)
    model = AutoModelForSequenceClassification.from_pretrained(model_args.model_name_or_path, config=config)

    def preprocess(examples: dict[str, Any]) -> Any:
        rows = tokenizer(examples["text"], max_length=data_args.max_seq_length, truncation=True)
        rows["labels"] = [labels.index(label) for label in examples["label"]]
        return rows

    raw = raw.map(
        preprocess, batched=True, remove_columns=raw["train"].column_names, desc="Running tokenizer on dataset"
    )
    train_dataset = raw["train"].shuffle(seed=training_args.seed)
    for index in random.sample(range(len(train_dataset)), 2):
        print(f"Sample {index} of the training set: {train_dataset[index]['input_ids']}")

    def compute_metrics(prediction: Any) -> dict[str, float]:
        found = np.argmax(prediction.predictions, axis=1)
        return {"accuracy": float((found == prediction.label_ids).mean())}

    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=train_dataset,
        eval_dataset=raw["validation"],
        compute_metrics=compute_metrics,
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    result = trainer.train()
    trainer.save_model()
    trainer.save_state()
    print(f"train_loss {result.training_loss:.6f}")
    if training_args.do_eval:
        metrics = trainer.evaluate()
        print(f"eval_accuracy {metrics['eval_accuracy']:.6f} eval_loss {metrics['eval_loss']:.6f}")


if __name__ == "__main__":
    main()
