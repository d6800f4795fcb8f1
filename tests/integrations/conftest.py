from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # beside other tests, threads that spin for each other cost minutes


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A COGNIFY_HOME of the test's own, in which the façade works."""
    from cognify_core import api

    home = tmp_path / "home"
    api.init(home=home, quiet=True, mode="on")
    yield home
    process = api.this_session()
    process.settle(timeout=30)
    process.workspace.close()
    process.declared.clear()


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Any]:
    """A Trainer of a tiny BERT with dropout, on 64 rows; the same one each time, whatever happened before."""
    pytest.importorskip("transformers")
    from tests.integrations import tiny

    def make(name: str = "out", callbacks: Any = (), **arguments: Any) -> Any:
        return tiny.trainer(tmp_path / name, callbacks=list(callbacks), **arguments)

    return make
