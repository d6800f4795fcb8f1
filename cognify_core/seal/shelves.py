"""Where a ledger is published: a folder, a web server that takes PUT, or an S3 bucket.

Whoever owns the place can take files away, and can put no other history there unseen: heads are signed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from cognify_core.aws import client_of
from cognify_core.errors import CannotVerifyError, ConfigurationError, LedgerError
from cognify_core.http import reason_of, send
from cognify_core.store.places import put_in_place

_SECONDS = 30.0
_MOST = 1 << 20


class Shelf(Protocol):
    """Small files by name."""

    def read(self, name: str) -> bytes | None:
        """A file's bytes; none where there is no such file. Raises `CannotVerifyError` where that cannot be told."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole. Raises `LedgerError` where it cannot."""


class Folder:
    """A folder, which is made with the first file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def read(self, name: str) -> bytes | None:
        """Read a file."""
        try:
            with (self._path / name).open("rb") as file:
                return file.read(_MOST)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CannotVerifyError(f"{self._path / name} cannot be read: {error.strerror}") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a file durably."""
        target = self._path / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(target, data)
        except OSError as error:
            raise LedgerError(f"{target} cannot be written: {error.strerror}") from error


class Web:
    """What lies below a URL, read by GET and written by PUT."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def __str__(self) -> str:
        return self._url

    def read(self, name: str) -> bytes | None:
        """Get a file."""
        try:
            return send("GET", f"{self._url}/{name}", None, seconds=_SECONDS, most=_MOST)
        except OSError as error:
            raise CannotVerifyError(f"{self._url}/{name} cannot be read: {reason_of(error)}") from error

    def write(self, name: str, data: bytes) -> None:
        """Put a file."""
        headers = {"Content-Type": "application/octet-stream"}
        try:
            done = send("PUT", f"{self._url}/{name}", data, seconds=_SECONDS, most=_MOST, headers=headers)
        except OSError as error:
            raise LedgerError(f"{self._url}/{name} cannot be written: {reason_of(error)}") from error
        if done is None:
            raise LedgerError(f"{self._url}/{name} cannot be written: there is no such place")


class Bucket:
    """What lies below a prefix of an S3 bucket; boto3 finds credentials, region and endpoint."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": 3}
        config = Config(connect_timeout=10, read_timeout=30, retries=retries)
        self._client: Any = client_of("s3", config=config)
        self._bucket, self._prefix = bucket, prefix.strip("/")

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def read(self, name: str) -> bytes | None:
        """Get an object."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            data: bytes = found["Body"].read(_MOST)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise CannotVerifyError(f"{self}/{name} cannot be read: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise CannotVerifyError(f"{self}/{name} cannot be read: {error}") from error
        return data

    def write(self, name: str, data: bytes) -> None:
        """Put an object."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=data)
        except (BotoCoreError, ClientError, OSError) as error:
            raise LedgerError(f"{self}/{name} cannot be written: {error}") from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


def open_shelf(place: str | Path) -> Shelf:
    """The shelf that a folder, an http(s) URL or an `s3://BUCKET/PREFIX` names.

    Raises:
        ConfigurationError: it names none, or holds a secret.
    """
    scheme, separator, _ = str(place).partition("://")
    if not separator:
        return Folder(Path(place))
    parts = urlsplit(str(place))
    if "@" in parts.netloc:
        raise ConfigurationError("where a ledger is published is printed: the URL holds no user and password")
    if scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
        return Web(str(place))
    if scheme == "s3" and parts.netloc:
        return Bucket(parts.netloc, parts.path)
    raise ConfigurationError(f"{str(place)[:120]!r} is no folder, http(s) URL or s3://BUCKET/PREFIX")


def read_file(place: str | Path, most: int) -> bytes:
    """The bytes of one file, wherever it lies.

    Raises:
        CannotVerifyError: it is not there, or cannot be read.
        ConfigurationError: as `open_shelf`.
    """
    if "://" in str(place):
        above, _, name = str(place).rpartition("/")
        found = open_shelf(above).read(name) if name else None
        if found is None:
            raise CannotVerifyError(f"there is no {place}")
        return found[:most]
    try:
        with Path(place).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise CannotVerifyError(f"{place} cannot be read: {error.strerror}") from error
