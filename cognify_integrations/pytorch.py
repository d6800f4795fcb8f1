"""A PyTorch model → its stored tensors, without a copy, a gather or a random number.

One entry per tensor that `save_pretrained` would write, under the name that it would keep. Views are zero-copy:
hash them before the next optimiser step, or hash only what is frozen.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import torch

from cognify_core.capture.weights import MemoryTensor
from cognify_integrations.peft import adapter_state, base_model, has_adapters, original_names
from cognify_integrations.saved_names import as_saved, tied_names

SHARDED = "sharded"
"""The reason of weights that are spread over processes or devices; they are never gathered."""
QUANTISED = "quantised"
"""The reason of weights that a quantiser keeps in a layout of its own; the checkpoint's files speak for them."""
CONVERTED = "stored in another layout than in memory"

_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "float4_e2m1fn_x2": "F4",
}
_QUANTISERS = frozenset(
    {"aqlm", "auto_gptq", "awq", "bitsandbytes", "gptqmodel", "hqq", "optimum", "quanto", "torchao"}
)
_WRAPPERS = ("torch.nn.parallel.", "torch._dynamo.", "deepspeed.")


class StoredTensors(NamedTuple):
    """What a model would store: its tensors, further names of tied ones, and why there are none, if so."""

    tensors: list[MemoryTensor]
    aliases: dict[str, str]
    problem: str | None = None


def stored_tensors(model: torch.nn.Module) -> StoredTensors:
    """The tensors that `save_pretrained` would write for `model`; for a PEFT model, those of its adapter."""
    model = unwrapped(model)
    if _is_sharded(model):
        return StoredTensors([], {}, SHARDED)
    if has_adapters(model):
        return _listed(adapter_state(model), {})
    return _whole(model, _state(model))


def base_tensors(model: torch.nn.Module) -> StoredTensors:
    """The base of a PEFT model, frozen as a rule, under the names that it had before; else `stored_tensors`."""
    model = unwrapped(model)
    if not has_adapters(model) or _is_sharded(model):
        return stored_tensors(model)
    base = base_model(model)
    original = original_names(base)
    return _whole(base, {name: t for key, t in _state(base).items() if (name := original(key)) is not None})


def tensors_outside(model: torch.nn.Module, places: tuple[str, ...]) -> StoredTensors:
    """The tensors of a model's state that lie outside the submodules at `places`."""
    if _is_sharded(model):
        return StoredTensors([], {}, SHARDED)
    inside = tuple(f"{place}." for place in places)
    state = {name: tensor for name, tensor in _state(model).items() if not name.startswith(inside)}
    aliases = tied_names(model, state)
    return _listed({name: tensor for name, tensor in state.items() if name not in aliases}, aliases)


def trainable_bytes(model: torch.nn.Module) -> int:
    """The bytes of the parameters that training may change, tied ones counted once."""
    return sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The user's model inside `DistributedDataParallel`, `torch.compile` and the like."""
    while type(model).__module__.startswith(_WRAPPERS):
        inner = getattr(model, "_orig_mod", None) or getattr(model, "module", None)
        if not isinstance(inner, torch.nn.Module):
            break
        model = inner
    return model


def _state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and persistent buffers by name; a submodule compiled by itself leaves no trace in the names."""
    state: Mapping[str, object] = model.state_dict()
    return {name.replace("_orig_mod.", ""): t for name, t in state.items() if isinstance(t, torch.Tensor)}


def _whole(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> StoredTensors:
    if any(_root(module) in _QUANTISERS for module in model.modules()) or getattr(model, "hf_quantizer", None):
        return StoredTensors([], {}, QUANTISED)
    for name in getattr(model, "_keys_to_ignore_on_save", None) or ():
        state.pop(name, None)
    aliases = tied_names(model, state)
    kept = as_saved(model, {name: tensor for name, tensor in state.items() if name not in aliases})
    return StoredTensors([], {}, CONVERTED) if kept is None else _listed(kept, aliases)


def _listed(state: Mapping[str, torch.Tensor], aliases: dict[str, str]) -> StoredTensors:
    for name, tensor in state.items():
        if problem := _problem(tensor):
            return StoredTensors([], {}, problem if problem in (SHARDED, QUANTISED) else f"{problem}: {name}")
    return StoredTensors([_entry(name, tensor) for name, tensor in state.items()], aliases)


def _entry(name: str, tensor: torch.Tensor) -> MemoryTensor:
    dtype, shape = _DTYPES[_dtype(tensor)], list(tensor.shape)
    if dtype == "F4":  # two elements to a byte, which safetensors counts and PyTorch does not
        shape[-1] *= 2
    return MemoryTensor(name, dtype, tuple(shape), partial(_view, tensor))


def _view(tensor: torch.Tensor) -> memoryview:
    """The element bits in C order: the tensor's own memory where it lies on the CPU in one piece, else one copy."""
    here = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if not here.nbytes:
        return memoryview(b"")
    array = (ctypes.c_uint8 * here.nbytes).from_address(here.data_ptr())
    array.owner = here  # type: ignore[attr-defined] # keeps the memory alive as long as the view
    return memoryview(array).cast("B")


def _problem(tensor: torch.Tensor) -> str | None:
    if _root(tensor) in _QUANTISERS:
        return QUANTISED
    if tensor.device.type == "meta" or _is_shard(tensor):
        return SHARDED
    if tensor.layout != torch.strided:
        return f"a tensor of layout {tensor.layout}"
    return None if _dtype(tensor) in _DTYPES else f"a tensor of dtype {_dtype(tensor)}"


def _is_sharded(model: torch.nn.Module) -> bool:
    """Asked before `state_dict()`, which would gather."""
    return any(type(module).__name__ == "FullyShardedDataParallel" for module in model.modules()) or any(
        _is_shard(parameter) for parameter in model.parameters()
    )


def _is_shard(tensor: torch.Tensor) -> bool:
    return type(tensor).__module__.startswith("torch.distributed") or hasattr(tensor, "ds_id")


def _root(thing: object) -> str:
    return type(thing).__module__.partition(".")[0]


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
