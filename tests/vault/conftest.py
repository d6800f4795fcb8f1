from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.objects import s3
from tests.vault.buckets import Seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """An S3 server that enforces Object Lock."""
    with s3(tmp_path_factory.mktemp("seaweed")) as environ:
        yield Seaweed(environ)
