"""Every place in a JSON value, and what a forger does to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
ABSENT: Any = object()


@dataclass(frozen=True)
class Case:
    """One thing that is done at one place."""

    path: Path
    how: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))[:60]}-{self.how}"

    def of(self, value: Any, other: Any) -> Any:
        """The value with it done."""
        copy = json.loads(json.dumps(value))
        holder = at(copy, self.path[:-1])
        CHANGES[self.how](holder, self.path[-1], at(other, self.path))
        return copy

    @property
    def adds_a_key(self) -> bool:
        """Whether it leaves everything that was there."""
        return self.how == "twice" and isinstance(self.path[-1], str)


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a value, the whole left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, name)
        yield from places(inner, (*path, name))


def at(value: Any, path: Path) -> Any:
    """What stands at a place; `ABSENT` where there is no such place."""
    for name in path:
        if not isinstance(value, dict | list) or (isinstance(value, list) and not _has(value, name)):
            return ABSENT
        value = value.get(name, ABSENT) if isinstance(value, dict) else value[int(name)]
    return value


def _has(value: list[Any], name: str | int) -> bool:
    return isinstance(name, int) and name < len(value)


def _drop(holder: Any, name: Any, _: Any) -> None:
    del holder[name]


def _swap(holder: Any, name: Any, other: Any) -> None:
    if other is not ABSENT:
        holder[name] = other


def _twice(holder: Any, name: Any, _: Any) -> None:
    """A second of the same: in a list behind it, of an object under another key."""
    if isinstance(holder, list):
        holder.insert(name, holder[name])
    else:
        holder[f"{name}_"] = holder[name]


def _flip(holder: Any, name: Any, _: Any) -> None:
    """As little as can be changed, of the same type."""
    kept = holder[name]
    if isinstance(kept, bool):
        holder[name] = not kept
    elif isinstance(kept, int | float):
        holder[name] = kept + 1
    elif isinstance(kept, str):
        middle = len(kept) // 2
        holder[name] = kept[:middle] + ("B" if kept[middle : middle + 1] != "B" else "C") + kept[middle + 1 :]
    elif isinstance(kept, list):
        holder[name] = kept[::-1]
    elif isinstance(kept, dict):
        holder[name] = dict.fromkeys(kept, "")


def _put(new: Any) -> Callable[[Any, Any, Any], None]:
    def change(holder: Any, name: Any, _: Any) -> None:
        holder[name] = new

    return change


def _longer(holder: Any, name: Any, _: Any) -> None:
    if isinstance(holder[name], str):
        holder[name] += "\n"


CHANGES: dict[str, Callable[[Any, Any, Any], None]] = {
    "drop": _drop,
    "swap": _swap,
    "twice": _twice,
    "flip": _flip,
    "longer": _longer,
    "null": _put(None),
    "true": _put(True),
    "number": _put(2**53 - 1),
    "empty": _put(""),
    "list": _put([]),
    "object": _put({}),
    "odd": _put("\u202e\x00\U0001f512"),
}
MOST = ("drop", "swap", "flip", "twice", "longer", "null", "empty", "list", "odd")
FEW = ("drop", "swap", "flip", "twice")


def cases(value: Any, other: Any, how: tuple[str, ...] = MOST) -> list[Case]:
    """What can be done to a value, without what changes nothing."""
    every = [Case(path, each) for path in places(value) for each in how]
    return [case for case in every if _text(case.of(value, other)) != _text(value)]


def by_place(made: list[Case]) -> list[list[Case]]:
    """Cases, those of one place together: as many tests as places."""
    found: dict[Path, list[Case]] = {}
    for case in made:
        found.setdefault(case.path, []).append(case)
    return list(found.values())


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
