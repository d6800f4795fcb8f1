from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.homes import Lived, live
from tests.tamper.attacking import leave


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A home that nobody has attacked; made once."""
    return live(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def lived(lived_in: Lived, tmp_path: Path) -> Iterator[Lived]:
    """A home of the test's own, in which this process works."""
    yield lived_in.copied_to(tmp_path / "home")
    leave()
