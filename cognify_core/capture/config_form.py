"""The one JSON form of a Python value (`docs/formats.md`, Config, rules 1 to 3).

Never `repr()`, which holds memory addresses and follows PYTHONHASHSEED: what has no exact form is written
`{"$opaque": "module:qualname"}` and reported. Frameworks are told by the names of their types; none is imported.
"""

from __future__ import annotations

import dataclasses
import inspect
from base64 import b64encode
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

from cognify_core.canonical import Json, encode
from cognify_core.capture.redaction import REDACTED, is_secret_key, is_secret_text
from cognify_core.model.numbers import tagged_number

MAX_DEPTH = 64
"""Levels of JSON. Readers stop at 100, and a form stands inside a manifest or an event."""
MAX_VALUES = 500_000
"""What is met twice is written twice: `x = [x, x]`, 64 times over, must come to an end."""


class _Place:
    """Where a value stands: below another place, under a key or a number. Few are ever spelled out, and then once."""

    __slots__ = ("_above", "_key", "_pointer")

    def __init__(self, above: _Place | None, key: object) -> None:
        self._above, self._key = above, key
        self._pointer = ""

    @property
    def pointer(self) -> str:
        """As a JSON pointer (RFC 6901)."""
        if not self._pointer:
            self._pointer = f"{self._above.pointer if self._above else ''}/{_step(self._key)}"
        return self._pointer


class Form:
    """One walk over one value, noting where it is not exact."""

    def __init__(self) -> None:
        self.opaque: list[str] = []
        self.redacted: list[str] = []
        self._open: set[int] = set()
        self._room = MAX_VALUES

    def of(self, value: Any, place: _Place | None = None, depth: int = 1, secret: bool = False) -> Json:
        """Write `value`, which stands at `place`, `depth` levels down, under a `secret` key or not."""
        if (kind := type(value)) is str:
            return self._text(value, place, secret)
        if kind is dict or kind is list:
            return self._nested(value, place, depth, secret)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.of(value.value, place, depth, secret)
        if isinstance(value, (str, PurePath)):
            return self._text(str.__str__(value) if isinstance(value, str) else str(value), place, secret)
        if isinstance(value, (int, float)):
            return tagged_number(value)
        if isinstance(value, (bytes, bytearray)):
            return self._redact(place) if secret else {"$bytes": b64encode(value).decode("ascii")}
        return self._compound(value, place, depth, secret)

    def _compound(self, value: Any, place: _Place | None, depth: int, secret: bool) -> Json:
        kind = type(value)
        if (kind.__module__, kind.__name__) == ("torch", "dtype"):
            return str(value).removeprefix("torch.")
        if kind.__module__ == "numpy" and kind.__name__ != "ndarray" and hasattr(value, "item"):
            return self._scalar(value, place, depth, secret)
        if inspect.isclass(value) or inspect.isroutine(value):
            return {"$ref": _reference(value)}
        return self._nested(value, place, depth, secret) if _is_container(value) else self._opaque(value, place)

    def _nested(self, value: Any, place: _Place | None, depth: int, secret: bool) -> Json:
        if id(value) in self._open or depth > MAX_DEPTH:
            return self._opaque(value, place)
        self._open.add(id(value))
        try:
            return self._container(value, place, depth, secret)
        finally:
            self._open.remove(id(value))

    def _container(self, value: Any, place: _Place | None, depth: int, secret: bool) -> Json:
        if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
            value = {field.name: getattr(value, field.name, dataclasses.MISSING) for field in dataclasses.fields(value)}
        self._room -= len(value)
        if self._room < 0:
            return self._opaque(value, place)
        if isinstance(value, Mapping):
            return self._mapping(value, place, depth, secret)
        if isinstance(value, (set, frozenset)):
            return sorted((self.of(item, _Place(place, "*"), depth + 1, secret) for item in value), key=encode)
        return [self.of(item, _Place(place, index), depth + 1, secret) for index, item in enumerate(value)]

    def _mapping(self, value: Mapping[Any, Any], place: _Place | None, depth: int, secret: bool) -> Json:
        if all(_is_plain_key(key) for key in value):
            members = {
                _key(key): self.of(item, _Place(place, key), depth + 1, secret or is_secret_key(key))
                for key, item in value.items()
            }
            if len(members) == len(value):  # keys of other classes may be unequal, and the same text
                return members
        pairs = [self._pair(key, item, place, depth + 3, secret) for key, item in value.items()]
        return {"$items": sorted(pairs, key=encode)}

    def _pair(self, key: Any, item: Any, place: _Place | None, depth: int, secret: bool) -> list[Json]:
        below = _Place(place, key)
        secret_item = secret or (isinstance(key, str) and is_secret_key(key))
        return [self.of(key, below, depth), self.of(item, below, depth, secret_item)]

    def _scalar(self, value: Any, place: _Place | None, depth: int, secret: bool) -> Json:
        """A NumPy scalar as the Python value that it is; one that has none (`longdouble`, `datetime64`) is opaque."""
        item = value.item()
        if type(item) in (bool, int, float, str, bytes):
            return self.of(item, place, depth, secret)
        return self._opaque(value, place)

    def _text(self, text: str, place: _Place | None, secret: bool) -> Json:
        if secret or is_secret_text(text):
            return self._redact(place)
        if text.isascii() or _is_encodable(text):
            return text
        return {"$text": b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")}

    def _opaque(self, value: object, place: _Place | None) -> Json:
        self.opaque.append(place.pointer if place else "/")
        return {"$opaque": _reference(type(value))}

    def _redact(self, place: _Place | None) -> Json:
        self.redacted.append(place.pointer if place else "/")
        return {"$redacted": True}


def _is_container(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple, set, frozenset)) or dataclasses.is_dataclass(value)


def _is_plain_key(key: object) -> bool:
    return isinstance(key, str) and _is_encodable(key) and not is_secret_text(key)


def _key(key: str) -> str:
    text = str.__str__(key)
    return f"${text}" if text.startswith("$") else text


def _step(key: object) -> str:
    """One step of a JSON pointer (RFC 6901 §3), safe to print; `*` for what is no text and no number."""
    if not isinstance(key, (str, int, float)):
        return "*"
    text = str.__str__(key) if isinstance(key, str) else str(tagged_number(key))
    if is_secret_text(text):
        return REDACTED
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("~", "~0").replace("/", "~1")


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _reference(thing: Any) -> str:
    """`module:qualname` of a class or callable; a built-in method of no module belongs to `builtins`."""
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    return f"{module if isinstance(module, str) else 'builtins'}:{name if isinstance(name, str) else '?'}"
