from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.model.events import Draft
from cognify_core.store.sql import SqlStore, open_store
from tests.factories import OPENED_AT, RUN_ID, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = open_store(tmp_path / "cognify.db")
    made.create(RUN_ID, Draft(OPENED_AT, opened(), "open", 0))
    yield made
    made.close()
