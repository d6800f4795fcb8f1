from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tamper.attacking import Home, leave, new_home


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that nobody has attacked; made once."""
    return new_home(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def home(untouched: Home, tmp_path: Path) -> Iterator[Home]:
    """A home to be attacked, in which this process works."""
    yield untouched.copied_to(tmp_path / "home")
    leave()
