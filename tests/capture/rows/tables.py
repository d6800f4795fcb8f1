"""Arrow tables of every type, and the many layouts that may hold the same rows."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from cognify_core.capture.parts import fetchable

_INTEGERS = {
    pa.int8(): (-(1 << 7), (1 << 7) - 1),
    pa.int16(): (-(1 << 15), (1 << 15) - 1),
    pa.int32(): (-(1 << 31), (1 << 31) - 1),
    pa.int64(): (-(1 << 63), (1 << 63) - 1),
    pa.uint8(): (0, (1 << 8) - 1),
    pa.uint16(): (0, (1 << 16) - 1),
    pa.uint32(): (0, (1 << 32) - 1),
    pa.uint64(): (0, (1 << 64) - 1),
}
_EDGES = [edge + by for width in (5, 8, 16, 32, 64) for edge in (1 << width, -(1 << width)) for by in (-2, -1, 0, 1)]
_EDGES += [23, 24, -24, -25]
_FLOATS = [0.0, -0.0, 1.0, 65504.0, 65520.0, 2.0**-24, 2.0**-25, 1e-45, 0.1, float("inf"), float("-inf"), float("nan")]
_DECIMAL = decimal.Context(prec=76)


def _integers(type_: pa.DataType) -> st.SearchStrategy[int]:
    least, most = _INTEGERS[type_]
    return st.sampled_from([edge for edge in _EDGES if least <= edge <= most]) | st.integers(least, most)


def _decimals(digits: int, scale: int) -> st.SearchStrategy[decimal.Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda unscaled: _DECIMAL.scaleb(decimal.Decimal(unscaled), -scale))


def _wide(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.integers(20, 300).map(lambda n: "é" * n)
_BYTES = st.binary(max_size=30) | st.integers(250, 260).map(bytes)
_DAY_MS = 86_400_000

VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *((type_, _integers(type_)) for type_ in _INTEGERS),
    (pa.null(), st.none()),
    (pa.bool_(), st.booleans()),
    (pa.float64(), st.sampled_from(_FLOATS) | st.floats()),
    (pa.float32(), st.sampled_from(_FLOATS) | st.floats(width=32)),
    (pa.float16(), st.floats(width=16).map(np.float16)),
    (pa.string(), _TEXT),
    (pa.large_string(), _TEXT),
    (pa.string_view(), _TEXT),
    (pa.binary(), _BYTES),
    (pa.large_binary(), _BYTES),
    (pa.binary_view(), _BYTES),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.date32(), _wide(32)),
    (pa.date64(), _wide(30).map(lambda days: days * _DAY_MS)),
    (pa.time32("s"), st.integers(0, 86_399)),
    (pa.time64("ns"), st.integers(0, 86_399_999_999_999)),
    (pa.timestamp("us"), _wide(64)),
    (pa.timestamp("ns", "Europe/Zurich"), _wide(64)),
    (pa.duration("ms"), _wide(64)),
    (pa.decimal128(38, 7), _decimals(38, 7)),
    (pa.decimal256(76, 0), _decimals(76, 0)),
    (pa.decimal32(5, 2), _decimals(5, 2)),
    (pa.month_day_nano_interval(), st.tuples(_wide(32), _wide(32), _wide(64)).map(pa.MonthDayNano)),
]


def nested(inner: tuple[pa.DataType, st.SearchStrategy[Any]]) -> list[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    """Every type that can hold another, around one."""
    type_, values = inner
    many = st.lists(st.none() | values, max_size=4) | st.lists(values, max_size=4)
    fields = st.fixed_dictionaries({"bb": st.none() | values, "a": st.none() | _integers(pa.int16())})
    structs = pa.struct([("bb", type_), ("a", pa.int16())])
    pairs = st.lists(st.tuples(st.text("xyz", max_size=3), st.none() | values), max_size=3)
    return [
        (pa.list_(type_), many),
        (pa.large_list(type_), many),
        (pa.list_view(type_), many),
        (pa.list_(type_, 2), st.lists(st.none() | values, min_size=2, max_size=2)),
        (structs, fields),
        (pa.list_(structs), st.lists(st.none() | fields, max_size=3)),
        (pa.map_(pa.string(), type_), pairs),
    ]


typed_values = st.sampled_from(VALUES)
typed_values = typed_values | typed_values.flatmap(lambda inner: st.sampled_from(nested(inner)))
typed_values = typed_values | st.sampled_from(VALUES).flatmap(
    lambda inner: st.sampled_from(nested(inner)).flatmap(lambda middle: st.sampled_from(nested(middle)))
)


@st.composite
def columns(draw: st.DrawFn, length: int) -> pa.Array:
    """A column that is a slice of a longer one."""
    type_, values = draw(typed_values)
    front, back = draw(st.integers(0, 9)), draw(st.integers(0, 2))
    found = draw(st.lists(st.none() | values, min_size=front + length + back, max_size=front + length + back))
    return pa.array(found, type_).slice(front, length)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A few columns of any types, cut into chunks at any row."""
    length = draw(st.integers(0, 12))
    names = draw(st.lists(st.text("abé", max_size=3), min_size=1, max_size=3, unique=True))
    table = pa.table({name: draw(columns(length)) for name in names})
    cut = draw(st.integers(0, length))
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)])


def relaid(array: pa.Array, layout: str) -> pa.Array:
    """The same values in another of Arrow's layouts; the array itself where it has no such layout."""
    type_ = array.type
    match layout:
        case "dictionary" if pa.types.is_string(type_) or pa.types.is_integer(type_):
            return array.dictionary_encode()
        case "runs" if pa.types.is_string(type_) or pa.types.is_integer(type_):
            return pc.run_end_encode(array)
        case "large" if pa.types.is_string(type_):
            return array.cast(pa.large_string())
        case "view" if pa.types.is_string(type_):
            return array.cast(pa.string_view())
        case "large" if pa.types.is_list(type_):
            return array.cast(pa.large_list(type_.value_type))
        case "taken" if fetchable(pa.schema({"c": type_})):
            return array.take(pa.array(range(len(array)), pa.int64()))
        case "wide" if pa.types.is_signed_integer(type_):
            return array.cast(pa.int64())
    return array


LAYOUTS = ("dictionary", "runs", "large", "view", "taken", "wide")
