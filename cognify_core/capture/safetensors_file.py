"""The header of a safetensors file, read strictly and without any framework.

Layout: 8 bytes little-endian header size, the header (JSON: tensor → dtype, shape, data_offsets), then the data.
Two readers of one file must not see different tensors, so that what safetensors' own reader refuses is refused here:
holes, overlaps, data that no tensor owns, a name that stands twice, a header beyond 100 MB.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple

from cognify_core.canonical import Json, parse_lenient
from cognify_core.errors import FormatError

MAX_HEADER = 100_000_000
"""As safetensors has it."""

DTYPE_BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
"""Bits per element of each dtype, in safetensors' own spelling."""


class TensorEntry(NamedTuple):
    """Where a tensor's bytes lie in its file: from `begin` to `end`, counted from the file's first byte."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_safetensors(fd: int, size: int) -> list[TensorEntry]:
    """The tensors of an open safetensors file of `size` bytes, in the order of their data.

    Raises:
        FormatError: it is not a safetensors file that can be read in one way only.
        OSError: it cannot be read.
    """
    if size < 8:
        raise FormatError("not safetensors: shorter than its own header size")
    length = int.from_bytes(read_exactly(fd, 0, 8), "little")
    if length > MAX_HEADER:
        raise FormatError(f"not safetensors: a header of {length} bytes is beyond {MAX_HEADER}")
    if 8 + length > size:
        raise FormatError(f"not safetensors: a header of {length} bytes in a file of {size}")
    text = read_exactly(fd, 8, length)
    if not text.startswith(b"{"):
        raise FormatError("not safetensors: the header does not begin with '{'")
    entries = [_entry(name, body, 8 + length) for name, body in _members(text).items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    _check_layout(entries, 8 + length, size)
    return entries


def data_size(dtype: str, shape: tuple[int, ...]) -> int:
    """The bytes that a tensor's elements take.

    Raises:
        FormatError: the dtype is none of safetensors', or the elements do not fill whole bytes.
    """
    if dtype not in DTYPE_BITS:
        raise FormatError(f"not safetensors: no dtype is called {dtype[:40]!r}")
    size, rest = divmod(math.prod(shape) * DTYPE_BITS[dtype], 8)
    if rest:
        raise FormatError(f"not safetensors: {dtype} of shape {list(shape)} does not fill whole bytes")
    return size


def read_exactly(fd: int, start: int, size: int) -> bytes:
    """`size` bytes of an open file from `start` on. Raises `FormatError` where it ends before."""
    parts: list[bytes] = []
    while size > 0:
        if not (part := os.pread(fd, min(size, 1 << 24), start)):
            raise FormatError("the file ends in the middle of its header")
        parts.append(part)
        start, size = start + len(part), size - len(part)
    return b"".join(parts)


def _members(text: bytes) -> dict[str, Json]:
    header = parse_lenient(text.rstrip(b" "))
    if not isinstance(header, dict):
        raise FormatError("not safetensors: the header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FormatError("not safetensors: __metadata__ is no map from text to text")
    return header


def _entry(name: str, body: Json, origin: int) -> TensorEntry:
    match body:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if len(body) == 3:
            pass
        case _:
            raise FormatError(f"not safetensors: tensor {name[:200]!r} is not dtype, shape and data_offsets")
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in [*shape, begin, end]):
        raise FormatError(f"not safetensors: shape or offsets of tensor {name[:200]!r} are no counts")
    if end - begin != data_size(dtype, tuple(shape)):
        raise FormatError(f"not safetensors: tensor {name[:200]!r} has other bytes than its dtype and shape take")
    return TensorEntry(name, dtype, tuple(shape), origin + begin, origin + end)


def _check_layout(entries: list[TensorEntry], begin: int, size: int) -> None:
    for entry in entries:
        if entry.begin != begin:
            what = "overlaps the one before" if entry.begin < begin else "leaves a hole before it"
            raise FormatError(f"not safetensors: tensor {entry.name[:200]!r} {what}")
        begin = entry.end
    if begin != size:
        raise FormatError(f"not safetensors: the tensors end at byte {begin}, the file at {size}")
