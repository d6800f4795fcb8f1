"""What a Lightning training does not notice of us: losses, weights, random numbers, hooks, callbacks, time."""

from __future__ import annotations

import copy
import importlib
import inspect
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.model.record import Status

pytest.importorskip("lightning")
pytest.importorskip("pytorch_lightning")

import torch
from torch.utils.data import Dataset

from cognify_integrations.lightning_hooks import RecordingHooks
from tests.integrations import lightning_tiny as tiny

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home"), *tiny.WARNED]
both = pytest.mark.parametrize("namespace", tiny.NAMESPACES)
PL = "lightning.pytorch"


def trained(namespace: str, folder: Path, callbacks: list[Any]) -> dict[str, Any]:
    """All that a training leaves behind."""
    module = tiny.module(namespace)
    trainer = tiny.trainer(namespace, folder, callbacks, max_epochs=2, max_steps=-1, num_sanity_val_steps=1)
    trainer.fit(module, datamodule=tiny.datamodule_class(namespace)())
    return {
        "losses": module.losses,
        "weights": {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()},
        "random": (random.getstate(), torch.get_rng_state().numpy().tobytes()),
        "metrics": {name: value.item() for name, value in trainer.callback_metrics.items()},
        "callbacks": [type(each).__name__ for each in trainer.callbacks if not isinstance(each, RecordingHooks)],
        "files": sorted(path.name for path in folder.iterdir()),
    }


@both
def test_training_is_the_same_bit_for_bit_with_and_without_us(namespace: str, tmp_path: Path) -> None:
    bare = trained(namespace, tmp_path / "bare", [])
    recorded = trained(namespace, tmp_path / "recorded", [tiny.callback_of(namespace)()])
    assert bare == recorded
    assert api.show("last").row.status is Status.AUDIT_SEALED


def hook_names(namespace: str) -> list[str]:
    base = importlib.import_module(namespace).Callback
    kept = ("state_dict", "load_state_dict")
    return [name for name, _ in inspect.getmembers(base, inspect.isfunction) if name[0] != "_" and name not in kept]


def spy(namespace: str) -> Any:
    """A callback that notes every hook that is called, and the state of Lightning when it is."""
    base = importlib.import_module(namespace).Callback
    seen: list[tuple[str, Any, Any, int]] = []

    def noting(name: str) -> Any:
        def hook(self: Any, trainer: Any, *rest: Any, **named: Any) -> None:
            seen.append((name, trainer.state.stage, trainer.state.status, trainer.global_step))

        return hook

    return type("Spy", (base,), {"seen": seen, **{name: noting(name) for name in hook_names(namespace)}})()


@both
def test_hooks_of_others_are_called_in_the_same_order(namespace: str, tmp_path: Path) -> None:
    seen = []
    for name in ("bare", "recorded"):
        noting = spy(namespace)
        ours = [tiny.callback_of(namespace)()] if name == "recorded" else []
        data, module = tiny.datamodule_class(namespace)(), tiny.module(namespace)
        trainer = tiny.trainer(namespace, tmp_path / name, [noting, *ours], val_check_interval=2)
        trainer.fit(module, datamodule=data)
        trainer.validate(module, data, verbose=False)
        trainer.test(module, data, verbose=False)
        seen.append(noting.seen)
    assert seen[0] == seen[1]
    assert {"on_save_checkpoint", "on_validation_end", "on_test_end", "teardown"} <= {name for name, *_ in seen[0]}


@both
def test_we_define_only_hooks_of_lightning_and_never_what_it_assigns(namespace: str) -> None:
    ours = tiny.callback_of(namespace)
    defined = {name for name, _ in inspect.getmembers(RecordingHooks, inspect.isfunction) if name[0] != "_"}
    assert defined <= set(hook_names(namespace))
    assert not {"log", "log_dict"} & (set(vars(ours)) | set(vars(RecordingHooks)) | set(vars(ours())))
    base = importlib.import_module(namespace).Callback
    assert ours.state_dict is base.state_dict
    assert ours().state_dict() == {}


@both
def test_a_callback_is_pickled_with_its_settings_and_nothing_else(namespace: str, tmp_path: Path) -> None:
    callback = tiny.callback_of(namespace)(seal="exit", project="p", run_name="n", tags={"team": "ml"})
    trainer = tiny.trainer(namespace, tmp_path, [callback], max_steps=2)
    trainer.fit(tiny.module(namespace), tiny.loader())
    assert "log" in vars(callback), "Lightning has assigned it"
    again = pickle.loads(pickle.dumps(callback))
    assert (again.seal, again.project, again.run_name, again.tags) == ("exit", "p", "n", {"team": "ml"})
    assert "log" not in vars(again)
    copied = copy.deepcopy(trainer)
    assert copied.callbacks[0].seal == "exit"


def test_pickled_in_the_middle_of_a_training_it_does_not_take_the_run_along(tmp_path: Path) -> None:
    copies = []

    class Copying(importlib.import_module(PL).Callback):  # type: ignore[misc]
        def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
            copies.append(pickle.loads(pickle.dumps(trainer.callbacks[0])))

    trainer = tiny.trainer(PL, tmp_path, [tiny.callback_of(PL)(), Copying()], max_steps=2)
    trainer.fit(tiny.module(PL), tiny.loader())
    copies[0].on_train_end(trainer, trainer.lightning_module)
    copies[0].teardown(trainer, trainer.lightning_module, "fit")
    assert [row.status for row in api.runs()] == [Status.AUDIT_SEALED]


@both
def test_of_two_callbacks_one_records_and_an_automatic_one_yields(namespace: str, tmp_path: Path) -> None:
    ours = tiny.callback_of(namespace)
    automatic, first, second = ours.yielding(), ours(run_name="first"), ours(run_name="second")
    trainer = tiny.trainer(namespace, tmp_path, [automatic, first, second], max_steps=2)
    trainer.fit(tiny.module(namespace), datamodule=tiny.datamodule_class(namespace)())
    (row,) = api.runs()
    assert (row.status, row.name) == (Status.AUDIT_SEALED, "first")
    alone = tiny.trainer(namespace, tmp_path / "alone", [automatic], max_steps=2)
    alone.fit(tiny.module(namespace), tiny.loader())
    assert len(api.runs()) == 2


SCRIPT = """
import sys, warnings
warnings.simplefilter("ignore")
import {namespace} as pl
trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
                     enable_checkpointing=False, max_steps=2)
print([type(each).__module__ for each in trainer.callbacks])
print("cognify_core.api" in sys.modules, "torch" in sys.modules)
"""


@both
@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_the_entry_point_adds_a_callback_only_where_it_is_asked_for(namespace: str, asked: bool) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "COGNIFY_AUTO"}
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(namespace=namespace)],
        env=environ | ({"COGNIFY_AUTO": "1"} if asked else {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    ours = tiny.callback_of(namespace).__module__
    assert told == [f"['{ours}']" if asked else "[]", f"{asked} True"]


class Deadly(Dataset[Any]):
    """Its third row ends the worker process that asks for it."""

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> Any:
        if index == 40 and torch.utils.data.get_worker_info() is not None:
            os._exit(3)
        return torch.ones(8), 1


def test_dataloader_workers_that_die_fail_the_training_and_the_record_says_so(tmp_path: Path) -> None:
    # No checkpoint: torch raises out of a signal handler, and torch.save imports; together they may leave Python's
    # import lock taken for ever, for every thread but the main one.
    trainer = tiny.trainer(PL, tmp_path, [tiny.callback_of(PL)()], enable_checkpointing=False)
    with pytest.raises((RuntimeError, OSError)):  # whichever notices first, as without us
        trainer.fit(tiny.module(PL), tiny.loader(Deadly(), num_workers=2))
    multiprocessing.active_children()  # takes note of those that have ended
    api.this_session().settle()  # torch may raise a second time before Lightning has told anyone of the first
    view = api.show("last")
    assert view.row.status in (Status.FAILED, Status.INTERRUPTED)
    (reason,) = api.seal(view.row.run_id).reasons
    assert "Deadly" in reason, "the rows alone: nothing of ours failed"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_a_training_forks_says_nothing_of_its_run(tmp_path: Path) -> None:
    class Forking(importlib.import_module(PL).Callback):  # type: ignore[misc]
        def on_train_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
            if trainer.global_step == 3:
                if (child := os.fork()) == 0:
                    try:
                        trainer.save_checkpoint(tmp_path / "child.ckpt")
                        trainer.callbacks[0].teardown(trainer, module, "fit")
                    finally:
                        os._exit(0)
                os.waitpid(child, 0)

    trainer = tiny.trainer(PL, tmp_path / "out", [tiny.callback_of(PL)(), Forking()])
    trainer.fit(tiny.module(PL), tiny.loader())
    view = api.show("last")
    assert (tmp_path / "child.ckpt").exists()
    assert (view.row.status, view.row.complete) == (Status.AUDIT_SEALED, True)
    steps = [node["step"] for node in (view.lineage or {})["nodes"] if node["type"] == "checkpoint"]
    assert steps == [2, 4, 6]
