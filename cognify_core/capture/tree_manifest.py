"""The text of `cognify.tree/v1`: written, read strictly, compared.

Law: `render` and `parse_manifest` are inverses; bytes that `render` would not have written are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cognify_core.capture.files import shown
from cognify_core.errors import FormatError
from cognify_core.turns import in_turns, let_others_run

TREE_FORMAT = "cognify.tree/v1"

_LINES_AT_ONCE = 512
_HEADER = b"# " + TREE_FORMAT.encode() + b"\n"
_LINE = re.compile(rb"\\?([0-9a-f]{64})  ([^\r\n]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}
_ESCAPE = re.compile(rb"\\.?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TreeDiff:
    """Where two trees differ, each file named as people read it."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    """In the old tree only."""
    added: tuple[str, ...]
    """In the new tree only."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.added)


def render(files: Iterable[tuple[bytes, str]]) -> bytes:
    """The manifest of (path, 64 hex digits) pairs, which come sorted by path."""
    pairs = list(files)
    if _is_special(b"".join([path for path, _ in pairs])):
        return _HEADER + b"".join([_line(path, digits) for path, digits in in_turns(pairs, _LINES_AT_ONCE)])
    let_others_run()
    return _HEADER + b"".join(
        [digits.encode() + b"  " + path + b"\n" for path, digits in in_turns(pairs, _LINES_AT_ONCE)]
    )


def parse_manifest(manifest: bytes) -> dict[bytes, str]:
    r"""Read a manifest: path → 64 hex digits, in the manifest's order.

    Raises:
        FormatError: it is not one that `render` writes: another header, a line that `sha256sum` would not read, a
            path that is absolute, twice there, out of order or climbs out of the tree.
    """
    if not manifest.startswith(_HEADER):
        raise FormatError(f"not a tree manifest: the first line is not '# {TREE_FORMAT}'")
    if not manifest.endswith(b"\n"):
        raise FormatError("not a tree manifest: the last line has no end")
    lines = manifest[len(_HEADER) :].split(b"\n")[:-1]
    files: dict[bytes, str] = {}
    last = b""
    for number, line in enumerate(lines, start=2):
        path, digits = _entry(line, number)
        if path <= last:
            raise FormatError(f"not a tree manifest: line {number} is out of order: {shown(path)}")
        files[path] = digits
        last = path
    return files


def diff_trees(old: Mapping[bytes, str], new: Mapping[bytes, str]) -> TreeDiff:
    """What changed, went missing and came anew from `old` to `new`, as `parse_manifest` returns them."""
    return TreeDiff(
        changed=tuple(shown(path) for path in sorted(old.keys() & new.keys()) if old[path] != new[path]),
        missing=tuple(shown(path) for path in sorted(old.keys() - new.keys())),
        added=tuple(shown(path) for path in sorted(new.keys() - old.keys())),
    )


def _line(path: bytes, digits: str) -> bytes:
    if _is_special(path):
        path = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
        return b"\\%s  %s\n" % (digits.encode(), path)
    return b"%s  %s\n" % (digits.encode(), path)


def _is_special(path: bytes) -> bool:
    return b"\\" in path or b"\n" in path or b"\r" in path


def _entry(line: bytes, number: int) -> tuple[bytes, str]:
    if not (match := _LINE.fullmatch(line)):
        raise FormatError(f"not a tree manifest: line {number} is not '<64 hex>  <path>'")
    path, digits = match[2], match[1].decode()
    if line.startswith(b"\\"):
        path = _ESCAPE.sub(lambda found: _ESCAPES.get(found[0], b""), path)
    if _line(path, digits) != line + b"\n":
        raise FormatError(f"not a tree manifest: line {number} is escaped in another way than sha256sum's")
    if any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise FormatError(f"not a tree manifest: line {number} names no file inside the tree: {shown(path)}")
    if b"\0" in path:
        raise FormatError(f"not a tree manifest: line {number} holds a NUL")
    return path, digits
