"""Files of a folder of artifacts, each with its digest or the reason why it has none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from cognify_core.canonical import Json
from cognify_core.capture.files import hash_file, shown, unreadable
from cognify_core.errors import CaptureError

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
