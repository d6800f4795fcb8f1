from __future__ import annotations

import pytest

from tests.adversarial.stamped import Stamped
from tests.servers.tsa import authority


@pytest.fixture(scope="session")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Stamped:
    """The originals, dated by an authority that is asked by `openssl ts` alone; made once."""
    return Stamped.by(authority(tmp_path_factory.mktemp("tsa")))
