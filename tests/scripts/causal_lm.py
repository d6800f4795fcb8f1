"""Train a causal language model on lines of text, in the shape of the Hugging Face example of that name.

Nothing in it knows of Cognify.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from datasets import load_dataset
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    default_data_collator,
    set_seed,
)


@dataclass
class DataArguments:
    """What is trained and evaluated on."""

    train_file: str = field(metadata={"help": "A .json file with the column text."})
    validation_percentage: int = 20
    block_size: int = 32


@dataclass
class ModelArguments:
    """What is trained, from scratch."""

    config_name: str
    layers: int = 1
    width: int = 64


def main() -> None:
    """Train, evaluate, and print what came of it."""
    parser = HfArgumentParser((ModelArguments, DataArguments, TrainingArguments))
    model_args, data_args, training_args = parser.parse_args_into_dataclasses()
    set_seed(training_args.seed)
    held_out = f"train[:{data_args.validation_percentage}%]"
    rest = f"train[{data_args.validation_percentage}%:]"
    raw: Any = {
        name: load_dataset("json", data_files=data_args.train_file, split=split)
        for name, split in (("train", rest), ("validation", held_out))
    }

    tokenizer = AutoTokenizer.from_pretrained(model_args.config_name)
    config = AutoConfig.from_pretrained(model_args.config_name)
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = model_args.layers, model_args.width, 128
    config.num_attention_heads = config.num_key_value_heads = 2
    config.head_dim = model_args.width // 2
    model = AutoModelForCausalLM.from_config(config)
    print(f"Training new model from scratch - Total size={sum(each.numel() for each in model.parameters())}")

    def tokenize(examples: dict[str, Any]) -> Any:
        return tokenizer(examples["text"])

    def group(examples: dict[str, Any]) -> dict[str, Any]:
        joined: dict[str, list[int]] = {key: list(chain(*examples[key])) for key in examples}
        whole = len(joined["input_ids"]) // data_args.block_size * data_args.block_size
        blocks = {
            key: [ids[start : start + data_args.block_size] for start in range(0, whole, data_args.block_size)]
            for key, ids in joined.items()
        }
        return {**blocks, "labels": [list(block) for block in blocks["input_ids"]]}

    blocks = {
        name: rows.map(tokenize, batched=True, remove_columns=rows.column_names).map(group, batched=True)
        for name, rows in raw.items()
    }
    trainer = Trainer(
        model=model,
        args=training_args,
        train_dataset=blocks["train"],
        eval_dataset=blocks["validation"],
        processing_class=tokenizer,
        data_collator=default_data_collator,
    )
    result = trainer.train()
    trainer.save_model()
    trainer.log_metrics("train", {"train_loss": result.training_loss, "train_samples": len(blocks["train"])})
    metrics = trainer.evaluate()
    trainer.save_metrics("eval", {"eval_loss": metrics["eval_loss"]})


if __name__ == "__main__":
    main()
