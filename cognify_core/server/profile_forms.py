"""A profile as the fields of a form, and back: what was sent becomes a profile, and what is wrong finds its field.

Between the two stands a tree: the profile's own values, in which every map and list of `Rows` is a list of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cognify_core.canonical import Json
from cognify_core.model.profile import problems
from cognify_core.server.profile_fields import ROWS, Field, Part, Path, Rows

Tree: TypeAlias = dict[str, Any]
KEY = "_key"
"""Where a row keeps its entry's name."""
MORE = 3
"""Empty rows at the end of a list."""
MOST = 200
DROP = "drop"
"""What the box of a file holds that is to be taken away."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field, as the page shows it."""

    name: str
    of: Field
    value: str
    wrong: str = ""
    below: str = ""
    """What the workspace's profile says, where a project's says nothing."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A tree as a profile, and what cannot stand in one."""

    value: dict[str, Json]
    wrong: dict[Path, str] = field(default_factory=dict)
    """By the place in the tree."""


def spread(profile: Mapping[str, Json]) -> Tree:
    """A profile as a tree."""
    tree: Tree = deepcopy(dict(profile))
    for rows in ROWS:
        kept = _at(tree, rows.path)
        if isinstance(kept, dict):
            entries = [(key, {"value": value} if rows.plain else value) for key, value in kept.items()]
            _put(tree, rows.path, [{KEY: key, **value} for key, value in entries])
    return tree


def read(part: Part, sent: Mapping[str, str], before: Tree) -> Tree:
    """The tree with what was sent of one part of the form; the other parts stay as they were."""
    tree = deepcopy(before)
    for each in part.fields:
        given = sent.get(name_of(each.path))
        if given is not None:
            _put(tree, each.path, _parsed(each, given, _at(tree, each.path)))
    for each in part.fields:
        if each.kind == "file":
            _leave_file(tree, each.path[:-1], dropped=sent.get(name_of(each.path)) == DROP)
    for rows in part.rows:
        if any(name.startswith(f"{name_of(rows.path)}|") for name in sent):
            unshown = (_at(tree, rows.path) or [])[MOST - MORE :]
            _put(tree, rows.path, [*_rows(rows, sent), *unshown])
    return _pruned(tree)


def settle(tree: Tree) -> Settled:
    """The profile that a tree is, and everything that is wrong with it."""
    value, wrong, keyed = deepcopy(tree), dict[Path, str](), dict[Path, int]()
    for rows in ROWS:
        entries = _at(value, rows.path)
        if not rows.key or not isinstance(entries, list):
            continue
        told: dict[str, Json] = {}
        for place, entry in enumerate(entries):
            key = str(entry.pop(KEY, ""))
            at = (*rows.path, str(place), KEY)
            if not key or key in told:
                wrong[at] = "this stands there already" if key else "it has no name"
                continue
            if rows.plain and "value" not in entry:
                wrong[(*rows.path, str(place), "value")] = "nothing is said"
            told[key] = entry.get("value", "") if rows.plain else entry
            keyed[(*rows.path, key)] = place
        _put(value, rows.path, told)
    value = _pruned(value)
    return Settled(value, wrong | {_in_tree(at, keyed): why for at, why in problems(value).items()})


def shown(part: Part, tree: Tree, wrong: Mapping[Path, str], below: Tree) -> dict[str, Shown]:
    """Each field that is in no row, by its place in the form."""
    found = {each.path: _shown(each, each.path, tree, below) for each in part.fields}
    return {name_of(path): _with(each, wrong.get(path, "")) for path, each in found.items()}


def shown_rows(rows: Rows, tree: Tree, wrong: Mapping[Path, str]) -> list[list[Shown]]:
    """The rows of a map or list, and some empty ones."""
    entries = _at(tree, rows.path)
    number = min(len(entries) if isinstance(entries, list) else 0, MOST - MORE) + MORE
    fields = (Field((KEY,), rows.key), *rows.fields) if rows.key else rows.fields
    return [
        [
            _with(_shown(each, (*rows.path, str(place), *each.path), tree, {}), wrong.get(path, ""))
            for each in fields
            for path in [(*rows.path, str(place), *each.path)]
        ]
        for place in range(number)
    ]


def placed(part: Part, wrong: Mapping[Path, str]) -> tuple[dict[Path, str], list[str]]:
    """What is wrong, each by the field that it is shown beside; and what belongs to no field of this part."""
    paths = [each.path for each in part.fields]
    at: dict[Path, str] = {}
    elsewhere: list[str] = []
    for path, why in wrong.items():
        found = path if _is_in_rows(part, path) else _nearest(paths, path)
        if found is None:
            elsewhere.append(f"{'.'.join(path)}: {why}")
        else:
            at.setdefault(found, why)
    return at, elsewhere


def name_of(path: Path) -> str:
    """A field's name in the form."""
    return "|".join(path)


def _is_in_rows(part: Part, path: Path) -> bool:
    return any(path[: len(rows.path)] == rows.path and len(path) > len(rows.path) + 1 for rows in part.rows)


def _nearest(paths: Sequence[Path], path: Path) -> Path | None:
    """The field of that place, or the first one below it, or the one above it."""
    below = (each for each in paths if each[: len(path)] == path and each[-1] != "path")
    above = (each for each in paths if path[: len(each)] == each)
    return next(iter((*below, *above)), None)


def _in_tree(at: Path, keyed: Mapping[Path, int]) -> Path:
    """Where a place of the profile stands in the tree: entries of maps by their number there."""
    for path, place in keyed.items():
        if at[: len(path)] == path:
            rest = at[len(path) :] or ("value",)
            return (*path[:-1], str(place), *((KEY,) if rest == ("[key]",) else rest))
    return at


def _shown(each: Field, path: Path, tree: Tree, below: Tree) -> Shown:
    value = _text(_at(tree, path))
    return Shown(name_of(path), each, value, below="" if value else _text(_at(below, path)))


def _with(each: Shown, wrong: str) -> Shown:
    return Shown(each.name, each.of, each.value, wrong, each.below)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else "" if value is None else str(value)


def _parsed(each: Field, given: str, before: Any) -> Any:
    if each.kind == "file":
        return before
    if each.kind == "lines":
        return [line.strip() for line in given.splitlines() if line.strip()]
    return given.replace("\r\n", "\n").strip()


def _leave_file(tree: Tree, path: Path, *, dropped: bool) -> None:
    """A reference to a file goes, where that is asked for; a URL stands in its place, where there is one."""
    reference = _at(tree, path)
    if not isinstance(reference, dict) or "path" not in reference:
        return
    if reference.get("url"):
        del reference["path"]
    elif dropped:
        reference.clear()


def _rows(rows: Rows, sent: Mapping[str, str]) -> list[Tree]:
    fields = (Field((KEY,), ""), *rows.fields) if rows.key else rows.fields
    found = []
    for place in range(MOST):
        row: Tree = {}
        for each in fields:
            _put(row, each.path, sent.get(name_of((*rows.path, str(place), *each.path)), "").strip())
        if row := _pruned(row):
            found.append(row)
    return found


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        if isinstance(tree, list):
            tree = tree[int(step)] if step.isdecimal() and int(step) < len(tree) else None
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _put(tree: Tree, path: Path, value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def _pruned(tree: Tree) -> Tree:
    """Without what says nothing."""
    kept = {key: _pruned(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value not in ("", None, {}, [])}
