"""Files of a checkpoint that the process which wrote them never reported, hashed by another if they still lie there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cognify_core.capture.files import hash_file, shown
from cognify_core.capture.scan import boundary_of, real_directory, scan_tree
from cognify_core.errors import CaptureError


def hash_late(location: str, names: Collection[str]) -> dict[bytes, str]:
    """Hash those of the named files that lie below `location` and can be read: path → 64 hex digits.

    Args:
        location: a folder as records show it, the home directory written `~`.
        names: paths relative to it, as people read them.
    """
    path = Path(location).expanduser()
    hashed: dict[bytes, str] = {}
    try:
        root = real_directory(path)
        for name, file in scan_tree(root, boundary_of(path, root)).files:
            if shown(name) in names:
                hashed[name] = hash_file(file, name).hex
    except CaptureError:
        pass  # what is missing from the answer is named by whoever asked
    return hashed
