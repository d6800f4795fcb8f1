"""What a PEFT model stores, and what it was before: adapter tensors, and the base's own names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_STANDS_FOR = ("base_layer", "token_adapter", "original_module")
"""Where a layer of PEFT keeps what it stands for. One with a `token_adapter` stores it there, and not twice."""


def has_adapters(model: torch.nn.Module) -> bool:
    """Whether `model` is a `PeftModel`, or a transformers model to which an adapter was added."""
    return hasattr(model, "get_base_model") or bool(getattr(model, "_hf_peft_config_loaded", False))


def base_model(model: torch.nn.Module) -> torch.nn.Module:
    """The model that the adapters were put into, which holds them among its own layers."""
    base: torch.nn.Module = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    return base


def adapter_state(model: Any) -> dict[str, torch.Tensor]:
    """The tensors of the adapter that `save_pretrained` writes at the top of its folder, under the file's names.

    Whether embeddings are saved is decided here, because PEFT's own `auto` may ask the Hub.
    """
    from peft import get_peft_model_state_dict  # where a model has adapters, there is PEFT

    name = adapter_name(model)
    state = get_peft_model_state_dict(
        model,
        state_dict=model.state_dict(),
        adapter_name=name,
        save_embedding_layers=_saves_embeddings(model, model.peft_config[name]),
    )
    prefix = "" if hasattr(model, "get_base_model") else "base_model.model."
    return {f"{prefix}{key}": tensor for key, tensor in state.items()}


def adapter_name(model: Any) -> str:
    """`default` where there is such an adapter, else the first active one."""
    if "default" in model.peft_config:
        return "default"
    active = getattr(model, "active_adapter", None)
    names = [active] if isinstance(active, str) else list(model.peft_config)
    return str(names[0])


def original_names(base: torch.nn.Module) -> Callable[[str], str | None]:
    """Tells the name that a tensor of `base` had before adapters came; none for a tensor of an adapter.

    A layer of PEFT keeps the layer that it stands for as a child of its own, beside its tensors.
    """
    children = {
        path: child
        for path, module in base.named_modules()
        if type(module).__module__.startswith("peft.")
        for child in [name for name in _STANDS_FOR if hasattr(module, name)][:1]
    }

    def original(name: str) -> str | None:
        parts = name.split(".")
        for depth in range(len(parts) - 1, -1, -1):  # innermost first, so that what stands before stays as it is
            child = children.get(".".join(parts[:depth]))
            if child is not None:
                if parts[depth] != child:
                    return None
                del parts[depth]
        return ".".join(parts)

    return original


def _saves_embeddings(model: Any, config: Any) -> bool:
    """As PEFT's `auto` decides, from local files only: embeddings are targets, or the vocabulary has changed."""
    from peft.utils.constants import EMBEDDING_LAYER_NAMES

    targets = getattr(config, "target_modules", None)
    targeted = isinstance(targets, (set, list)) and any(name in targets for name in EMBEDDING_LAYER_NAMES)
    if targeted and getattr(config, "trainable_token_indices", None) is None:
        return True
    size = getattr(getattr(model, "config", None), "vocab_size", None)
    before = _vocabulary_size(getattr(config, "base_model_name_or_path", None))
    return size is not None and before is not None and size != before


def _vocabulary_size(model_id: str | None) -> int | None:
    if not model_id:
        return None
    path = Path(model_id, "config.json")
    if not path.exists():
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(model_id, "config.json") if model_id.count("/") <= 1 else None
        if not isinstance(cached, str):
            return None
        path = Path(cached)
    config = json.loads(path.read_bytes())
    size = config.get("vocab_size") if isinstance(config, dict) else None
    return size if isinstance(size, int) else None
