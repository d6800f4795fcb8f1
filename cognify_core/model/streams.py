"""`cognify.stream/v1`: what was read of a watched stream, part by part (`docs/formats.md`, Streams).

A stream has no rows of its own: what it gives depends on who reads it, and how far. So its manifest lists what was
read, with the digest of the rows, for each rank, DataLoader worker and pass over the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from cognify_core.canonical import encode
from cognify_core.model.digest import Digest

STREAM_FORMAT = "cognify.stream/v1"
ROWS_FORMAT = "cognify.rows/v1"

_Count = Annotated[int, Field(ge=0)]

StreamPart = TypedDict(
    "StreamPart", {"rank": _Count, "worker": _Count, "pass": _Count, "digest": Digest, "rows": _Count}
)
"""What one process read in one pass; `digest` is that of a `cognify.rows/v1` manifest. Passes count from 0."""
StreamPart.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[attr-defined]


def in_order(parts: Iterable[StreamPart]) -> tuple[StreamPart, ...]:
    """Parts in the order in which a manifest lists them: by rank, worker and pass."""
    return tuple(sorted(parts, key=_place))


def stream_manifest(parts: Sequence[StreamPart]) -> bytes:
    """The manifest's bytes, whose SHA-256 is the stream's digest.

    Raises:
        ValueError: two parts are one, or they are not in their order.
    """
    places = [_place(part) for part in parts]
    if places != sorted(set(places)):
        raise ValueError("the parts of a stream are listed once each, by rank, worker and pass")
    listed: list[dict[str, Any]] = [{**part, "digest": str(part["digest"])} for part in parts]
    return encode({"format": STREAM_FORMAT, "parts": listed})


def _place(part: StreamPart) -> tuple[int, int, int]:
    return part["rank"], part["worker"], part["pass"]
