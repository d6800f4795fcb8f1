"""Recorded values as people read them: the tags that keep JSON exact are taken off."""

from __future__ import annotations

import json
from base64 import b64decode

from cognify_core.canonical import Json
from cognify_core.model.numbers import LONGEST_INTEGER, plain_number
from cognify_core.model.shown import encodable

REDACTED = "(redacted)"


def readable(value: Json) -> Json:
    """A value of the configuration form (`docs/formats.md`, Config) without its tags.

    Infinities stay floats; integers that Python refuses to read are their digits, lone surrogates their escapes.
    """
    if isinstance(value, list):
        return [readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"$int": str(digits)} if len(value) == 1 and len(digits) > LONGEST_INTEGER:
            return digits
        case {"$int": _} | {"$float": _} if len(value) == 1:
            return plain_number(value)
        case {"$ref": str(name)} | {"$opaque": str(name)} if len(value) == 1:
            return name
        case {"$bytes": str(text)} if len(value) == 1:
            return text
        case {"$text": str(text)} if len(value) == 1:
            return encodable(b64decode(text).decode("utf-8", "surrogatepass"))
        case {"$redacted": True} if len(value) == 1:
            return REDACTED
        case {"$items": list(pairs)} if len(value) == 1:
            return {text_of(readable(pair[0])): readable(pair[1]) for pair in pairs}
    return {key[1:] if key.startswith("$$") else key: readable(item) for key, item in value.items()}


def text_of(value: Json) -> str:
    """A readable value on one line: strings as they are, numbers as Python prints them, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
