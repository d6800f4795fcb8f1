"""A model's tensors → `cognify.weights/v1` (`docs/formats.md`, Weights).

The digest says which tensors there are, not how they were split into files. Pickles are never loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cognify_core.capture.files import open_file, read_buffer, read_digest, shown, stamp_open, unreadable
from cognify_core.capture.gguf_file import read_gguf
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.safetensors_file import data_size, read_safetensors
from cognify_core.capture.weight_files import WeightFiles, find_weights
from cognify_core.capture.weights_manifest import WEIGHTS_FORMAT, Match, Tensor, match_weights, parse_weights, render
from cognify_core.errors import CaptureError, FormatError

__all__ = [
    "WEIGHTS_FORMAT",
    "Match",
    "MemoryTensor",
    "Tensor",
    "match_weights",
    "parse_weights",
    "weights_from_files",
    "weights_from_memory",
]


@dataclass(frozen=True, slots=True)
class MemoryTensor:
    """A tensor of a model in memory."""

    name: str
    dtype: str
    """As safetensors spells it."""
    shape: tuple[int, ...]
    buffer: Callable[[], memoryview]
    """Gives the element bits in C order, little-endian; called once, when it is this tensor's turn."""


def weights_from_files(path: Path) -> Outcome:
    """The tensors of a safetensors or GGUF file, or of a folder that holds one set of them.

    Unresolved where there is none (`pickle` where there is only such), more than one, or one that is not sound.
    """
    try:
        found = find_weights(path)
        tensors = [tensor for file in found.files for tensor in _hash_file(file)]
        _check_index(tensors, found)
        return _outcome(tensors, "file", {"files": len(found.files)})
    except CaptureError as error:
        return Outcome.unresolved(error)


def weights_from_memory(tensors: Iterable[MemoryTensor], aliases: Mapping[str, str] | None = None) -> Outcome:
    """The tensors of a model in memory; they must not change meanwhile.

    Args:
        tensors: one per stored tensor.
        aliases: further name → name of the tensor that it is tied to. Facts, not part of the digest.
    """
    try:
        hashed = [_hash_memory(tensor) for tensor in tensors]
        return _outcome(hashed, "memory", {"aliases": dict(sorted(aliases.items()))} if aliases else {})
    except CaptureError as error:
        return Outcome.unresolved(error)


def _outcome(tensors: list[tuple[Tensor, int]], names: str, facts: dict[str, object]) -> Outcome:
    counts = {"tensors": len(tensors), "bytes": sum(size for _, size in tensors)}
    try:
        manifest = render([tensor for tensor, _ in tensors], names)
    except FormatError as error:
        raise CaptureError(str(error)) from error
    return Outcome.of_manifest(manifest, WEIGHTS_FORMAT, facts=counts | facts)


def _hash_file(file: Path) -> list[tuple[Tensor, int]]:
    name = os.fsencode(file.name)
    fd = open_file(os.fsencode(file), name)
    read, view = (read_gguf if file.suffix == ".gguf" else read_safetensors), read_buffer()
    try:
        before = stamp_open(fd, name)
        tensors = [
            (Tensor(entry.name, entry.dtype, entry.shape, read_digest(fd, entry.begin, entry.end, name, view)), size)
            for entry in read(fd, before[2])
            for size in (entry.end - entry.begin,)
        ]
        if stamp_open(fd, name) != before:
            raise CaptureError(f"changed while hashed: {shown(name)}")
    except FormatError as error:
        raise CaptureError(f"{error}: {shown(name)}") from error
    except OSError as error:
        raise unreadable(error, name) from error
    finally:
        os.close(fd)
    return tensors


def _check_index(tensors: list[tuple[Tensor, int]], found: WeightFiles) -> None:
    """An index and its shards must name the same tensors, or nobody can say which ones a loader takes."""
    if found.index is None:
        return
    there = {tensor.name for tensor, _ in tensors}
    for name in sorted(found.index.keys() ^ there):
        where = "only in the index" if name in found.index else "in a shard, but not in the index"
        raise CaptureError(f"the index does not fit its shards: {name[:200]!r} is {where}")


def _hash_memory(tensor: MemoryTensor) -> tuple[Tensor, int]:
    view = tensor.buffer()
    try:
        expected = data_size(tensor.dtype, tensor.shape)
    except FormatError as error:
        raise CaptureError(f"{error}: tensor {tensor.name!r}") from error
    if view.nbytes != expected:
        raise CaptureError(f"tensor {tensor.name!r} has {view.nbytes} bytes, where {expected} were expected")
    return Tensor(tensor.name, tensor.dtype, tensor.shape, sha256(view).hexdigest()), view.nbytes
