"""Which files of a folder are its weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cognify_core.canonical import Json, parse_lenient
from cognify_core.capture.files import shown, unreadable
from cognify_core.errors import CaptureError, FormatError

PICKLE = "pickle"
"""The reason of weights that only unpickling, which runs their author's code, would show."""

_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".distcp"})
_NOT_WEIGHTS = frozenset({"training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "optimizer.bin"})
_WEIGHTS = frozenset({".safetensors", ".gguf"})
_INDEX = ".safetensors.index.json"
_NAMES = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """One set of weights."""

    files: tuple[Path, ...]
    index: dict[str, str] | None = None
    """Tensor → name of the shard that holds it, where an index says so."""


def find_weights(path: Path) -> WeightFiles:
    """The files of the one set of weights that `path`, a file or a folder, holds.

    Raises:
        CaptureError: there is none, more than one, or nothing but pickles (reason `pickle`).
    """
    if path.name.endswith(_INDEX):
        return _shards(path)
    if not path.is_dir():
        if path.suffix in _PICKLES:
            raise CaptureError(PICKLE)
        if path.suffix in _WEIGHTS or not path.exists():
            return WeightFiles((path,))
        raise CaptureError(f"not a file of weights: {shown(os.fsencode(path.name))}")
    try:
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise unreadable(error, os.fsencode(path.name)) from error
    return _of_folder(path, names)


def _of_folder(path: Path, names: set[str]) -> WeightFiles:
    sets = [name for name in _NAMES if name in names] or _others(names)
    if len(sets) > 1:
        raise CaptureError(f"more than one set of weights: {', '.join(_shown(sets))}")
    if sets:
        chosen = path / sets[0]
        return _shards(chosen) if sets[0].endswith(_INDEX) else WeightFiles((chosen,))
    if any(Path(name).suffix in _PICKLES for name in names - _NOT_WEIGHTS):
        raise CaptureError(PICKLE)
    raise CaptureError("no weights found")


def _others(names: set[str]) -> list[str]:
    """Weights under names of their own: indexes, then files that no index could own."""
    indexes = sorted(name for name in names if name.endswith(_INDEX))
    return indexes or sorted(name for name in names if Path(name).suffix in _WEIGHTS)


def _shards(index: Path) -> WeightFiles:
    name = os.fsencode(index.name)
    try:
        shard_of = _weight_map(parse_lenient(index.read_bytes()))
    except OSError as error:
        raise unreadable(error, name) from error
    except FormatError as error:
        raise CaptureError(f"{error}: {shown(name)}") from error
    return WeightFiles(tuple(index.parent / shard for shard in sorted(set(shard_of.values()))), shard_of)


def _weight_map(index: Json) -> dict[str, str]:
    match index:
        case {"weight_map": dict(shard_of)} if all(_is_plain_name(shard) for shard in shard_of.values()):
            return shard_of
        case _:
            raise FormatError("not an index of safetensors: weight_map is no map from tensors to files beside it")


def _is_plain_name(name: Json) -> bool:
    return isinstance(name, str) and "/" not in name and Path(name).suffix == ".safetensors"


def _shown(names: Iterable[str]) -> list[str]:
    return [shown(os.fsencode(name)) for name in names]
