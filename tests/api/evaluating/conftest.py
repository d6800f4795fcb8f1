from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cognify_core import api


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    api.init(home=home, quiet=True, project="triage", mode="on")
    yield home
    session = api.this_session()
    session.settle(timeout=30)
    session.workspace.close()
    session.declared.clear()
