"""Which files the rows of a `datasets.Dataset` came from, followed by its fingerprint through all that is made of it.

`datasets` gives every dataset a fingerprint, and computes that of a new one from that of the old one. So what was
loaded is known by its fingerprint, and each new fingerprint inherits what was known of those before it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Any

MOST_FINGERPRINTS = 50_000
_LENGTH = 16
_SPLIT = re.compile(r"(?:^|\+)([\w.]+)")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it lay when rows were read from it, or a URL."""

    place: str
    stamp: tuple[int, int, int] | None = None
    """Size, time of change and inode; None of a URL, and of what could not be looked at."""

    @classmethod
    def now(cls, place: str) -> SourceFile:
        """A file as it lies now."""
        if "://" in place:
            return cls(place.rpartition("::")[2])
        path = os.path.abspath(place)  # noqa: PTH100 - a text, as datasets has it
        return cls(path, stamp_of(path))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows came from."""

    files: tuple[SourceFile, ...]
    whole: bool = True
    """Whether these are all; False where some of the rows came from something else."""


class Origins:
    """What is known of each fingerprint of this process."""

    def __init__(self) -> None:
        self._known: dict[str, Origin] = {}

    def of(self, dataset: Any) -> Origin | None:
        """Where the rows of a dataset came from: of `datasets`, of torch's combinations of such, or a list of these."""
        if isinstance(fingerprint := getattr(dataset, "_fingerprint", None), str):
            return self._known.get(fingerprint)
        if isinstance(within := getattr(dataset, "datasets", dataset), list | tuple):
            return _joined([self.of(each) for each in within[:MOST_FINGERPRINTS]])
        return None if (whole := getattr(dataset, "dataset", None)) is None else self.of(whole)

    def loaded(self, dataset: Any, places: Iterable[str]) -> None:
        """A dataset was loaded from these files or URLs."""
        fingerprint, files = getattr(dataset, "_fingerprint", None), tuple(map(SourceFile.now, places))
        if isinstance(fingerprint, str) and files:
            known = self._known.get(fingerprint)
            self._keep(fingerprint, Origin(files) if known is None else _joined([known, Origin(files)]))

    def followed(self, before: str, after: str) -> None:
        """A dataset was made of one or, where fingerprints are joined in one text, of several."""
        if (origin := self._known.get(before)) is None and len(before) % _LENGTH == 0:
            parts = [before[start : start + _LENGTH] for start in range(0, len(before), _LENGTH)]
            origin = _joined([self._known.get(part) for part in parts])
        if origin is not None:
            self._keep(after, origin)

    def _keep(self, fingerprint: str, origin: Origin | None) -> None:
        if origin is not None:
            if len(self._known) >= MOST_FINGERPRINTS:
                del self._known[next(iter(self._known))]
            self._known[fingerprint] = origin


ORIGINS = Origins()
"""What this process has loaded."""


def stamp_of(path: str) -> tuple[int, int, int] | None:
    """Size, time of change and inode of what lies at `path`."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a text
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def add(module: ModuleType) -> None:
    """Follow what one module of `datasets`, which has just been imported, loads or makes."""
    if hasattr(module, "update_fingerprint"):
        module.update_fingerprint = _following(module.update_fingerprint)  # type: ignore[attr-defined]
    if module.__name__ == "datasets.builder":
        module.DatasetBuilder.as_dataset = _loading(module.DatasetBuilder.as_dataset)
    if module.__name__ == "datasets.arrow_dataset":
        module.Dataset.load_from_disk = staticmethod(_loading_from_disk(module.Dataset.load_from_disk))


def _following(update: Callable[..., str]) -> Callable[..., str]:
    @wraps(update)
    def update_fingerprint(fingerprint: str, *args: Any, **kwargs: Any) -> str:
        after = update(fingerprint, *args, **kwargs)
        ORIGINS.followed(fingerprint, after)
        return after

    return update_fingerprint


def _loading(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def as_dataset(builder: Any, *args: Any, **kwargs: Any) -> Any:
        loaded = load(builder, *args, **kwargs)
        for dataset in loaded.values() if isinstance(loaded, dict) else [loaded]:
            ORIGINS.loaded(dataset, _places_of(builder, str(getattr(dataset, "split", None) or "")))
        return loaded

    return as_dataset


def _loading_from_disk(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def load_from_disk(dataset_path: Any, *args: Any, **kwargs: Any) -> Any:
        loaded = load(dataset_path, *args, **kwargs)
        ORIGINS.loaded(loaded, [os.fspath(dataset_path)])
        return loaded

    return load_from_disk


def _places_of(builder: Any, split: str) -> list[str]:
    """The data files of a builder's splits that make up `split`, as in `train[:10%]+test`; all where none is named."""
    files = getattr(builder.config, "data_files", None)
    if not isinstance(files, dict):
        return [str(each) for each in files or ()]
    named = [name for name in _SPLIT.findall(split) if name in files] or list(files)
    return [str(place) for name in dict.fromkeys(named) for place in files[name]]


def _joined(origins: list[Origin | None]) -> Origin | None:
    known = [origin for origin in origins if origin is not None]
    if not known:
        return None
    files = dict.fromkeys(file for origin in known for file in origin.files)
    return Origin(tuple(files), len(known) == len(origins) and all(origin.whole for origin in known))
