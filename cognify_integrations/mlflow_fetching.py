"""What lies elsewhere, fetched to be hashed: artifacts of a run, and the sources of its datasets.

MLflow asks a server that does not answer again for minutes, so a thread of its own does the asking, and is left alone
once the time is up.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from cognify_core.canonical import Json
from cognify_core.capture.outcome import Outcome
from cognify_core.errors import CaptureError, FormatError
from cognify_core.model.digest import Digest
from cognify_integrations.mlflow_hashing import MAX_FILES, NOTHING_THERE, Told, tree_of, unresolved
from cognify_integrations.mlflow_limits import Allowance, Deadline, Sink, reason_of
from cognify_integrations.mlflow_places import Place
from cognify_integrations.mlflow_streams import read_file, read_url, says_size

_WEB = ("http://", "https://")


class Fetching:
    """Fetches, as long as there is time, what the allowance is enough for.

    Args:
        allowance: how many bytes, all places together.
        deadline: until when.
        tracking_uri: the server behind `mlflow-artifacts:` URIs; else the one that MLflow is set to.
    """

    def __init__(self, allowance: Allowance, deadline: Deadline, *, tracking_uri: str | None = None) -> None:
        self._allowance, self._deadline, self._tracking_uri = allowance, deadline, tracking_uri

    def hash_place(self, place: Place) -> dict[str, Json]:
        """Fetch and hash everything in a place; what was not reached in time says so."""
        told: Told = {}
        ended = self._deadline.allows(lambda: self._fetch_all(place, told))
        found = dict(told)  # the thread may still write
        if not ended:
            late = unresolved(self._deadline.reason)
            found = {name: said or late for name, said in found.items()}
            found.setdefault(place.name, late)
        return {name: said for name, said in found.items() if said is not None}

    def hash_source(self, uri: str) -> Outcome:
        """Fetch and hash what a URI names: a file, or everything in a folder as a tree."""
        outcomes: list[Outcome] = []
        ended = self._deadline.allows(lambda: outcomes.append(self._source(uri)))
        return outcomes[0] if ended else Outcome.unresolved(self._deadline.reason)

    def _fetch_all(self, place: Place, told: Told) -> None:
        try:
            repository = self._repository(place.uri)
            listed = {place.name_of(file.path): file for file in _files(repository, None)}
        except Exception as error:  # noqa: BLE001 - whatever a client library raises is the reason
            told[place.name] = unresolved(reason_of(error))
            return
        told.update(dict.fromkeys(listed))
        for name, file in listed.items():
            if not self._deadline.left:
                return
            try:
                sink = self._read(repository, file)
                told[name] = {"size": sink.size, "hash": f"sha256:{sink.hexdigest()}"}
            except Exception as error:  # noqa: BLE001 - as above
                told[name] = unresolved(reason_of(error))

    def _source(self, uri: str) -> Outcome:
        try:
            if uri.lower().startswith(_WEB):
                sink = self._sink()
                return _file(sink, read_url(uri, sink))
            repository = self._repository(uri.rstrip("/"))  # GCS's cuts names where the folder ends with a slash
            if files := list(_files(repository, None)):
                return self._tree(repository, files)
            return self._single(uri)
        except Exception as error:  # noqa: BLE001 - as above
            return Outcome.unresolved(reason_of(error))

    def _single(self, uri: str) -> Outcome:
        parts = urlsplit(uri)
        folder, name = posixpath.split(parts.path)
        if not name:
            raise CaptureError(NOTHING_THERE)
        repository, sink = self._repository(urlunsplit(parts._replace(path=folder))), self._sink()
        size = None if says_size(repository) else _listed_size(repository, name)
        return _file(sink, read_file(repository, name, sink, size))

    def _tree(self, repository: Any, files: list[Any]) -> Outcome:
        hashed: dict[str, Sink] = {}
        for file in files:
            try:
                hashed[file.path] = self._read(repository, file)
            except Exception as error:
                raise CaptureError(f"{file.path}: {reason_of(error)}") from error
        if _sizes(_files(repository, None)) != _sizes(files):
            raise CaptureError("changed while it was fetched")
        size = sum(sink.size for sink in hashed.values())
        try:
            return tree_of([(name.encode(), sink.hexdigest()) for name, sink in hashed.items()], size)
        except FormatError as error:
            raise CaptureError(f"names that no folder has: {error}") from error

    def _read(self, repository: Any, file: Any) -> Sink:
        """A file of a listing, read to its end."""
        sink = self._sink()
        read_file(repository, file.path, sink, file.file_size)
        return sink

    def _sink(self) -> Sink:
        return Sink(self._allowance, self._deadline)

    def _repository(self, uri: str) -> Any:
        return get_artifact_repository(uri, tracking_uri=self._tracking_uri)


def _file(sink: Sink, declared: dict[str, Json]) -> Outcome:
    facts: dict[str, Json] = {"bytes": sink.size} | ({"declared": declared} if declared else {})
    return Outcome("content", Digest(sink.hexdigest()), facts=facts)


def _sizes(files: Iterable[Any]) -> dict[str, int | None]:
    return {file.path: file.file_size for file in files}


def _listed_size(repository: Any, name: str) -> int | None:
    """The size that a folder's listing gives for a file. Raises `CaptureError` where it lists none of that name."""
    for entry in repository.list_artifacts(None):
        if entry.path == name and not entry.is_dir:
            size: int | None = entry.file_size
            return size
    raise CaptureError(NOTHING_THERE)


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
