"""CBOR in its core deterministic encoding (RFC 8949 §4.2.1), for single values and for whole columns at a time.

A column is encoded into *pieces*: constants and `large_binary` arrays whose element-wise concatenation is one CBOR item
per element. Pieces are joined once, at the end, so that content is copied once. In a piece, null stands for no bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Piece: TypeAlias = Any
"""`bytes`, the same for every element, or a `pa.LargeBinaryArray`."""

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
NULL, FALSE, TRUE, NAN = b"\xf6", b"\xf4", b"\xf5", b"\xf9\x7e\x00"

_BINARY = pa.large_binary()
_TABLE_SIZE = 1 << 16
_PAYLOAD = np.array([0, 1, 2, 4, 8], dtype=np.uint64)


def head(major: int, argument: int) -> bytes:
    """The head of one item: major type and argument (below 2^64), in the fewest bytes."""
    if argument < 24:
        return bytes([major << 5 | argument])
    size = next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
    return bytes([major << 5 | 23 + size.bit_length()]) + argument.to_bytes(size, "big")


def integer(value: int) -> bytes:
    """An integer of any size; beyond 64 bits a bignum, tag 2 or 3 (RFC 8949 §3.4.3)."""
    major, argument = (UNSIGNED, value) if value >= 0 else (NEGATIVE, ~value)
    if argument < 1 << 64:
        return head(major, argument)
    digits = argument.to_bytes((argument.bit_length() + 7) // 8, "big")
    return head(TAG, 2 + major) + head(BYTES, len(digits)) + digits


def text(value: str) -> bytes:
    """A text string."""
    data = value.encode()
    return head(TEXT, len(data)) + data


def heads(major: int | npt.NDArray[np.uint8], arguments: npt.NDArray[np.uint64]) -> pa.LargeBinaryArray:
    """The heads of many items, one for each argument; `major` is one for all, or one for each."""
    width = np.zeros(len(arguments), dtype=np.uint8)
    for limit in (24, 1 << 8, 1 << 16, 1 << 32):
        width += arguments >= np.uint64(limit)
    records = np.empty((len(arguments), 9), dtype=np.uint8)
    records[:, 0] = (np.asarray(major, dtype=np.uint8) << 5) | np.where(
        width == 0, arguments.astype(np.uint8), width + np.uint8(23)
    )
    payload = _PAYLOAD[width]
    shifted = arguments << np.minimum(64 - 8 * payload, np.uint64(63))
    records[:, 1:] = shifted.astype(">u8").view(np.uint8).reshape(-1, 8)
    return left_parts(records, payload + np.uint64(1))


def left_parts(records: npt.NDArray[np.uint8], sizes: npt.NDArray[np.uint64]) -> pa.LargeBinaryArray:
    """The first `sizes[i]` bytes of each row `i` of `records` (n × width bytes)."""
    offsets = np.zeros(len(records) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    kept = records[np.arange(records.shape[1], dtype=np.uint64) < sizes[:, None]]
    return binary_over(offsets, pa.py_buffer(kept))


def binary_over(
    offsets: npt.NDArray[np.int64], content: pa.Buffer | None, valid: npt.NDArray[np.bool_] | None = None
) -> pa.LargeBinaryArray:
    """A binary array over a buffer that is already there: element `i` is `content[offsets[i]:offsets[i + 1]]`."""
    buffers = [_validity(valid), pa.py_buffer(np.ascontiguousarray(offsets)), content or pa.py_buffer(b"")]
    return pa.LargeBinaryArray.from_buffers(_BINARY, len(offsets) - 1, buffers)


def lengths_over(offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None = None) -> pa.Int64Array:
    """The length of each element between two offsets."""
    return pa.Array.from_buffers(pa.int64(), len(offsets) - 1, [_validity(valid), pa.py_buffer(np.diff(offsets))])


def _validity(valid: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def ends_of(items: pa.LargeBinaryArray) -> npt.NDArray[np.int64]:
    """Where each item begins in its data buffer, and where the last one ends: one number more than there are items."""
    if len(items) == 0:
        return np.zeros(1, dtype=np.int64)
    return np.frombuffer(items.buffers()[1], np.int64, len(items) + 1, items.offset * 8)


def length_heads(prefix: bytes, major: int, lengths: pa.Int64Array) -> Piece:
    """`prefix` and a head that counts: one for each of `lengths`; where that is null, CBOR null."""
    if len(lengths) == 0:
        return b""
    numbers = np.frombuffer(lengths.buffers()[1], np.int64, len(lengths), lengths.offset * 8)
    if numbers.max() < _TABLE_SIZE and numbers.min() >= 0:
        return or_null(_table(prefix, major).take(lengths))
    counts = lengths.fill_null(0).to_numpy().astype(np.uint64)
    found = join([prefix, heads(major, counts)], len(lengths))
    return found if lengths.null_count == 0 else pc.if_else(lengths.is_valid(), found, scalar(NULL))


def or_null(items: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """The same items, with CBOR null where there is none."""
    return items if items.null_count == 0 else items.fill_null(NULL)


def join(pieces: Sequence[Piece], length: int) -> pa.LargeBinaryArray:
    """Concatenate pieces element by element into one array of `length` elements without nulls."""
    operands: list[Any] = []
    for piece in pieces:
        if isinstance(piece, bytes) and operands and isinstance(operands[-1], bytes):
            operands[-1] += piece
        else:
            operands.append(piece)
    if all(isinstance(operand, bytes) for operand in operands):
        return pa.repeat(scalar(b"".join(operands)), length)
    if len(operands) == 1 and operands[0].null_count == 0:
        return operands[0]
    columns = [scalar(operand) if isinstance(operand, bytes) else operand for operand in operands]
    return pc.binary_join_element_wise(*columns, scalar(b""), null_handling="replace", null_replacement="")


def scalar(item: bytes) -> Any:
    """`item` as an Arrow scalar, the same for every element."""
    return pa.scalar(item, _BINARY)


@lru_cache(maxsize=32)
def _table(prefix: bytes, major: int) -> pa.LargeBinaryArray:
    """The heads of 0 … 65,535, each after `prefix`: looking one up is cheaper than making it."""
    return join([prefix, heads(major, np.arange(_TABLE_SIZE, dtype=np.uint64))], _TABLE_SIZE)
