"""Hashing what lies somewhere, outside any run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from cognify_core.canonical import parse_lenient
from cognify_core.capture.config import encode_config
from cognify_core.capture.files import file_outcome
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.capture.weights import weights_from_files
from cognify_core.errors import CaptureError, CognifyError, ConfigurationError

As: TypeAlias = Literal["auto", "file", "tree", "rows", "weights", "config"]


def hash_as(path: Path, view: As) -> Outcome:
    """Hash a path as a file, a tree, rows, weights or a configuration; `auto` is `tree` for folders, else `file`.

    Raises:
        ConfigurationError: there is nothing at `path`.
    """
    if not path.exists():
        raise ConfigurationError(f"there is nothing at {path}")
    match view:
        case "rows":
            return _rows(path)
        case "weights":
            return weights_from_files(path)
        case "config":
            return _config(path)
        case "tree":
            return tree_outcome(path)
        case "file":
            return file_outcome(path)
        case _:
            return tree_outcome(path) if path.is_dir() else file_outcome(path)


def _rows(path: Path) -> Outcome:
    from cognify_core.capture.rows import rows_outcome

    try:
        return rows_outcome(path)
    except CaptureError as error:
        return Outcome.unresolved(error)


def _config(path: Path) -> Outcome:
    try:
        return encode_config(parse_lenient(path.read_bytes())).outcome()
    except (CognifyError, OSError) as error:
        return Outcome.unresolved(str(error))
