"""The model files that a run was seen to open: a node for each folder of them, but for what is recorded anyway."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cognify_core.api.live import LiveRun
from cognify_core.capture.commitments import display_path
from cognify_core.capture.files import hash_file
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_of
from cognify_core.errors import CaptureError
from cognify_core.model.events import BaseModelSeen
from cognify_core.model.names import slug
from cognify_integrations.origins import stamp_of

_HUB = re.compile(r"/models--(?:[^/]+--)?([^/]+)/snapshots/")
_PATIENCE_SECONDS = 10.0


@dataclass
class Budget:
    """Bytes that may still be hashed in passing for a run."""

    bytes: int

    def takes(self, size: int) -> bool:
        """Whether that many more may be hashed; if so they count."""
        fits = size <= self.bytes
        self.bytes -= size if fits else 0
        return fits


class ModelFiles:
    """The model files of one run. They are hashed at its end, when it is known which of them its base model covers."""

    def __init__(self, live: LiveRun, budget: Budget) -> None:
        self._live, self._budget = live, budget
        self._seen: dict[Path, tuple[str, tuple[int, int, int] | None]] = {}
        """As they lay when they were seen, with how that was."""

    def saw(self, path: Path, how: str) -> None:
        """A model's file was opened."""
        self._seen.setdefault(path, (how, stamp_of(str(path))))

    def record(self) -> None:
        """Record those of which not all content is recorded otherwise, and name those that are not what they were."""
        if not self._seen:
            return
        self._live.run.wait(_PATIENCE_SECONDS)  # the base model covers its files once its tensors have been compared
        folders: dict[Path, dict[str, str]] = {}
        for path, (how, stamp) in self._seen.items():
            if self._live.run.covers(path):
                continue
            if stamp_of(str(path)) != stamp:
                self._live.gap(display_path(path), "changed or went away between being opened and being hashed")
            elif not self._budget.takes(size_of(path)):
                self._live.gap(display_path(path), f"{size_of(path)} bytes: too large to hash in passing")
            else:
                folders.setdefault(Path(os.path.realpath(path.parent)), {})[path.name] = how
        self._seen.clear()
        for folder, seen in folders.items():
            self._record(folder, seen)

    def _record(self, folder: Path, seen: dict[str, str]) -> None:
        name = display_path(folder)
        self._live.run.weights(
            BaseModelSeen,
            f"base_{slug(_name_of(folder))}_files",
            partial(_tree_of, folder, sorted(seen)),
            fields=lambda _: {"name": name},  # and no location: it is no digest of the whole folder
            facts={"observed": dict(sorted(seen.items()))},
        )


def _name_of(folder: Path) -> str:
    """What a folder is called; a snapshot in the cache of the Hub as its model is."""
    repository = _HUB.search(folder.as_posix())
    return repository[1] if repository else folder.name


def size_of(path: Path) -> int:
    """The bytes of a file; 0 where it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tree_of(folder: Path, names: Sequence[str]) -> Outcome:
    """The tree of these files of a folder alone."""
    files = [(os.fsencode(name), os.fsencode(folder / name)) for name in names]
    try:
        return tree_of([(name, *hash_file(path, name)) for name, path in files], 0)
    except CaptureError as error:
        return Outcome.unresolved(error)
