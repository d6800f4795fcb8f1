"""Sources of MLflow's Hugging Face datasets: what `load_dataset` was told, as files that lie on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

from cognify_core.canonical import Json

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")
_ELSEWHERE = "its source is not a file of this machine"


class Named(NamedTuple):
    """What was found: files below `folder`, one URL, or the reason why there is nothing to hash."""

    reason: str | None = None
    url: str | None = None
    folder: Path = Path()
    only: tuple[Path, ...] = ()
    facts: dict[str, Json] = {}  # noqa: RUF012 - never changed


def hub_files(told: dict[str, Any], cache: Path | None = None) -> Named:
    """The files that `load_dataset(path, data_dir=…, data_files=…, revision=…)` names.

    Args:
        told: these arguments, as MLflow keeps them.
        cache: that of the Hub; by default the one that its library has.
    """
    path = told.get("path")
    if not isinstance(path, str) or not path:
        return Named("its source names no dataset")
    is_folder, directory = os.path.isdir(path), told.get("data_dir") or ""  # noqa: PTH112 - any text
    base = Path(path if is_folder else "", directory)
    if patterns := list(_texts(told.get("data_files"))):
        return _files(base, patterns, path)
    if is_folder or (directory and base.is_dir()):
        return Named(folder=base) if base.is_dir() else Named(f"there is nothing at its source, {base}")
    return _snapshot(path, told.get("revision"), cache or _cache())


def _files(base: Path, patterns: list[str], path: str) -> Named:
    if any("://" in pattern for pattern in patterns):
        return Named(url=patterns[0]) if len(patterns) == 1 else Named(f"{_ELSEWHERE}: several URLs")
    found = sorted({each for pattern in patterns for each in _matches(Path(base, pattern).absolute())})
    files = [each for each in found if each.is_file()]
    if not files:
        return Named(f"{_ELSEWHERE}: {path}, {patterns[0]}")
    if len(files) == 1:
        return Named(folder=files[0])
    return Named(folder=Path(os.path.commonpath([each.parent for each in files])), only=tuple(files))


def _matches(pattern: Path) -> Iterator[Path]:
    return map(Path, glob(str(pattern), recursive=True))  # noqa: PTH207 - the pattern may be absolute


def _snapshot(path: str, revision: Any, cache: Path | None) -> Named:
    """What the cache of the Hub holds of a repository: all that was ever fetched of that commit."""
    if cache is None or not _REPOSITORY.fullmatch(path):
        return Named(f"{_ELSEWHERE}: {path[:200]}")
    kept = cache / f"datasets--{path.replace('/', '--')}"
    wanted = revision if isinstance(revision, str) and revision else "main"
    commit = wanted if _COMMIT.fullmatch(wanted) else _read(kept / "refs" / wanted)
    if not _COMMIT.fullmatch(commit) or not (snapshot := kept / "snapshots" / commit).is_dir():
        return Named(f"{_ELSEWHERE}: {path} of the Hub, of which no snapshot is in the cache")
    uncovered: list[Json] = ["which of the files that the cache holds of this commit were read"]
    return Named(folder=snapshot, facts={"hub_repository": path, "hub_commit": commit, "not_covered": uncovered})


def _cache() -> Path | None:
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ModuleNotFoundError:
        return None
    return Path(HF_HUB_CACHE)


def _read(ref: Path) -> str:
    try:
        return ref.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _texts(value: Any) -> Iterator[str]:
    """All texts in what may be one, a list of them, or a dict of either."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)
