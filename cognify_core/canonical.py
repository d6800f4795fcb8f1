"""RFC 8785 canonical JSON: one way to write it, one strict way to read it.

`parse` refuses what JSON readers disagree about, because a disagreement between two readers is how a forged document
passes one check and is believed by another: duplicate keys, NaN and infinities, lone surrogates, numbers that an
IEEE 754 double cannot hold, deep nesting, and any bytes that are not exactly `encode(parse(bytes))`.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias

import rfc8785

from cognify_core.errors import FormatError

Json: TypeAlias = Any  # a JSON value: None, bool, int, float, str, list or dict of these

MAX_DEPTH = 100
MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8785 §3.2.2.3, by way of RFC 7493 §2.2


def encode(value: Json) -> bytes:
    """Write `value` as RFC 8785 (JCS) bytes.

    Raises:
        FormatError: `value` holds NaN, an integer beyond 2^53 − 1, a lone surrogate, a key that is not text, or nests
            too deep.
    """
    try:
        return _encoded(value)
    except rfc8785.CanonicalizationError as error:
        raise FormatError(f"cannot be written as canonical JSON: {error}") from error
    except UnicodeEncodeError as error:
        raise FormatError("cannot be written as canonical JSON: a key holds a lone surrogate") from error
    except RecursionError as error:
        raise FormatError("cannot be written as canonical JSON: it is nested too deep") from error


def _encoded(value: Json) -> bytes:
    """What `rfc8785.dumps` writes; where Python's own encoder writes the same, by that, which is many times quicker."""
    if _is_plain(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    if type(value) is list:
        return b"[" + b",".join(map(_encoded, value)) + b"]"
    if type(value) is dict and all(type(key) is str and key.isascii() for key in value):
        return b"{" + b",".join(rfc8785.dumps(key) + b":" + _encoded(value[key]) for key in sorted(value)) + b"}"
    return rfc8785.dumps(value)


def _is_plain(value: Json) -> bool:
    """Whether nothing in it is spelled or ordered in two ways: floats, large integers, keys beyond ASCII.

    From 1e-4 up to 1e16 Python writes a float that is no integer as ECMAScript does: its shortest digits, no exponent.
    """
    level: list[Json] = [value]
    known: set[tuple[object, ...]] = set()
    """Keys that have been looked at: a long list holds maps with the same ones."""
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and not _is_text(item):
                    return False
            elif kind is int:
                if abs(item) > MAX_SAFE_INTEGER:
                    return False
            elif kind is float:
                if not 1e-4 <= abs(item) < 1e16 or item.is_integer():
                    return False
            elif kind is dict:
                if (keys := tuple(item)) not in known:
                    if not all(type(key) is str and key.isascii() for key in keys):
                        return False
                    known.add(keys)
                below.extend(item.values())
            elif kind is list:
                below.extend(item)
            elif item is not None and kind is not bool:
                return False
        if not below:
            return True
        level = below
    return False


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def parse(data: bytes) -> Json:
    """Read canonical JSON, and nothing but canonical JSON.

    Raises:
        FormatError: `data` is not JSON, not canonical, or something that two readers may read differently.
    """
    value = parse_lenient(data)
    if encode(value) != data:
        raise FormatError("not canonical JSON (RFC 8785): the bytes differ from their own canonical form")
    return value


def parse_lenient(data: bytes) -> Json:
    """Read JSON that need not be canonical (someone else's file), as strictly as `parse` in everything else.

    Raises:
        FormatError: as `parse`, but for the order of keys, white space and the spelling of numbers.
    """
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError as error:
        raise FormatError(f"not JSON: byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise FormatError("not acceptable JSON: it is nested too deep") from error
    except ValueError as error:
        raise FormatError(f"not JSON: {error}") from error
    _check_depth_and_text(value)
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FormatError(f"not acceptable JSON: the key {twice[:80]!r} stands twice in one object")
    return members


def _integer(digits: str) -> int | float:
    if len(digits) <= 17 and abs(number := int(digits)) <= MAX_SAFE_INTEGER:
        return number
    return _float(digits)


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise FormatError(f"not acceptable JSON: the number {text[:40]} does not fit a double")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise FormatError(f"not acceptable JSON: {name} is no JSON number")


def _check_depth_and_text(value: Json) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.keys())
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and not item.isascii():
                _refuse_surrogates(item)
        if not below:
            return
        level = below
    raise FormatError(f"not acceptable JSON: it is nested deeper than {MAX_DEPTH} levels")


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"not acceptable JSON: a lone surrogate at character {error.start} of a string") from error
