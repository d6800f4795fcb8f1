from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.tsa import Tsa, authority, served
from tests.tamper.attacking import leave, use


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority that is asked by `openssl ts` alone; made once."""
    return authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def tsa(made: Tsa) -> Iterator[Tsa]:
    """The same behind HTTP, well-behaved as the test begins."""
    with served(Tsa(made.folder, made.root, made.signer)) as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home in which this process works."""
    use(tmp_path / "home")
    yield tmp_path / "home"
    leave()
