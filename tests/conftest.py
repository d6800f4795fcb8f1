from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parent / "data" / "goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write the golden files again instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Compare bytes with the golden file of that name, or write it where `--update-goldens` is given."""

    def check(name: str, data: bytes) -> None:
        path = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            path.write_bytes(data)
        assert path.read_bytes() == data, f"{name} has changed; if that is meant, run `make goldens`"

    return check
