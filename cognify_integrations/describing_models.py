"""What a model of `transformers` is, and what to call it: its configuration, its PEFT method, its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from cognify_core.capture.commitments import without_home
from cognify_core.model.names import slug

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
    """What a model is called."""

    path: str | None
    """The model's `_name_or_path`: a hub name or a folder; declared, not evidence."""
    model: str
    method: str

    @property
    def config(self) -> str:
        """As in `cfg_llama3_8b_lora_r16`."""
        return f"cfg_{self.model}_{self.method}"


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


def model_values(model: Any) -> dict[str, Any]:
    """A model's class, its configuration and that of its adapter, where it has them."""
    config, peft = getattr(model, "config", None), active_peft_config(model)
    return {
        "model_class": type(model),
        "model": config.to_dict() if config is not None and hasattr(config, "to_dict") else None,
        "peft": peft.to_dict() if peft is not None else None,
    }


def dataset_name(dataset: Any, otherwise: str) -> str:
    """The name that a dataset itself has, else the other one."""
    info = getattr(dataset, "info", None)
    name = getattr(info, "dataset_name", None) or getattr(info, "builder_name", None)
    return slug(name) if isinstance(name, str) and name and name not in _PACKAGED_BUILDERS else otherwise


def without_homes(value: Any) -> Any:
    """The same with the home directory in paths written `~`: it often holds a person's name."""
    if isinstance(value, str):
        return without_home(value)
    if isinstance(value, dict):
        return {key: without_homes(item) for key, item in value.items()}
    return [without_homes(item) for item in value] if isinstance(value, list) else value
