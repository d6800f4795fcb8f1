"""Columns of scalars as CBOR (`docs/formats.md`, Rows, rules 2, 3 and 6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from cognify_core.capture import cbor
from cognify_core.capture.cbor import Piece
from cognify_core.capture.rows_kinds import is_text

_SMALL = range(-(1 << 15), 1 << 16)
_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])


def values_of(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values of a primitive array without a copy; what stands where it is null means nothing."""
    dtype = np.dtype(dtype)
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, len(array), array.offset * dtype.itemsize)


def bools(array: pa.Array) -> list[Piece]:
    """Truth values."""
    return [cbor.or_null(pc.if_else(array, cbor.scalar(cbor.TRUE), cbor.scalar(cbor.FALSE)))]


def integers(array: pa.Array) -> list[Piece]:
    """Integers of any width; of any size where they are decimal digits in a text column."""
    if is_text(array.type):
        return [_each(array, lambda digits: cbor.integer(int(digits)))]
    least, most = (bound.as_py() or 0 for bound in pc.min_max(array).values())
    if least >= _SMALL.start and most < _SMALL.stop:
        index = pc.add(array.cast(pa.int32()), pa.scalar(-_SMALL.start, pa.int32()))
        return [cbor.or_null(pc.take(_small_integers(), index))]
    values = values_of(array, array.type.to_pandas_dtype())
    return [_with_nulls(array, _integer_items(values))]


def floats(array: pa.Array) -> list[Piece]:
    """Floats, each in the shortest of 16, 32 and 64 bits that keeps its value; one NaN."""
    wide = values_of(array, array.type.to_pandas_dtype()).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        single = wide.astype(np.float32)
        half = wide.astype(np.float16)
        half = np.where(np.isnan(wide), np.float16(np.nan), half)
        fits_half = (half.astype(np.float64) == wide) | np.isnan(wide)
        fits_single = single.astype(np.float64) == wide
    records = np.empty((len(wide), 9), dtype=np.uint8)
    for fits, lead, narrow in ((None, 0xFB, wide), (fits_single, 0xFA, single), (fits_half, 0xF9, half)):
        size = narrow.dtype.itemsize
        rows = slice(None) if fits is None else fits
        records[rows, 0] = lead
        records[rows, 1 : 1 + size] = narrow[rows].astype(f">f{size}").view(np.uint8).reshape(-1, size)
    records[np.isnan(wide), 1:3] = (0x7E, 0x00)
    sizes = np.where(fits_half, 3, np.where(fits_single, 5, 9)).astype(np.uint64)
    return [_with_nulls(array, cbor.left_parts(records, sizes))]


def texts(array: pa.Array) -> list[Piece]:
    """Text; a value that is not UTF-8 is the byte string that it is."""
    content = array.cast(pa.large_binary())
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return [_each(content, _text_or_bytes)]
    return [cbor.length_heads(b"", cbor.TEXT, pc.binary_length(content)), content]


def byte_strings(array: pa.Array) -> list[Piece]:
    """Byte strings."""
    content = array.cast(pa.large_binary())
    return [cbor.length_heads(b"", cbor.BYTES, pc.binary_length(content)), content]


def decimals(array: pa.Array) -> list[Piece]:
    """Decimals as tag 4 (RFC 8949 §3.4.4), the scale as it is declared: 1.50 is not 1.5."""
    width = array.type.byte_width
    data = values_of(array, f"V{width}").tolist()
    exponent = cbor.head(cbor.TAG, 4) + cbor.head(cbor.ARRAY, 2) + cbor.integer(-array.type.scale)
    items = [exponent + cbor.integer(int.from_bytes(value, "little", signed=True)) for value in data]
    return [_with_nulls(array, pa.array(items, pa.large_binary()))]


def moments(array: pa.Array) -> list[Piece]:
    """Dates, times, timestamps and durations: the integer that is stored."""
    return integers(array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()))


def intervals(array: pa.Array) -> list[Piece]:
    """Calendar intervals as [months, days, nanoseconds]."""
    values = values_of(array, _INTERVAL)
    parts = [_integer_items(values[name].astype(np.int64)) for name in ("months", "days", "nanoseconds")]
    return [_with_nulls(array, cbor.join([cbor.head(cbor.ARRAY, 3), *parts], len(array)))]


def _integer_items(values: npt.NDArray[Any]) -> pa.LargeBinaryArray:
    negative = values < 0
    arguments = np.where(negative, ~values, values).astype(np.uint64)
    return cbor.heads(negative.astype(np.uint8), arguments)


def _with_nulls(array: pa.Array, items: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """`items`, but CBOR null wherever `array` is null."""
    return items if array.null_count == 0 else pc.if_else(array.is_valid(), items, cbor.scalar(cbor.NULL))


def _each(array: pa.Array, encode: Any) -> pa.LargeBinaryArray:
    """One by one: for what is rare."""
    items = [cbor.NULL if value is None else encode(value) for value in array.to_pylist()]
    return pa.array(items, pa.large_binary())


def _text_or_bytes(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return cbor.head(cbor.BYTES, len(data)) + data
    return cbor.head(cbor.TEXT, len(data)) + data


@lru_cache(maxsize=1)
def _small_integers() -> pa.LargeBinaryArray:
    return _integer_items(np.arange(_SMALL.start, _SMALL.stop, dtype=np.int64))


def is_number(type_: pa.DataType) -> bool:
    """Whether lists of this type are typed arrays (RFC 8746)."""
    return bool(pt.is_integer(type_) or pt.is_floating(type_))
