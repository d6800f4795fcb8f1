from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core.store.sql import SqlStore, open_store
from tests.store.values import begin


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without runs, to be copied: making one anew takes a tenth of a second."""
    path = tmp_path_factory.mktemp("empty") / "cognify.db"
    open_store(path).close()
    return path


@pytest.fixture
def path(empty_store: Path, tmp_path: Path) -> Path:
    """Where a store of the test's own lies."""
    return Path(shutil.copy(empty_store, tmp_path / "cognify.db"))


@pytest.fixture
def store_begun(path: Path) -> Path:
    """Where a store lies that has one run."""
    store = open_store(path)
    begin(store)
    store.close()
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """A store of the test's own."""
    opened = open_store(path)
    yield opened
    opened.close()
