"""The files that a stream reads: found in what its parts were made with, without running any of their code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DEPTH = 64


@dataclass(frozen=True, slots=True)
class StreamFiles:
    """Where a stream reads from, in its own order, each place once."""

    local: tuple[Path, ...] = ()
    remote: tuple[str, ...] = ()
    """URLs; nobody looks what lies there."""

    def __bool__(self) -> bool:
        return bool(self.local or self.remote)


def files_of_stream(stream: Any) -> StreamFiles:
    """The files of a `datasets.IterableDataset`; none of any other stream, or where they cannot be found out."""
    places: dict[str, None] = {}
    for arguments in _arguments(getattr(stream, "__dict__", {}).get("_ex_iterable")):
        for value in arguments.values():
            places.update(dict.fromkeys(_places(value)))
    local = [Path(place) for place in places if "://" not in place and Path(place).is_file()]
    return StreamFiles(tuple(local), tuple(place for place in places if "://" in place))


def _arguments(examples: Any) -> Iterator[dict[str, Any]]:
    """What each shard of the chains below `examples` is generated with."""
    left = [examples]
    for _ in range(_DEPTH):
        if not left:
            return
        known = getattr(left.pop(0), "__dict__", {})
        if isinstance(known.get("kwargs"), dict):
            yield known["kwargs"]
        left += [known["ex_iterable"]] if "ex_iterable" in known else known.get("ex_iterables") or []


def _places(value: Any) -> Iterator[str]:
    """Texts that may be paths or URLs; of `zip://member::archive` the archive."""
    if isinstance(value, str | Path):
        yield str(value).rpartition("::")[2]
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _places(each)
    elif type(value).__name__ == "FilesIterable":
        yield from _places(list(getattr(value, "args", ())))
