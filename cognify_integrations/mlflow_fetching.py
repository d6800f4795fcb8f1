"""Artifacts that lie elsewhere, fetched to be hashed: so many bytes, for so long, and not one is kept.

MLflow asks a server that does not answer again for minutes, so a thread of its own does the asking, and is left alone
once the time is up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from cognify_core.canonical import Json
from cognify_core.capture.redaction import strip_credentials
from cognify_integrations.mlflow_hashing import MAX_FILES, Told, hashed, unresolved
from cognify_integrations.mlflow_places import Place


class Fetching:
    """What one run's artifacts may cost, all places together.

    Args:
        limit: bytes that are fetched at most.
        seconds: for how long, from now.
        tracking_uri: the server behind `mlflow-artifacts:` URIs; else the one that MLflow is set to.
    """

    def __init__(self, *, limit: int, seconds: float, tracking_uri: str | None = None) -> None:
        self._left, self._limit, self._seconds = limit, limit, seconds
        self._until = time.monotonic() + seconds
        self._tracking_uri = tracking_uri

    def hash_place(self, place: Place) -> dict[str, Json]:
        """Fetch and hash everything in a place; what was not reached in time says so."""
        told: Told = {}
        thread = threading.Thread(target=self._fetch_all, args=(place, told), name="cognify-artifacts", daemon=True)
        thread.start()
        thread.join(max(0.0, self._until - time.monotonic()))
        found = dict(told)  # the thread may still write
        if thread.is_alive():
            late = unresolved(f"not fetched within {self._seconds:g} s (COGNIFY_ARTIFACT_SECONDS)")
            found = {name: said or late for name, said in found.items()}
            found.setdefault(place.name, late)
        return {name: said for name, said in found.items() if said is not None}

    def _fetch_all(self, place: Place, told: Told) -> None:
        try:
            repository = get_artifact_repository(place.uri, tracking_uri=self._tracking_uri)
            listed = {place.name_of(file.path): file for file in _files(repository, None)}
        except Exception as error:  # noqa: BLE001 - whatever a client library raises is the reason
            told[place.name] = unresolved(_reason(error))
            return
        told.update(dict.fromkeys(listed))
        with TemporaryDirectory(prefix="cognify-artifacts-") as folder:
            for name, file in listed.items():
                told[name] = self._fetch(repository, file, Path(folder, "artifact"))

    def _fetch(self, repository: Any, file: Any, path: Path) -> Json:
        size = file.file_size or 0
        if size > self._left:
            return unresolved(f"too large: {size} bytes, and {self._limit} a run are fetched (COGNIFY_ARTIFACT_LIMIT)")
        if time.monotonic() > self._until:
            return None
        try:
            repository._download_file(file.path, str(path))  # noqa: SLF001 - all repositories have it; what calls it draws progress bars
            self._left -= path.stat().st_size
            return hashed(path, file.path)
        except Exception as error:  # noqa: BLE001 - as above
            return unresolved(_reason(error))
        finally:
            path.unlink(missing_ok=True)


def _files(repository: Any, folder: str | None) -> Iterator[Any]:
    """All files of a repository, depth first; a folder that lists itself is not entered again."""
    count = 0
    for entry in repository.list_artifacts(folder):
        if entry.path in (".", folder):
            continue
        for file in _files(repository, entry.path) if entry.is_dir else (entry,):
            if (count := count + 1) > MAX_FILES:
                raise ValueError(f"more than {MAX_FILES} files")
            yield file


def _reason(error: Exception) -> str:
    """The first line of what went wrong, with no credentials in it."""
    text = (str(error).splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: " + " ".join(strip_credentials(word) for word in text.split())
