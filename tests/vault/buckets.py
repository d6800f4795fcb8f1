"""Buckets on the S3 server of the tests, and vaults in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from cognify_core.vault.s3 import S3Vault
from cognify_core.vault.uri import VaultUri
from tests.servers.objects import WRITER

_numbers = count()


@contextmanager
def in_environment(environ: dict[str, str], *, without: Sequence[str] = ()) -> Iterator[None]:
    """As in a shell in which these were exported: there boto3 and its like find their credentials."""
    before = dict(os.environ)
    os.environ.update(environ)
    for name in without:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass(frozen=True, slots=True)
class Seaweed:
    """The server, as its environment tells where it is."""

    environ: dict[str, str]

    @property
    def url(self) -> str:
        return self.environ["MLFLOW_S3_ENDPOINT_URL"]

    def client(self, *, key: str | None = None, secret: str | None = None, url: str | None = None) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=url or self.url,
            aws_access_key_id=key or self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret or self.environ["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=20),
        )

    def bucket(self, *, lock: bool = True) -> str:
        name = f"bucket-{next(_numbers)}"
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        return name

    def vault(self, bucket: str, *, prefix: str = "audit/trail", **who: Any) -> S3Vault:
        return S3Vault(VaultUri.parse(f"s3://{bucket}/{prefix}"), self.client(**who))

    def as_writer(self, bucket: str) -> S3Vault:
        """A vault of an identity that may read and write, and neither set nor lift a lock."""
        return self.vault(bucket, key=WRITER, secret=WRITER)
