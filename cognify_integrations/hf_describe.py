"""What a `transformers` training is made of, and what to call it: arguments, model, PEFT, tokenizer."""

from __future__ import annotations

from dataclasses import is_dataclass
from hashlib import sha256
from typing import Any

from transformers import TrainerState, TrainingArguments

from cognify_core.capture.config import defaulted_fields
from cognify_core.record.run import Run
from cognify_integrations.describing_models import Names, dataset_name, model_values, without_homes

_GENERATED = ("what the model generated and was rewarded for: the rows are the prompts",)  # TRL's GRPO, RLOO


def name_of_rows(loader: Any) -> str:
    """The name that the loader's dataset itself has, else `train`."""
    return dataset_name(getattr(loader, "dataset", None), "train")


def facts_of_training(args: TrainingArguments, state: TrainerState, loader: Any) -> dict[str, Any]:
    """Facts of the beginning of a training."""
    return {
        "max_steps": state.max_steps,
        "num_train_epochs": state.num_train_epochs,
        "resumed_from_step": state.global_step or None,
        "world_size": args.world_size,
        "device": str(args.device),
        "trial_name": state.trial_name,
        "trial_params": state.trial_params,
        "collator": _collator(getattr(loader, "collate_fn", None)),
        "not_covered": [
            "what the collator makes of the rows",
            *(_GENERATED if hasattr(args, "num_generations") else ()),
        ],
    }


def describe_training(run: Run, args: TrainingArguments, model: Any, tokenizer: Any, names: Names) -> str:
    """Record the whole configuration as one node; return its ref."""
    value = {
        "training_arguments": {name: getattr(args, name) for name in args.__dataclass_fields__ if hasattr(args, name)},
        **model_values(model),
        "tokenizer": _tokenizer(tokenizer) if tokenizer is not None else None,
    }
    return run.config(
        without_homes(value), node_id=names.config, facts={"training_arguments_defaulted": defaulted_fields(args)}
    )


def _collator(collator: Any) -> Any:
    """A collator; of a dataclass, as most are, the class beside its fields."""
    return {"class": type(collator), "fields": collator} if is_dataclass(collator) else collator


def _tokenizer(tokenizer: Any) -> dict[str, Any]:
    """A tokenizer (or processor): its class, its special tokens, its chat template, and the hash of the whole."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return {
        "class": type(tokenizer),
        "name_or_path": getattr(tokenizer, "name_or_path", None),
        "vocab_size": getattr(tokenizer, "vocab_size", None),
        "model_max_length": getattr(tokenizer, "model_max_length", None),
        "special_tokens": {key: str(token) for key, token in getattr(tokenizer, "special_tokens_map", {}).items()},
        "padding_side": getattr(tokenizer, "padding_side", None),
        "truncation_side": getattr(tokenizer, "truncation_side", None),
        "chat_template": getattr(tokenizer, "chat_template", None),
        "serialised_sha256": None if backend is None else sha256(backend.to_str().encode()).hexdigest(),
    }
