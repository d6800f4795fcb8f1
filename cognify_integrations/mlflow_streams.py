"""Files that lie elsewhere, as streams of bytes: MLflow knows where they lie and with which credentials to ask.

The object stores' own clients are read, not MLflow's downloads: that of S3 runs on `concurrent.futures`, which takes no
work any more once a script has run to its end, and that is when most of this happens.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from mlflow.store.artifact.azure_blob_artifact_repo import AzureBlobArtifactRepository
from mlflow.store.artifact.gcs_artifact_repo import GCSArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from cognify_core.canonical import Json
from cognify_core.errors import CaptureError
from cognify_integrations.mlflow_hashing import NOTHING_THERE
from cognify_integrations.mlflow_limits import Sink, reason_of

_CHUNK = 1 << 20
_SECONDS = 60
"""Between two bytes."""
_RETRY = Retry(total=2, read=False, backoff_factor=1, status_forcelist=(429, 502, 503, 504), raise_on_status=False)


def read_file(repository: Any, path: str, sink: Sink, size: int | None) -> dict[str, Json]:
    """Read a file of an artifact repository into `sink`; return what the storage declares of it: its version, its tag.

    Args:
        repository: MLflow's.
        path: of the file in it.
        sink: takes the bytes.
        size: what a listing says; needed only of storage that does not say it with the file.

    Raises:
        CaptureError: it is too large, or the time is up.
        Exception: whatever the storage's client raises.
    """
    for kind, read in _OBJECT_STORES.items():
        if isinstance(repository, kind):
            return read(repository, path, sink)
    return _read_download(repository, path, sink, size)


def says_size(repository: Any) -> bool:
    """Whether the storage says how large a file is as it gives it."""
    return isinstance(repository, tuple(_OBJECT_STORES))


def read_url(url: str, sink: Sink) -> dict[str, Json]:
    """Read what an http or https URL gives into `sink`; return what the server declares of it.

    A redirect is followed to another host, and from http to https; never from https to http, nor to any other scheme.

    Raises:
        CaptureError: it is too large, the time is up, or it redirects to where nothing is read.
        requests.RequestException: the server does not give it.
    """
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=_RETRY))
        session.mount("https://", HTTPAdapter(max_retries=_RETRY))
        if url.lower().startswith("https:"):
            del session.adapters["http://"]
        patience = max(0.1, min(_SECONDS, sink.seconds_left))
        try:
            response = session.get(url, stream=True, timeout=patience, headers={"Accept-Encoding": "identity"})
        except requests.exceptions.InvalidSchema as error:
            raise CaptureError(f"it redirects to where nothing is read: {reason_of(error)}") from error
        with response:
            response.raise_for_status()
            headers = response.headers
            if "Content-Encoding" not in headers and (size := headers.get("Content-Length", "")).isdecimal():
                sink.expect(int(size))
            for chunk in response.iter_content(_CHUNK):
                sink.write(chunk)
            return _declared(etag=headers.get("ETag"), last_modified=headers.get("Last-Modified"))


def _read_s3(repository: Any, path: str, sink: Sink) -> dict[str, Json]:
    bucket, root = repository.parse_s3_compliant_uri(repository.artifact_uri)
    more = repository._bucket_owner_params  # noqa: SLF001 - as its own download does
    client = repository._get_s3_client()  # noqa: SLF001
    found = client.get_object(Bucket=bucket, Key=posixpath.join(root, path), **more)
    with closing(found["Body"]) as body:
        sink.expect(found["ContentLength"])
        for chunk in body.iter_chunks(_CHUNK):
            sink.write(chunk)
    modified = found.get("LastModified")
    return _declared(
        version_id=found.get("VersionId"),
        etag=found.get("ETag"),
        last_modified=None if modified is None else modified.isoformat(),
    )


def _read_gcs(repository: Any, path: str, sink: Sink) -> dict[str, Json]:
    bucket, root = repository.parse_gcs_uri(repository.artifact_uri)
    blob = repository._get_bucket(bucket).get_blob(posixpath.join(root, path))  # noqa: SLF001
    if blob is None:
        raise CaptureError(NOTHING_THERE)
    sink.expect(blob.size)
    blob.download_to_file(sink, raw_download=True, if_generation_match=blob.generation)
    return _declared(version_id=str(blob.generation), etag=blob.etag)


def _read_azure(repository: Any, path: str, sink: Sink) -> dict[str, Json]:
    container, _, root, _ = repository.parse_wasbs_uri(repository.artifact_uri)
    blob = repository.client.get_container_client(container).download_blob(posixpath.join(root, path))
    sink.expect(blob.size)
    blob.readinto(sink)
    return _declared(version_id=blob.properties.version_id, etag=blob.properties.etag)


_OBJECT_STORES: dict[type[Any], Callable[[Any, str, Sink], dict[str, Json]]] = {
    S3ArtifactRepository: _read_s3,
    GCSArtifactRepository: _read_gcs,
    AzureBlobArtifactRepository: _read_azure,
}


def _read_download(repository: Any, path: str, sink: Sink, size: int | None) -> dict[str, Json]:
    """As MLflow downloads it, to a file that is deleted again."""
    if size is not None:
        sink.expect(size)
    with TemporaryDirectory(prefix="cognify-artifact-") as folder:
        file = Path(folder, "artifact")
        repository._download_file(path, str(file))  # noqa: SLF001 - all have it; what calls it draws progress bars
        if size is None:
            sink.expect(file.stat().st_size)
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                sink.write(chunk)
    return {}


def _declared(**facts: str | None) -> dict[str, Json]:
    return {name: value for name, value in facts.items() if value}
