from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.store.sql import SqlStore, open_store
from tests.store.values import begin


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(tmp_path / "cognify.db")
    begin(made)
    yield made
    made.close()
