"""A training so small that it takes a second, and real in every part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROWS = 64


def rows(count: int = ROWS, shift: int = 0) -> Any:
    from datasets import Dataset

    tokens = [[(i * 7 + j * 3 + shift) % 100 for j in range(8)] for i in range(count)]
    return Dataset.from_dict({"input_ids": tokens, "labels": [i % 2 for i in range(count)]})


def model() -> Any:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=100,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=16,
        )
    )


def lora(base: Any) -> Any:
    from peft import LoraConfig, TaskType, get_peft_model

    return get_peft_model(base, LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=["query", "value"]))


def trainer(output: Path, *, callbacks: list[Any], model: Any = None, train: Any = None, **arguments: Any) -> Any:
    from transformers import Trainer, TrainingArguments, set_seed

    set_seed(11)
    settings: dict[str, Any] = {
        "max_steps": 6,
        "logging_steps": 1,
        "save_steps": 2,
        "per_device_train_batch_size": 8,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
    }
    return Trainer(
        model=model if model is not None else _fresh_model(),
        args=TrainingArguments(output_dir=str(output), **(settings | arguments)),
        train_dataset=rows() if train is None else train,
        eval_dataset=rows(16, shift=1),
        callbacks=callbacks,
    )


def part() -> None:
    """Leave together with the other ranks: gloo may abort the process whose peer has gone before it."""
    import torch.distributed as dist

    dist.barrier()
    dist.destroy_process_group()


def _fresh_model() -> Any:
    return model()
