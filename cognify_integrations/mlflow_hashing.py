"""Files of a folder of artifacts, each with its digest or the reason why it has none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from cognify_core.canonical import Json
from cognify_core.capture.files import hash_file, shown, unreadable
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree_manifest import TREE_FORMAT, parse_manifest, render
from cognify_core.errors import CaptureError, FormatError

MAX_FILES = 100_000
"""A snapshot names every file; a folder of more is one unresolved artifact."""
NOTHING_THERE = "nothing is there"

Told: TypeAlias = dict[str, Json]
"""By an artifact's name: `{"size", "hash"}`, or `{"reason"}`; none while it is not known yet."""


def unresolved(reason: str) -> dict[str, Json]:
    """What a snapshot says of an artifact that has no digest."""
    return {"reason": reason}


def hashed(path: Path, name: str) -> dict[str, Json]:
    """What a snapshot says of the file at `path`, which messages call `name`."""
    try:
        found = hash_file(os.fsencode(path), os.fsencode(name))
    except CaptureError as error:
        return unresolved(str(error))
    return {"size": found.size, "hash": f"sha256:{found.hex}"}


def hash_folder(folder: Path) -> Told:
    """Every file below a folder, by its path in it; a symlink out of it is named and not followed.

    Raises:
        CaptureError: there is no such folder, it cannot be listed, or holds more than `MAX_FILES`.
    """
    if not folder.is_dir():
        raise CaptureError(NOTHING_THERE)
    within = os.path.realpath(folder) + os.sep
    told: Told = {}
    for path in _below(folder):
        name = shown(os.fsencode(path.relative_to(folder)))
        if len(told) == MAX_FILES:
            raise CaptureError(f"more than {MAX_FILES} files")
        if path.is_symlink() and not os.path.realpath(path).startswith(within):
            told[name] = unresolved(f"symlink that leaves the folder: {name}")
        else:
            told[name] = hashed(path, name)
    return told


def hash_some(folder: Path, files: Iterable[Path]) -> Outcome:
    """Some of the files in a folder, as a tree."""
    found, size = [], 0
    try:
        for file in files:
            name = os.fsencode(file.absolute().relative_to(folder))
            hashed_file = hash_file(os.fsencode(file), name)
            found.append((name, hashed_file.hex))
            size += hashed_file.size
        return tree_of(found, size)
    except (CaptureError, FormatError) as error:
        return Outcome.unresolved(str(error))


def tree_of(files: Iterable[tuple[bytes, str]], size: int) -> Outcome:
    """The outcome of a folder's files, each with its 64 hex digits: the digest is that of the same folder here.

    Args:
        files: by the path in the folder, in any order.
        size: bytes, all files together.

    Raises:
        FormatError: their names are not those of a folder's files.
    """
    manifest = render(sorted(files))
    facts: dict[str, Json] = {"files": len(parse_manifest(manifest)), "bytes": size}
    return Outcome.of_manifest(manifest, TREE_FORMAT, facts=facts)


def _below(folder: Path) -> Iterator[Path]:
    """All that is no folder, symlinks to folders included."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(error, os.fsencode(folder.name)) from error
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        else:
            yield Path(entry.path)
