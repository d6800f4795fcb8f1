"""A package against its own rendering: what it says beside its record must be what its record says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from cognify_core.canonical import Json, encode
from cognify_core.errors import CognifyError
from cognify_core.export.package_json import DOCUMENTS
from cognify_core.verify.package_form import Package
from cognify_core.verify.record_check import capped
from cognify_core.verify.report import Finding, contradicts, holds, unchecked

NAMED_LISTS = frozenset({"nodes", "edges", "gaps", "grc_records"})
MISSING = "nothing"


def check_rendering(package: Package, data: bytes) -> list[Finding]:
    """Render a package's inputs again, and name what in it is otherwise."""
    document = DOCUMENTS.get(package.renderer)
    if document is None:
        known = ", ".join(map(repr, DOCUMENTS))
        message = f"rendered by {package.renderer[:80]!r}, which this version does not know; it knows {known}"
        return [unchecked("package_renderer", message)]
    try:
        expected = document(package.run, package.addenda)
    except CognifyError:
        return [unchecked("package", "the package cannot be rendered again, for what it is made from does not hold")]
    if encode(expected) == data:
        return [holds("package", "the package is, byte for byte, what it carries renders to")]
    return list(_differences(package.value, expected)) or [contradicts("package", "the package is not its rendering")]


def _differences(found: dict[str, Json], expected: dict[str, Json], where: str = "") -> Iterator[Finding]:
    for key in sorted(found.keys() | expected.keys()):
        if key not in expected:
            yield contradicts("package_key", f"{where}holds a key that no package of its renderer has: {key[:80]!r}")
        elif key not in found:
            yield contradicts(f"package_{key}", f"{where}{key} is missing")
        elif key == "addenda":
            for number, (one, other) in enumerate(zip(found[key], expected[key], strict=True), start=1):
                yield from _differences(one, other, f"addendum {number}: ")
        else:
            told = (contradicts(f"package_{key}", where + line) for line in _told(key, found[key], expected[key]))
            yield from capped(list(told), where)


def _told(key: str, found: Json, expected: Json) -> Iterator[str]:
    """One line for each part of a value that differs."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted(found.keys() | expected.keys()):
            yield from _line(f"{key}.{name}", found.get(name, MISSING), expected.get(name, MISSING))
    elif key in NAMED_LISTS and isinstance(found, list) and isinstance(expected, list):
        for place, (one, other) in enumerate(zip_longest(found, expected, fillvalue=MISSING)):
            yield from _line(f"{key} {place}", one, other)
    else:
        yield from _line(key, found, expected)


def _line(name: str, found: Json, expected: Json) -> Iterator[str]:
    if encode(found) != encode(expected):  # as bytes: Python's own `==` takes 1 for true
        yield f"{name}: the package says {_short(found)}, and what it carries says {_short(expected)}"


def _short(value: Json) -> str:
    text = encode(value).decode()
    return text if len(text) <= 160 else f"{text[:157]}…"
