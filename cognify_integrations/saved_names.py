"""The names under which `transformers` saves tensors: of tied ones one, and the names of the original checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch


def tied_names(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Names of tied tensors that are not kept → the name that is, as `save_pretrained` chooses it."""
    places: dict[object, list[str]] = {}
    for name, tensor in state.items():
        if tensor.layout == torch.strided and tensor.device.type != "meta" and tensor.nbytes:
            places.setdefault((tensor.device, tensor.data_ptr(), tensor.nbytes), []).append(name)
    patterns = list(_tied_patterns(model))
    aliases = {}
    for names in (sorted(names) for names in places.values() if len(names) > 1):
        free = [name for name in names if not any(re.search(pattern, name) for pattern in patterns)]
        kept = free[0] if free else names[-1]
        aliases.update({name: kept for name in names if name != kept})
    return aliases


def as_saved(model: Any, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor] | None:
    """The tensors under the names that transformers ≥ 5 gives back on saving; none where it would rebuild tensors too.

    Tried out on tensors without data: one that comes back as the same object was only renamed.
    """
    if not hasattr(model, "base_model_prefix"):
        return state
    try:
        from transformers.core_model_loading import revert_weight_conversion
    except ImportError:  # before transformers 5 names were the same in memory and on disk
        return state
    blanks = {name: tensor.to("meta") for name, tensor in state.items()}
    name_of = {id(blank): name for name, blank in blanks.items()}
    saved = revert_weight_conversion(model, dict(blanks))
    if len(saved) != len(state) or any(id(blank) not in name_of for blank in saved.values()):
        return None
    return {name: state[name_of[id(blank)]] for name, blank in saved.items()}


def _tied_patterns(model: torch.nn.Module) -> Iterator[str]:
    for path, module in model.named_modules():
        for pattern in getattr(module, "_tied_weights_keys", None) or ():
            yield f"{path}.{pattern}" if path else pattern
