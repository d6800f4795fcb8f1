"""Rows that are Python or JSON values: their types are found by looking at all of them, and nothing is guessed.

A text that looks like a date stays text; an integer keeps its value however large; a key that is missing is null.
Integers and floats in one column are floats; any other mixture is refused, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import pyarrow as pa

from cognify_core.canonical import Json
from cognify_core.capture.parts import Part
from cognify_core.capture.rows_kinds import INTEGER_FEATURE
from cognify_core.errors import CaptureError
from cognify_core.turns import let_others_run

Row: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = Any
"""A `pa.DataType`; "integer" for integers beyond 64 bits; `("list", shape)`; or a dict from field to shape."""

ROWS_AT_ONCE = 64  # converting so many keeps the interpreter to itself for well under a millisecond

_BLOCKS_AT_ONCE = 64

_SIGNED = range(-(1 << 63), 1 << 63)


def part_of_rows(blocks: Callable[[], Iterator[Sequence[Row]]], count: int | None) -> tuple[Part, dict[str, Json]]:
    """Rows given in blocks, which are read twice: to find the types, and to convert. Returns their features too.

    Raises:
        CaptureError: a column holds values that do not go together, or that have no canonical form.
    """
    shape: dict[str, Shape] = {}
    for block in blocks():
        shape = fields_of(block, shape)
    schema = pa.schema([(name, type_of(each)) for name, each in shape.items()])

    def stored() -> Iterator[pa.RecordBatch]:
        held: list[pa.RecordBatch] = []
        for block in blocks():
            held.append(batch_of(block, schema, shape))
            if len(held) == _BLOCKS_AT_ONCE:
                yield pa.concat_batches(held)
                held.clear()
        if held:
            yield pa.concat_batches(held)

    return Part(schema, stored, count), {name: feature for name in shape if (feature := feature_of(shape[name]))}


def slices_of(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """A list of rows in small slices, letting other threads run in between."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        let_others_run()
        block = rows[start : start + ROWS_AT_ONCE]
        for offset, row in enumerate(block):
            if not isinstance(row, Mapping):
                raise CaptureError(f"row {start + offset} is a {type(row).__name__}, not a dict")
        yield block


def fields_of(rows: Sequence[Row], known: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shape of every column (or field) of `rows`, which are more of what was `known` before.

    Raises:
        CaptureError: a column holds values that do not go together, or that have no canonical form.
    """
    names = dict.fromkeys(chain(known, chain.from_iterable(rows)))
    shape = dict(known)
    for name in names:
        if type(name) is not str:
            raise CaptureError(f"a column or field is named {name!r}, which is not text")
        found = _shape_of([row.get(name) for row in rows], name)
        shape[name] = _merged(shape.get(name, pa.null()), found, name)
    return shape


def _shape_of(values: Sequence[Any], name: str) -> Shape:
    """The one shape of all `values`."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.null()
    if kinds == {str}:
        return pa.string()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return _integer_shape([value for value in values if value is not None])
    if kinds <= {int, float}:
        return pa.float64()
    if kinds <= {list, tuple}:
        return ("list", _shape_of(list(chain.from_iterable(value for value in values if value is not None)), name))
    if kinds == {dict}:
        return fields_of([value for value in values if value is not None], {})
    shape: Shape = pa.null()
    for value in values:
        shape = _merged(shape, _shape_of_one(value, name), name)
    return shape


def _integer_shape(values: Sequence[int]) -> Shape:
    least, most = min(values), max(values)
    if least in _SIGNED and most in _SIGNED:
        return pa.int64()
    return pa.uint64() if least >= 0 and most < 1 << 64 else "integer"


def _shape_of_one(value: Any, name: str) -> Shape:
    """The shape of a value that is none of JSON's own, or stands beside values of another type."""
    if value is None or isinstance(value, str | bool | int | float | list | tuple | dict):
        return _shape_of([_plain(value)], name)
    try:
        found = pa.infer_type([_plain(value)])
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        type_ = type(value).__qualname__
        raise CaptureError(f"column {name!r} holds values of type {type_}, which have no canonical form") from error
    return ("list", found.value_type) if pa.types.is_list(found) else _widened(found)


def _widened(type_: pa.DataType) -> pa.DataType:
    """The widest type of a scalar's kind: widths of scalars are not part of the content."""
    if pa.types.is_signed_integer(type_):
        return pa.int64()
    if pa.types.is_unsigned_integer(type_):
        return pa.uint64()
    return pa.float64() if pa.types.is_floating(type_) else type_


def _plain(value: Any) -> Any:
    """A tensor as an array, a subclass of one of JSON's types as that type."""
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if type(value).__module__ == "numpy":
        return value
    plain: Any
    for plain in (str, bool, int, float, list, tuple, dict):
        if isinstance(value, plain):
            return plain(value)
    return value


def _merged(one: Shape, other: Shape, name: str) -> Shape:
    if one == other or other == pa.null():
        return one
    if one == pa.null():
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        null = pa.null()
        return {key: _merged(one.get(key, null), other.get(key, null), key) for key in {**one, **other}}
    if isinstance(one, tuple) and isinstance(other, tuple):
        return ("list", _merged(one[1], other[1], name))
    integers = ("integer", pa.int64(), pa.uint64())
    if one in integers and other in integers:
        return "integer"
    if {pa.float64()} < {pa.float64(), one, other} <= {pa.float64(), *integers} and pa.float64() in (one, other):
        return pa.float64()
    raise CaptureError(f"column {name!r} holds both {_word(one)} and {_word(other)}")


def _word(shape: Shape) -> str:
    if isinstance(shape, dict):
        return "objects"
    return "lists" if isinstance(shape, tuple) else str(shape)


def type_of(shape: Shape) -> pa.DataType:
    """The type that values of a shape have in Arrow; integers beyond 64 bits are text, their decimal digits."""
    if isinstance(shape, dict):
        return pa.struct([(name, type_of(each)) for name, each in shape.items()])
    if isinstance(shape, tuple):
        return pa.list_(type_of(shape[1]))
    return pa.string() if isinstance(shape, str) else shape


def feature_of(shape: Shape) -> Json:
    """The feature that marks integers which stand as digits; None where there are none."""
    if isinstance(shape, dict):
        return {name: feature for name in shape if (feature := feature_of(shape[name]))} or None
    if isinstance(shape, tuple):
        return {"_type": "List", "feature": inner} if (inner := feature_of(shape[1])) else None
    return INTEGER_FEATURE if isinstance(shape, str) else None


def batch_of(rows: Sequence[Row], schema: pa.Schema, shape: Mapping[str, Shape]) -> pa.RecordBatch:
    """Rows of a shape that was found before.

    Raises:
        CaptureError: a value is not what its column holds.
    """
    columns = []
    for each in schema:
        values: Iterable[Any] = [row.get(each.name) for row in rows]
        if feature_of(shape[each.name]):
            values = [_digits(value, shape[each.name]) for value in values]
        columns.append(_array(values, each))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _array(values: Iterable[Any], field: pa.Field) -> pa.Array:
    try:
        return pa.array([_plain(value) for value in values], field.type)
    except (pa.ArrowException, OverflowError, TypeError, UnicodeError) as error:
        raise CaptureError(f"column {field.name!r} holds a value that is no {field.type}: {error}") from error


def _digits(value: Any, shape: Shape) -> Any:
    """`value` with decimal digits in place of the integers that Arrow cannot hold."""
    if value is None:
        return None
    if isinstance(shape, dict):
        return {name: _digits(value.get(name), each) for name, each in shape.items()}
    if isinstance(shape, tuple):
        return [_digits(each, shape[1]) for each in value]
    return str(value) if isinstance(shape, str) else value
