"""Arguments and options that several commands share, worded once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from cognify_core.errors import ConfigurationError

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run id, the beginning of one, or 'last'.")]
RunOption = Annotated[str, typer.Option("--run", metavar="RUN", help="A run id, the beginning of one, or 'last'.")]


def pairs(texts: Iterable[str], option: str, taken: frozenset[str] = frozenset()) -> dict[str, str]:
    """What `--option key=value`, given any number of times, says.

    Raises:
        ConfigurationError: one of them has no `=`, no key, a key that stands there already, or one that is `taken`.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals) or key in found or key in taken:
            raise ConfigurationError(
                f"{option} takes key=value, each key once, none of an option; it cannot take {text!r}"
            )
        found[key] = value
    return found
