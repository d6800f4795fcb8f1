"""Kinds of columns: what `cognify.rows/v1` says of types (`docs/formats.md`, Rows, rules 7 and 8).

A kind forgets how Arrow stores a column (chunks, dictionaries, large offsets, scalar widths, extension types) and keeps
what its values mean. Names of classes and media come from the features of `datasets`, as the JSON that is found under
the key `huggingface` of a schema's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.types as pt

from cognify_core.canonical import Json
from cognify_core.errors import CaptureError

Kind: TypeAlias = Json
"""A string as in `"timestamp[us, UTC]"`, or one of `{"list": …}`, `{"struct": …}`, `{"map": …}`, `{"class": …}`,
`{"media": …}`."""

INTEGER_FEATURE: dict[str, Json] = {"_type": "cognify.Integer"}
"""The feature of integers beyond 64 bits, which Arrow cannot hold: their decimal digits stand in a text column."""

_PLAIN_KINDS = (
    (pt.is_null, "null"),
    (pt.is_boolean, "bool"),
    (pt.is_integer, "int"),
    (pt.is_floating, "float"),
    (pt.is_decimal, "decimal"),
    (pt.is_date32, "date[day]"),
    (pt.is_date64, "date[ms]"),
)
_NO_MEDIA = ("Value", "ClassLabel", "Sequence", "List", "LargeList", "Translation", "TranslationVariableLanguages")


def is_text(type_: pa.DataType) -> bool:
    """Whether values are text, in any of Arrow's layouts."""
    return bool(pt.is_string(type_) or pt.is_large_string(type_) or pt.is_string_view(type_))


def is_bytes(type_: pa.DataType) -> bool:
    """Whether values are byte strings, in any of Arrow's layouts."""
    return bool(
        pt.is_binary(type_) or pt.is_large_binary(type_) or pt.is_fixed_size_binary(type_) or pt.is_binary_view(type_)
    )


def is_list(type_: pa.DataType) -> bool:
    """Whether values are lists, in any of Arrow's layouts; a map is none."""
    return bool(
        pt.is_list(type_)
        or pt.is_large_list(type_)
        or pt.is_fixed_size_list(type_)
        or pt.is_list_view(type_)
        or pt.is_large_list_view(type_)
    )


def storage_of(type_: pa.DataType) -> pa.DataType:
    """The type of the values themselves, under extension types, dictionaries and run-end encoding."""
    while True:
        if isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        elif pt.is_dictionary(type_) or pt.is_run_end_encoded(type_):
            type_ = type_.value_type
        else:
            return type_


def features_of(schema: pa.Schema) -> dict[str, Json]:
    """The features that `datasets` has written into a schema's metadata; none where it has not."""
    written = (schema.metadata or {}).get(b"huggingface")
    if written is None:
        return {}
    try:
        features = json.loads(written)["info"]["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise CaptureError("the schema's `huggingface` metadata cannot be read") from error
    return features if isinstance(features, dict) else {}


def columns_of(schema: pa.Schema, features: Mapping[str, Json]) -> dict[str, Kind]:
    """The kind of every column, by name.

    Raises:
        CaptureError: two columns of one name, or a type that has no kind (a union).
    """
    return _kinds_by_name(list(schema), features, "column")


def kind_of(type_: pa.DataType, feature: Json, name: str) -> Kind:
    """The kind of a column of this type; `feature` adds what the type does not say, `name` is for error messages."""
    type_ = storage_of(type_)
    label = feature.get("_type") if isinstance(feature, Mapping) else None
    if label == "cognify.Integer":
        return "int"
    if label == "ClassLabel" and pt.is_integer(type_):
        return {"class": [str(each) for each in feature.get("names") or ()]}
    if isinstance(label, str) and label not in _NO_MEDIA and is_media(type_):
        return {"media": label}
    if is_list(type_):
        return {"list": kind_of(type_.value_type, _item_feature(feature), name)}
    if pt.is_struct(type_):
        return {"struct": _kinds_by_name([type_.field(i) for i in range(type_.num_fields)], _fields(feature), "field")}
    if pt.is_map(type_):
        return {"map": [kind_of(type_.key_type, None, name), kind_of(type_.item_type, None, name)]}
    return _plain_kind(type_, name)


def is_media(type_: pa.DataType) -> bool:
    """Whether values are the pair of `bytes` and `path` that `datasets` stores media as."""
    return bool(pt.is_struct(type_)) and {type_.field(i).name for i in range(type_.num_fields)} == {"bytes", "path"}


def _plain_kind(type_: pa.DataType, name: str) -> str:
    for test, kind in _PLAIN_KINDS:
        if test(type_):
            return kind
    if is_text(type_):
        return "text"
    if is_bytes(type_):
        return "bytes"
    if pt.is_timestamp(type_):
        return f"timestamp[{type_.unit}]" if type_.tz is None else f"timestamp[{type_.unit}, {type_.tz}]"
    if pt.is_time(type_):
        return f"time[{type_.unit}]"
    if pt.is_duration(type_):
        return f"duration[{type_.unit}]"
    if type_ == pa.month_day_nano_interval():
        return "interval"
    raise CaptureError(f"column {name!r} is of type {type_}, which has no canonical form")


def _kinds_by_name(fields: list[pa.Field], features: Any, what: str) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for field in fields:
        if field.name in kinds:
            raise CaptureError(f"two {what}s are named {field.name!r}")
        feature = features.get(field.name) if isinstance(features, Mapping) else None
        kinds[field.name] = kind_of(field.type, feature, field.name)
    return kinds


def _item_feature(feature: Json) -> Json:
    """The feature of a list's items, in each of the spellings that `datasets` has used."""
    if isinstance(feature, list):
        return feature[0] if feature else None
    return feature.get("feature") if isinstance(feature, Mapping) else None


def _fields(feature: Json) -> Json:
    """The features of a struct's fields; a `Sequence` of a dict is stored as a struct of lists."""
    if not isinstance(feature, Mapping):
        return None
    if feature.get("_type") in ("Sequence", "List", "LargeList") and isinstance(feature.get("feature"), Mapping):
        return {name: {"_type": "List", "feature": each} for name, each in feature["feature"].items()}
    return feature
