from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.serving import Room, Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests: each has a workspace of its own."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def room(served: Served) -> Room:
    """A workspace of its own."""
    return served.new_workspace()
