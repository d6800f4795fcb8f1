from __future__ import annotations

from collections.abc import Iterator

import pytest

from cognify_core.store.sql import SqlStore, open_store


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    """A store of the test's own."""
    opened = open_store(database_url)
    yield opened
    opened.close()
