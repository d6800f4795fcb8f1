"""What fields of forms say, and what is to be said beside those that say what they cannot."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

_DIGITS = 9


def number_in(text: str) -> int | str:
    """The whole number that a field says; what is none stays the text that it is, for a model to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else text


def wrong_fields(error: ValidationError, told: Mapping[str, str]) -> dict[str, str]:
    """What to say beside each field that an error names."""
    names = [str(each["loc"][0]) for each in error.errors() if each["loc"]]
    return {name: told.get(name, "This cannot be said here.") for name in dict.fromkeys(names)}
