"""The header of a GGUF file (versions 2 and 3, little-endian), read strictly and without any framework.

Source: ggml's `docs/gguf.md` and the checks of its `gguf.cpp`. Metadata is stepped over, but for the alignment.
"""

from __future__ import annotations

import math
from struct import unpack

from cognify_core.capture.safetensors_file import TensorEntry, read_exactly
from cognify_core.errors import FormatError

GGML_TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
"""Number → name, elements per block, bytes per block."""

_SCALAR_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9
_MAX_DIMENSIONS = 4
_MAX_NESTING = 8
_WINDOW = 1 << 20


def read_gguf(fd: int, size: int) -> list[TensorEntry]:
    """The tensors of an open GGUF file of `size` bytes, in the order of their data; shapes outermost dimension first.

    Raises:
        FormatError: it is not a GGUF file that can be read in one way only.
        OSError: it cannot be read.
    """
    cursor = _Cursor(fd, size)
    if cursor.take(4) != b"GGUF":
        raise FormatError("not GGUF: it does not begin with 'GGUF'")
    if (version := cursor.number(4)) not in (2, 3):
        raise FormatError(f"not GGUF that can be read here: version {version} (only 2 and 3, little-endian)")
    tensors, pairs = cursor.number(8), cursor.number(8)
    alignment = _alignment(cursor, pairs)
    entries = [_entry(cursor) for _ in range(cursor.count(tensors, 24))]
    if len({entry.name for entry in entries}) != len(entries):
        raise FormatError("not GGUF: a tensor's name stands twice")
    return _placed(entries, _padded(cursor.place, alignment), alignment, size)


class _Cursor:
    """Reads a file from front to back through a window, and never beyond its end."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self._size = fd, size
        self._window, self._origin = b"", 0
        self.place = 0

    def take(self, size: int) -> bytes:
        self._check(size)
        start = self.place - self._origin
        if start + size > len(self._window):
            self._window = read_exactly(self._fd, self.place, min(max(size, _WINDOW), self._size - self.place))
            self._origin, start = self.place, 0
        self.place += size
        return self._window[start : start + size]

    def skip(self, size: int) -> None:
        self._check(size)
        self.place += size
        if self.place - self._origin > len(self._window):
            self._window, self._origin = b"", self.place

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        try:
            return self.take(self.number(8)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError("not GGUF: a name is not UTF-8") from error

    def count(self, number: int, least: int) -> int:
        """`number`, where that many things of at `least` so many bytes still fit into the file."""
        self._check(number * least)
        return number

    def _check(self, size: int) -> None:
        if size > self._size - self.place:
            raise FormatError(f"not GGUF: {size} bytes are announced at byte {self.place} of a file of {self._size}")


def _alignment(cursor: _Cursor, pairs: int) -> int:
    alignment = 32
    for _ in range(cursor.count(pairs, 13)):
        key, kind = cursor.text(), cursor.number(4)
        if key != "general.alignment":
            _step_over(cursor, kind, _MAX_NESTING)
            continue
        if kind != _UINT32 or (alignment := unpack("<I", cursor.take(4))[0]) == 0 or alignment & (alignment - 1):
            raise FormatError("not GGUF: general.alignment is no power of two")
    return alignment


def _step_over(cursor: _Cursor, kind: int, nesting: int) -> None:
    if kind in _SCALAR_SIZES:
        cursor.skip(_SCALAR_SIZES[kind])
    elif kind == _STRING:
        cursor.skip(cursor.number(8))
    elif kind == _ARRAY and nesting:
        item, length = cursor.number(4), cursor.number(8)
        if item in _SCALAR_SIZES:
            cursor.skip(length * _SCALAR_SIZES[item])
            return
        for _ in range(cursor.count(length, 8)):
            _step_over(cursor, item, nesting - 1)
    else:
        raise FormatError(f"not GGUF: metadata of the unknown type {kind}, or nested too deep")


def _entry(cursor: _Cursor) -> TensorEntry:
    """One tensor's entry, its bytes counted from the beginning of the data."""
    name, dimensions = cursor.text(), cursor.number(4)
    if dimensions > _MAX_DIMENSIONS:
        raise FormatError(f"not GGUF: tensor {name[:200]!r} has {dimensions} dimensions")
    shape = tuple(reversed([cursor.number(8) for _ in range(dimensions)]))
    kind, offset = cursor.number(4), cursor.number(8)
    if kind not in GGML_TYPES:
        raise FormatError(f"not GGUF that can be read here: tensor {name[:200]!r} is of the unknown type {kind}")
    dtype, block, size = GGML_TYPES[kind]
    if (shape[-1] if shape else 1) % block:
        raise FormatError(f"not GGUF: rows of tensor {name[:200]!r} do not fill blocks of {dtype}")
    return TensorEntry(name, f"GGUF:{dtype}", shape, offset, offset + math.prod(shape) // block * size)


def _placed(entries: list[TensorEntry], origin: int, alignment: int, size: int) -> list[TensorEntry]:
    end = 0
    for entry in entries:
        if entry.begin != _padded(end, alignment):
            raise FormatError(f"not GGUF: tensor {entry.name[:200]!r} overlaps another or leaves a hole")
        end = entry.end
    if entries and not origin + end <= size <= origin + _padded(end, alignment):
        raise FormatError(f"not GGUF: the tensors end at byte {origin + end}, the file at {size}")
    return [entry._replace(begin=origin + entry.begin, end=origin + entry.end) for entry in entries]


def _padded(place: int, alignment: int) -> int:
    return place + -place % alignment
