"""Numbers that JSON cannot hold, written so that nothing is lost (`docs/formats.md`, Config, rule 1)."""

from __future__ import annotations

import math

import rfc8785

from cognify_core.canonical import MAX_SAFE_INTEGER, Json

LONGEST_INTEGER = 4300
"""Digits of the longest integer that is a metric or a result: CPython reads no more. Configurations hold any."""


def tagged_number(number: float) -> Json:
    """An integer below 2^53 or a finite, non-integral float as itself; any other under `$int` or `$float`.

    JSON does not tell 1 from 1.0 and has no NaN: `1.0` becomes `{"$float": "1"}`, `nan` becomes `{"$float": "NaN"}`.
    """
    if isinstance(number, int):
        return int(number) if abs(number) <= MAX_SAFE_INTEGER else {"$int": _digits(int(number))}
    number = float(number)
    if math.isnan(number):
        return {"$float": "NaN"}
    if math.isinf(number):
        return {"$float": "Infinity" if number > 0 else "-Infinity"}
    if number != int(number):
        return number
    return {"$float": "-0" if number == 0 and math.copysign(1, number) < 0 else rfc8785.dumps(number).decode()}


def plain_number(tagged: Json) -> int | float:
    """The number that `tagged_number` wrote.

    Raises:
        ValueError: `tagged` is none.
    """
    match tagged:
        case bool():
            raise ValueError("a truth value is no number")
        case int() | float():
            return tagged
        case {"$int": str(digits)} if len(tagged) == 1:
            if len(digits) > LONGEST_INTEGER:
                raise ValueError(f"not a number: {len(digits):,} digits, of at most {LONGEST_INTEGER:,}")
            return int(digits)
        case {"$float": str(text)} if len(tagged) == 1:
            return float(text)
        case _:
            raise ValueError(f"not a number: {str(tagged)[:80]}")


def as_double(tagged: Json) -> float:
    """The number that `tagged_number` wrote as a double; one that is too large is infinite.

    Raises:
        ValueError: `tagged` is none.
    """
    number = plain_number(tagged)
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _digits(number: int) -> str:
    """Decimal digits of an integer of any size; CPython refuses `str` above 4,300 of them."""
    if abs(number) < 10**4000:
        return str(number)
    sign, number = ("-" if number < 0 else ""), abs(number)
    chunks = []
    while number:
        number, chunk = divmod(number, 10**4000)
        chunks.append(str(chunk).rjust(4000, "0"))
    return sign + "".join(reversed(chunks)).lstrip("0")
