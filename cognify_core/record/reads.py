"""Which datasets a run read, as far as they can be read again: in its process, or where its record says they lie."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cognify_core.model.digest import Digest

_NOT_TRAINED_ON = ("eval", "validation", "test", "holdout", "source")


@dataclass(frozen=True, slots=True)
class Read:
    """One dataset of a run: rows that it was fed, or what these came from."""

    ref: str
    name: str
    role: str
    data: Callable[[], Any]
    """A path or an object; None once that is gone. Objects are not kept alive, where Python lets them go."""
    inputs: tuple[str, ...] = ()
    must_be: Digest | None = None
    """What it must have, to be what the run read; None where this process has read it itself."""


class Reads:
    """The datasets of a run."""

    def __init__(self) -> None:
        self._reads: dict[str, Read] = {}
        self._edges: list[tuple[str, str]] = []
        self.compared: dict[Hashable, Any] = {}
        """What was found out by comparing other rows with these, so that it is found out once."""

    def add(
        self, ref: str, name: str, role: str, data: Any, inputs: Sequence[str] = (), must_be: Digest | None = None
    ) -> None:
        """A dataset was recorded; `data` is None where it cannot be read again, as a stream cannot."""
        self._reads[ref] = Read(ref, name, role, _reference(data), tuple(inputs), must_be)

    def relate(self, source: str, target: str) -> None:
        """Somebody says that `target` came from `source`."""
        self._edges.append((source, target))

    def trained_on(self) -> list[Read]:
        """The datasets that the training was fed, without what they came from."""
        return [read for read in list(self._reads.values()) if read.role not in _NOT_TRAINED_ON]

    def sources_of(self, read: Read) -> list[Read]:
        """What a dataset came from, one step back."""
        named: Iterable[str] = [*read.inputs, *(source for source, target in list(self._edges) if target == read.ref)]
        return [self._reads[ref] for ref in dict.fromkeys(named) if ref in self._reads and ref != read.ref]


def _reference(data: Any) -> Callable[[], Any]:
    if data is None or isinstance(data, str | Path):
        return lambda: data
    try:
        return weakref.ref(data)
    except TypeError:
        return lambda: data
