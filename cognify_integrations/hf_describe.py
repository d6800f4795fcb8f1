"""What a `transformers` training is made of, and what to call it: arguments, model, PEFT, tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from transformers import TrainerState, TrainingArguments

from cognify_core.capture.commitments import without_home
from cognify_core.capture.config import defaulted_fields
from cognify_core.model.names import slug
from cognify_core.record.run import Run

_TELL_NOTHING = {"model", "models", "checkpoint", "snapshots", "main", "final", ""}
_PACKAGED_BUILDERS = {
    "arrow",
    "audiofolder",
    "csv",
    "generator",
    "imagefolder",
    "json",
    "parquet",
    "text",
    "webdataset",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What the parts of a training are called."""

    path: str | None
    """The model's `_name_or_path`: a hub name or a folder; declared, not evidence."""
    model: str
    method: str

    @property
    def config(self) -> str:
        """As in `cfg_llama3_8b_lora_r16`."""
        return f"cfg_{self.model}_{self.method}"

    def dataset(self, loader: Any) -> str:
        """The name that the dataset itself has, else `train`."""
        info = getattr(getattr(loader, "dataset", None), "info", None)
        name = getattr(info, "dataset_name", None) or getattr(info, "builder_name", None)
        return slug(name) if name and name not in _PACKAGED_BUILDERS else "train"

    def training(self, args: TrainingArguments, state: TrainerState, loader: Any) -> dict[str, Any]:
        """Facts of the beginning of a training."""
        return {
            "max_steps": state.max_steps,
            "num_train_epochs": state.num_train_epochs,
            "resumed_from_step": state.global_step or None,
            "world_size": args.world_size,
            "device": str(args.device),
            "trial_name": state.trial_name,
            "trial_params": state.trial_params,
            "collator": getattr(loader, "collate_fn", None),
            "not_covered": ["what the collator makes of the rows"],
        }


def names_of(model: Any) -> Names:
    """Names after the model's own configuration and its PEFT method, where it has one."""
    path = getattr(getattr(model, "config", None), "_name_or_path", None) or None
    parts = [part for part in PurePath(path or type(model).__name__).parts if slug(part) not in _TELL_NOTHING]
    method = "full"
    if (peft := active_peft_config(model)) is not None:
        rank = getattr(peft, "r", None)
        method = slug(str(getattr(peft.peft_type, "value", peft.peft_type))) + (f"_r{rank}" if rank else "")
    return Names(path, slug(parts[-1] if parts else type(model).__name__), method)


def active_peft_config(model: Any) -> Any:
    """The configuration of a PEFT model's active adapter; none where the model is no PEFT model."""
    configs = getattr(model, "peft_config", None)
    if not isinstance(configs, dict) or not configs:
        return None
    active = getattr(model, "active_adapter", None)
    return configs.get(active if isinstance(active, str) else None) or next(iter(configs.values()))


def describe_training(run: Run, args: TrainingArguments, model: Any, tokenizer: Any, names: Names) -> str:
    """Record the whole configuration as one node; return its ref."""
    model_config = getattr(model, "config", None)
    peft = active_peft_config(model)
    value = {
        "training_arguments": {name: getattr(args, name) for name in args.__dataclass_fields__ if hasattr(args, name)},
        "model_class": type(model),
        "model": model_config.to_dict() if model_config is not None and hasattr(model_config, "to_dict") else None,
        "peft": peft.to_dict() if peft is not None else None,
        "tokenizer": _tokenizer(tokenizer) if tokenizer is not None else None,
    }
    return run.config(
        _without_home(value), node_id=names.config, facts={"training_arguments_defaulted": defaulted_fields(args)}
    )


def _without_home(value: Any) -> Any:
    """The same with the home directory in paths written `~`: it often holds a person's name."""
    if isinstance(value, str):
        return without_home(value)
    if isinstance(value, dict):
        return {key: _without_home(item) for key, item in value.items()}
    return [_without_home(item) for item in value] if isinstance(value, list) else value


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
