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


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Any]:
    """Train the tiny Lightning module with our callback; return the Trainer."""
    from tests.integrations import lightning_tiny as tiny

    def run(
        namespace: str = "lightning.pytorch",
        *,
        callback: Any = None,
        more: Any = (),
        name: str = "out",
        module: Any = None,
        train: Any = None,
        val: Any = None,
        datamodule: Any = None,
        ckpt_path: Any = None,
        **arguments: Any,
    ) -> Any:
        ours = tiny.callback_of(namespace)() if callback is None else callback
        trainer = tiny.trainer(namespace, tmp_path / name, [ours, *more], **arguments)
        if datamodule is None and train is None:
            train = tiny.loader(shuffle=True)
        module = tiny.module(namespace) if module is None else module
        trainer.fit(module, train, val, datamodule, ckpt_path=ckpt_path)
        return trainer

    return run
