"""`cognify.rows/v1` written slowly: one value at a time, with cbor2 and a recursive tree, to hold the fast one to."""

from __future__ import annotations

from decimal import localcontext
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import cbor2
import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from cognify_core.canonical import Json, encode
from cognify_core.model.digest import Digest

_TAGS = {"uint8": 64, "uint16": 69, "uint32": 70, "uint64": 71, "int8": 72, "int16": 77, "int32": 78, "int64": 79}
_TAGS |= {"halffloat": 84, "float": 85, "double": 86}
_TEMPORAL = (pt.is_date, pt.is_time, pt.is_timestamp, pt.is_duration)


def rows_cbor(table: pa.Table, features: dict[str, Json] | None = None) -> list[bytes]:
    """Every row as CBOR."""
    known = features or {}
    columns = {name: [item(v, known.get(name)) for v in table.column(name)] for name in table.column_names}
    return [mapping({name: values[row] for name, values in columns.items()}) for row in range(table.num_rows)]


def manifest_of(columns: dict[str, Json], rows: list[bytes]) -> bytes:
    """The manifest over rows that are CBOR already."""
    root = tree_hash([sha256(b"\0" + row).digest() for row in rows])
    return encode({"format": "cognify.rows/v1", "columns": columns, "rows": len(rows), "root": root.hex()})


def digest_of(table: pa.Table, columns: dict[str, Json], features: dict[str, Json] | None = None) -> Digest:
    """The digest of a table whose kinds of columns are given."""
    return Digest.of(manifest_of(columns, rows_cbor(table, features)))


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def mapping(items: dict[str, bytes]) -> bytes:
    """A CBOR map with its keys in the order of their encoded bytes (RFC 8949 §4.2.1)."""
    pairs = sorted((cbor2.dumps(name), value) for name, value in items.items())
    return _head(0xA0, len(pairs)) + b"".join(key + value for key, value in pairs)


def item(value: Any, feature: Json = None) -> bytes:
    """One Arrow scalar as CBOR."""
    while True:
        if not value.is_valid:
            return b"\xf6"
        if isinstance(value, pa.ExtensionScalar | pa.DictionaryScalar | pa.RunEndEncodedScalar):
            value = value.value if not isinstance(value, pa.RunEndEncodedScalar) else _run_value(value)
        else:
            break
    type_ = value.type
    if pt.is_boolean(type_) or pt.is_integer(type_) or pt.is_floating(type_):
        return cbor2.dumps(_number(value), canonical=True)
    if any(test(type_) for test in _TEMPORAL):
        return cbor2.dumps(value.value)
    if pt.is_decimal(type_):
        with localcontext() as context:
            context.prec = 100
            unscaled = int(value.as_py().scaleb(type_.scale))
        return cbor2.dumps(cbor2.CBORTag(4, [-type_.scale, unscaled]))
    if type_ == pa.month_day_nano_interval():
        return cbor2.dumps(list(value.as_py()))
    if pt.is_map(type_):
        pairs = [b"\x82" + item(pair["key"]) + item(pair["value"]) for pair in value.values]
        return _head(0x80, len(pairs)) + b"".join(pairs)
    if pt.is_struct(type_):
        return _struct(value, feature)
    return _list(value, feature) if hasattr(value, "values") else _string(value)


def _struct(value: Any, feature: Json) -> bytes:
    feature = feature or {}
    if feature.get("_type") in ("Image", "Audio", "Video", "Pdf"):
        path = value["path"].as_py()
        name = None if path is None else PurePosixPath(path).name
        return mapping({"bytes": item(value["bytes"]), "path": cbor2.dumps(name)})
    return mapping({name: item(value[name], feature.get(name)) for name in value})


def _list(value: Any, feature: Json) -> bytes:
    values = value.values
    type_ = values.type
    while isinstance(type_, pa.BaseExtensionType) or pt.is_dictionary(type_) or pt.is_run_end_encoded(type_):
        type_ = type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_.value_type
    if (pt.is_integer(type_) or pt.is_floating(type_)) and all(each.is_valid for each in values):
        dtype = np.dtype(type_.to_pandas_dtype()).newbyteorder("<")
        bits = b"".join(np.array(_plain(each), dtype).tobytes() for each in values)
        return cbor2.dumps(cbor2.CBORTag(_TAGS[str(type_)], bits))
    inner = (feature or {}).get("feature")
    return _head(0x80, len(values)) + b"".join(item(each, inner) for each in values)


def _string(value: Any) -> bytes:
    buffer = value.as_buffer()
    data = b"" if buffer is None else buffer.to_pybytes()
    if pt.is_binary(value.type) or pt.is_large_binary(value.type) or pt.is_fixed_size_binary(value.type):
        return cbor2.dumps(data)
    if pt.is_binary_view(value.type):
        return cbor2.dumps(data)
    try:
        return cbor2.dumps(data.decode())
    except UnicodeDecodeError:
        return cbor2.dumps(data)


def _number(value: Any) -> Any:
    plain = value.as_py()
    return float(plain) if pt.is_floating(value.type) else plain


def _plain(value: Any) -> Any:
    """The number inside, with the very bits that are stored."""
    if isinstance(value, pa.ExtensionScalar | pa.DictionaryScalar):
        return _plain(value.value)
    if isinstance(value, pa.RunEndEncodedScalar):
        return _plain(_run_value(value))
    return value.as_py()


def _run_value(value: Any) -> Any:
    return pa.scalar(value.as_py(), value.type.value_type)


def _head(major: int, count: int) -> bytes:
    """The head of an array or a map, by way of cbor2: that of an integer, with other upper bits."""
    head = cbor2.dumps(count)
    return bytes([head[0] | major]) + head[1:]
