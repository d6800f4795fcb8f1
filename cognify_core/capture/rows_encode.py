"""Columns as CBOR, nested ones by what they are made of (`docs/formats.md`, Rows, rules 4, 5 and 7).

The items of a list lie one after another in the encoding of its child, so a list costs new offsets and no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from cognify_core.capture import cbor, rows_scalars
from cognify_core.capture.cbor import Piece
from cognify_core.capture.rows_kinds import Kind
from cognify_core.capture.rows_media import media

_TYPED_ARRAYS = {"u1": 64, "u2": 69, "u4": 70, "u8": 71, "i1": 72, "i2": 77, "i4": 78, "i8": 79}
_TYPED_ARRAYS |= {"f2": 84, "f4": 85, "f8": 86}  # RFC 8746 §2.1, little-endian


def rows_of(batch: pa.RecordBatch, columns: Mapping[str, Kind]) -> pa.LargeBinaryArray:
    """Every row of `batch` as leaf hashing reads it: 0x00 (RFC 6962 §2.1), then the row's CBOR."""
    by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
    return cbor.join([b"\x00", *_members(by_name, columns)], batch.num_rows)


def items_of(array: pa.Array, kind: Kind) -> pa.LargeBinaryArray:
    """Every element of `array` as one CBOR item."""
    return cbor.join(pieces_of(array, kind), len(array))


def pieces_of(array: pa.Array, kind: Kind) -> list[Piece]:
    """The pieces whose concatenation is every element's CBOR."""
    array = _stored(array)
    if pt.is_null(array.type):
        return [cbor.NULL]
    if pt.is_dictionary(array.type):
        if len(array.dictionary) > len(array):
            return pieces_of(array.dictionary_decode(), kind)
        return [cbor.or_null(pc.take(items_of(array.dictionary, kind), array.indices))]
    if not isinstance(kind, dict):
        return _SCALARS[kind.partition("[")[0]](array)
    ((form, inner),) = kind.items()
    return _NESTED[form](array, inner)


def lists(array: pa.Array, item: Kind) -> list[Piece]:
    """Lists: of numbers without nulls as typed arrays, all others as arrays; each list by itself."""
    child, offsets = _content(array)
    valid = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    if not rows_scalars.is_number(child.type):
        return _arrays(child, offsets, valid, item)
    typed = _typed_arrays(child, offsets, valid)
    if child.null_count == 0:
        return typed
    nulls = np.concatenate(([0], np.cumsum(child.is_null().to_numpy(zero_copy_only=False))))
    holds_null = pa.array(nulls[offsets[1:]] > nulls[offsets[:-1]])
    untyped = cbor.join(_arrays(child, offsets, valid, item), len(array))
    return [pc.if_else(holds_null, untyped, cbor.join(typed, len(array)))]


def structs(array: pa.Array, kinds: Mapping[str, Kind]) -> list[Piece]:
    """Structs as maps of all their fields."""
    names = [array.type.field(i).name for i in range(array.type.num_fields)]
    fields = dict(zip(names, array.flatten(), strict=True))
    pieces = _members(fields, kinds)
    if array.null_count == 0:
        return pieces
    return [pc.if_else(array.is_valid(), cbor.join(pieces, len(array)), cbor.scalar(cbor.NULL))]


def maps(array: pa.Array, kinds: list[Kind]) -> list[Piece]:
    """Arrow maps as arrays of [key, value], in stored order."""
    offsets = array.offsets.to_numpy().astype(np.int64)
    keys, values = (child.slice(offsets[0], offsets[-1] - offsets[0]) for child in (array.keys, array.items))
    pairs = [cbor.head(cbor.ARRAY, 2), *pieces_of(keys, kinds[0]), *pieces_of(values, kinds[1])]
    valid = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    return _gathered(cbor.join(pairs, len(keys)), offsets - offsets[0], valid)


def _members(columns: Mapping[str, pa.Array], kinds: Mapping[str, Kind]) -> list[Piece]:
    """A map, its keys in the order of their own bytes (RFC 8949 §4.2.1)."""
    pieces: list[Piece] = [cbor.head(cbor.MAP, len(columns))]
    for key, name in sorted((cbor.text(name), name) for name in columns):
        pieces += [key, *pieces_of(columns[name], kinds[name])]
    return pieces


def _stored(array: pa.Array) -> pa.Array:
    """The array under extension types and run-end encoding."""
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pt.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def _content(array: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The items of all lists, and where each list begins and ends in them.

    Slices matter here: `values` and `buffers()` know nothing of an array's offset.
    """
    if pt.is_fixed_size_list(array.type):
        size = array.type.list_size
        child = array.values.slice(array.offset * size, len(array) * size)
        offsets = np.arange(len(array) + 1, dtype=np.int64) * size
    elif pt.is_list(array.type) or pt.is_large_list(array.type):
        offsets = array.offsets.to_numpy().astype(np.int64)
        child = array.values.slice(offsets[0], offsets[-1] - offsets[0])
        offsets -= offsets[0]
    else:
        lengths = pc.list_value_length(array).fill_null(0).to_numpy()
        child, offsets = array.flatten(), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    child = _stored(child)
    return (_stored(child.dictionary_decode()) if pt.is_dictionary(child.type) else child), offsets


def _typed_arrays(child: pa.Array, offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None) -> list[Piece]:
    dtype = np.dtype(child.type.to_pandas_dtype())
    tag = cbor.head(cbor.TAG, _TYPED_ARRAYS[dtype.str[1:]])
    ends = (offsets + child.offset) * dtype.itemsize
    return [
        cbor.length_heads(tag, cbor.BYTES, cbor.lengths_over(ends, valid)),
        cbor.binary_over(ends, child.buffers()[1], valid),
    ]


def _arrays(
    child: pa.Array, offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None, item: Kind
) -> list[Piece]:
    return _gathered(items_of(child, item), offsets, valid)


def _gathered(
    items: pa.LargeBinaryArray, offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None
) -> list[Piece]:
    """Arrays whose items are encoded already, one after another."""
    counts = cbor.lengths_over(offsets, valid)
    ends = cbor.ends_of(items)[offsets]
    return [cbor.length_heads(b"", cbor.ARRAY, counts), cbor.binary_over(ends, items.buffers()[2], valid)]


_SCALARS: dict[str, Callable[[pa.Array], list[Piece]]] = {
    "bool": rows_scalars.bools,
    "int": rows_scalars.integers,
    "float": rows_scalars.floats,
    "text": rows_scalars.texts,
    "bytes": rows_scalars.byte_strings,
    "decimal": rows_scalars.decimals,
    "interval": rows_scalars.intervals,
    "date": rows_scalars.moments,
    "time": rows_scalars.moments,
    "timestamp": rows_scalars.moments,
    "duration": rows_scalars.moments,
}
_NESTED: dict[str, Callable[..., list[Piece]]] = {
    "list": lists,
    "struct": structs,
    "map": maps,
    "class": lambda array, _names: rows_scalars.integers(array),
    "media": lambda array, _label: media(array),
}
