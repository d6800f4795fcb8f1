"""`sha256:<64 hex>`: the SHA-256 of bytes, of a file or of a manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Self

from cognify_core.errors import FormatError

if TYPE_CHECKING:  # the hashing process starts without pydantic
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

_PATTERN = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest. `Digest.parse` and `str` are inverses; a `Digest` that exists is well-formed."""

    hex: str

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(f"sha256:{self.hex}"):
            raise FormatError(f"not a SHA-256 in 64 lower-case hex digits: {self.hex[:80]!r}")

    @classmethod
    def of(cls, data: bytes | memoryview) -> Self:
        """The digest of `data`."""
        return cls(sha256(data).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:<hex>`.

        Raises:
            FormatError: `text` is anything else.
        """
        if not (match := _PATTERN.fullmatch(text)):
            raise FormatError(f"not a digest of the form sha256:<64 hex>: {text[:80]!r}")
        return cls(match[1])

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: type[Any], _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _from_field, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _from_field(value: object) -> Digest:
    if isinstance(value, Digest):
        return value
    if isinstance(value, str) and (match := _PATTERN.fullmatch(value)):
        return Digest(match[1])
    raise ValueError("a digest is written sha256:<64 lower-case hex digits>")
