"""Hash a path again, as its manifest's format says that it was hashed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cognify_core.capture.files import file_outcome
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.capture.weights import weights_from_files
from cognify_core.capture.worker_client import Worker


@dataclass(frozen=True, slots=True)
class Rehash:
    """Hashes files, folders and weights here, and rows in a worker process. Made by `rehashing`."""

    worker: Worker
    kept_indexes: Path | None
    """The folder in which the capture kept its row indexes, by which changed rows are named."""

    @classmethod
    @contextmanager
    def rehashing(cls, kept_indexes: Path | None = None) -> Iterator[Self]:
        """One for the length of a block, after which the worker process has ended."""
        worker = Worker()
        try:
            yield cls(worker, kept_indexes)
        finally:
            worker.close()

    def __call__(self, path: Path, form: str | None) -> Outcome:
        """Hash `path` as `form`; a file's own bytes where that is None."""
        match form:
            case None:
                return file_outcome(path)
            case "cognify.tree/v1":
                return tree_outcome(path)
            case "cognify.weights/v1":
                return weights_from_files(path)
            case "cognify.rows/v1":
                return self.worker.rows(path)
        return Outcome.unresolved(f"there is no way to hash {form[:80]!r} from a path")
