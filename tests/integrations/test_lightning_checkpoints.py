"""Every checkpoint of a Lightning training, whoever writes it, and the training none the wiser."""

from __future__ import annotations

import importlib
import pickle
import shutil
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cognify_core import api
from cognify_core.capture.outcome import Outcome
from cognify_core.capture.tree import tree_outcome
from cognify_core.model.events import parse_event
from cognify_core.model.record import Status

pytest.importorskip("lightning")
pytest.importorskip("pytorch_lightning")

import torch

from cognify_integrations.lightning_io import SLOT, StrategyWatch
from tests.integrations import lightning_tiny as tiny

pytestmark = [pytest.mark.training, pytest.mark.usefixtures("home"), *tiny.WARNED]
both = pytest.mark.parametrize("namespace", tiny.NAMESPACES)


def plugins(namespace: str) -> Any:
    return importlib.import_module(f"{namespace}.plugins")


def torch_io(namespace: str) -> Any:
    return plugins(namespace).TorchCheckpointIO


def own_io(namespace: str, delay: float = 0.0, fails_at: int = 0) -> Any:
    """An IO as a user writes one: it counts, and writes a second file beside the checkpoint."""

    class OwnIO(torch_io(namespace)):  # type: ignore[misc]
        def __init__(self) -> None:
            self.saved: list[tuple[str, str]] = []

        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            time.sleep(delay)
            self.saved.append((Path(path).name, threading.current_thread().name))
            if len(self.saved) == fails_at:
                raise OSError(28, "No space left on device")
            super().save_checkpoint(checkpoint, path, storage_options)
            Path(path).with_suffix(".note").write_text(self.note())

        def note(self) -> str:
            return f"{len(self.saved)} so far"

    return OwnIO()


def fit(namespace: str, folder: Path, recorded: bool, saver: Any = None, **arguments: Any) -> Any:
    callbacks = ([tiny.callback_of(namespace)()] if recorded else []) + ([saver] if saver else [])
    trainer = tiny.trainer(namespace, folder, callbacks, **arguments)
    trainer.fit(tiny.module(namespace), tiny.loader(shuffle=True))
    return trainer


def checkpoints() -> list[dict[str, Any]]:
    """By their steps: two may be hashed in either order."""
    lineage = api.show("last").lineage
    assert lineage is not None
    return sorted((node for node in lineage["nodes"] if node["type"] == "checkpoint"), key=lambda node: node["step"])


def events() -> list[Any]:
    store = api.this_session().workspace.store
    return [parse_event(data).body for data in store.events(api.show("last").row.run_id)]


def digest(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def loaded(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=False)  # type: ignore[no-any-return]


@both
def test_lightning_keeps_its_checkpoint_io_where_we_put_ours(namespace: str, tmp_path: Path) -> None:
    """The private slots; a version of Lightning that changes them fails here."""
    trainer = tiny.trainer(namespace, tmp_path)
    inner = torch_io(namespace)()
    wrapping = plugins(namespace).AsyncCheckpointIO(inner)
    assert vars(wrapping)[SLOT] is inner
    wrapping.checkpoint_io = torch_io(namespace)()
    assert wrapping.checkpoint_io is inner, "the public setter ignores a second assignment"
    trainer.strategy.checkpoint_io = wrapping
    assert vars(trainer.strategy)[SLOT] is wrapping
    watch = StrategyWatch(trainer.strategy, lambda path, step: None, lambda: None)
    assert trainer.strategy.checkpoint_io is wrapping
    assert wrapping.checkpoint_io is not inner
    assert isinstance(wrapping.checkpoint_io, type(inner))
    assert pickle.loads(pickle.dumps(wrapping.checkpoint_io)).__class__ is type(inner)
    watch.stop()
    assert wrapping.checkpoint_io is inner
    assert not {"save_checkpoint", "teardown"} & set(vars(trainer.strategy))


@both
def test_after_the_training_nothing_of_ours_is_left(namespace: str, tmp_path: Path) -> None:
    io = own_io(namespace)
    trainer = fit(namespace, tmp_path, recorded=True, plugins=[io])
    assert trainer.strategy.checkpoint_io is io
    assert not {"save_checkpoint", "teardown"} & set(vars(trainer.strategy))


@both
@pytest.mark.parametrize("asynchronous", [False, True], ids=["own", "own inside asynchronous"])
def test_an_io_of_ones_own_writes_the_same_files_and_each_is_hashed(
    namespace: str, tmp_path: Path, asynchronous: bool
) -> None:
    threads = []
    for name in ("bare", "recorded"):
        io = own_io(namespace, delay=0.05)
        outer = plugins(namespace).AsyncCheckpointIO(io) if asynchronous else io
        fit(namespace, tmp_path / name, recorded=name == "recorded", plugins=[outer])
        threads.append([thread == "MainThread" for _, thread in io.saved])
    assert files(tmp_path / "bare") == files(tmp_path / "recorded")
    assert threads[0] == threads[1] == [not asynchronous] * 3
    assert [node["hash"] for node in checkpoints()] == [
        digest(tmp_path / "recorded" / f"step={step}.ckpt") for step in (2, 4, 6)
    ]
    assert (tmp_path / "recorded" / "step=6.note").read_text() == "3 so far"


@both
@pytest.mark.parametrize("asynchronous", [False, True], ids=["own", "own inside asynchronous"])
def test_a_disk_that_fails_raises_what_it_raises_without_us(namespace: str, tmp_path: Path, asynchronous: bool) -> None:
    outcomes = []
    for name in ("bare", "recorded"):
        io = own_io(namespace, fails_at=2)
        outer = plugins(namespace).AsyncCheckpointIO(io) if asynchronous else io
        with pytest.raises(OSError, match="No space left") as caught:
            fit(namespace, tmp_path / name, recorded=name == "recorded", plugins=[outer])
        outcomes.append((type(caught.value), caught.value.args, "step=2.ckpt" in files(tmp_path / name)))
    assert outcomes[0] == outcomes[1]
    view = api.show("last")
    assert view.row.status is Status.FAILED
    assert checkpoints()[0]["hash"] == digest(tmp_path / "recorded" / "step=2.ckpt")
    assert api.seal(view.row.run_id).complete


@pytest.mark.slow
def test_saving_asynchronously_returns_as_soon_as_without_us(tmp_path: Path) -> None:
    """The disk takes half a second for each of three checkpoints; waiting for one of them twice would show."""
    took: dict[str, list[float]] = {"bare": [], "recorded": []}
    for turn in range(3):
        for name, times in took.items():
            io = plugins("lightning.pytorch").AsyncCheckpointIO(own_io("lightning.pytorch", delay=0.5))
            callbacks = [tiny.callback_of("lightning.pytorch")(seal="manual")] if name == "recorded" else []
            trainer = tiny.trainer("lightning.pytorch", tmp_path / f"{name}-{turn}", callbacks, plugins=[io])
            began = time.monotonic()
            trainer.fit(tiny.module("lightning.pytorch"), tiny.loader())
            times.append(time.monotonic() - began)
    assert min(took["recorded"]) < min(took["bare"]) * 4 / 3


def test_the_io_inside_an_asynchronous_one_is_asked_for_the_step_it_was_given(tmp_path: Path) -> None:
    """By the time it is written the training has gone on."""
    io = plugins("lightning.pytorch").AsyncCheckpointIO(own_io("lightning.pytorch", delay=0.2))
    fit("lightning.pytorch", tmp_path, recorded=True, plugins=[io], every=1, max_steps=3)
    assert [node["step"] for node in checkpoints()] == [1, 2, 3]


@both
def test_checkpoints_that_are_deleted_at_once_are_hashed(namespace: str, tmp_path: Path) -> None:
    saver = tiny.saver(namespace, tmp_path, every_n_train_steps=1, save_top_k=1)
    fit(namespace, tmp_path, recorded=True, saver=saver, max_steps=4)
    assert len(list(tmp_path.glob("step=*.ckpt"))) == 1
    assert [node["assurance"] for node in checkpoints()] == ["content"] * 4


def test_a_checkpoint_that_is_deleted_before_a_slow_disk_gives_it_is_hashed(tmp_path: Path) -> None:
    """The disk is slow for both hashing threads, so that the file is long gone when its turn comes."""
    release = threading.Event()
    expected: list[str] = []

    class Delayed(tiny.callback_of("lightning.pytorch")):  # type: ignore[misc]
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            hashing = api.this_session().workspace.hashing
            if trainer.global_step == 1:
                for _ in range(2):
                    hashing.call("a slow disk", lambda: Outcome.unresolved(str(release.wait(30))), lambda _: None)
            super().on_train_batch_end(trainer, module, outputs, batch, batch_idx)

        def on_train_end(self, trainer: Any, module: Any) -> None:
            assert not (tmp_path / "step=2.ckpt").exists()
            release.set()

    class Keeping(torch_io("lightning.pytorch")):  # type: ignore[misc]
        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            super().save_checkpoint(checkpoint, path, storage_options)
            expected.append(digest(Path(path)))

    saver = tiny.saver("lightning.pytorch", tmp_path, every_n_train_steps=2, save_top_k=1)
    trainer = tiny.trainer("lightning.pytorch", tmp_path, [Delayed(), saver], plugins=[Keeping()], max_steps=5)
    trainer.fit(tiny.module("lightning.pytorch"), tiny.loader())
    assert {node["hash"] for node in checkpoints()} == set(expected)
    assert len(expected) == 2


@both
@pytest.mark.parametrize("save_last", [True, "link"])
def test_a_last_checkpoint_is_recorded_where_it_is_written_and_not_where_it_is_a_link(
    namespace: str, tmp_path: Path, save_last: Any
) -> None:
    saver = tiny.saver(namespace, tmp_path, every_n_train_steps=3, save_top_k=1, save_last=save_last)
    fit(namespace, tmp_path, recorded=True, saver=saver)
    assert (tmp_path / "last.ckpt").is_symlink() == (save_last == "link")
    found = checkpoints()
    assert {node["assurance"] for node in found} == {"content"}
    files = [each for each in events() if each.kind == "checkpoint"]
    assert len(files) == (2 if save_last == "link" else 4)
    assert digest(tmp_path / "last.ckpt") in {node["hash"] for node in found}


@both
def test_a_folder_that_an_io_writes_is_hashed_as_a_tree(namespace: str, tmp_path: Path) -> None:
    class FolderIO(torch_io(namespace)):  # type: ignore[misc]
        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            Path(path).mkdir(parents=True)
            torch.save(checkpoint["state_dict"], Path(path, "weights.pt"))
            torch.save(checkpoint["optimizer_states"], Path(path, "optimizer.pt"))

    fit(namespace, tmp_path, recorded=True, plugins=[FolderIO()])
    assert [node["hash"] for node in checkpoints()] == [
        str(tree_outcome(tmp_path / f"step={step}.ckpt").hash) for step in (2, 4, 6)
    ]


def test_a_checkpoint_that_another_process_deletes_at_once_is_unresolved(tmp_path: Path) -> None:
    folder = tmp_path / "training"  # beside our home, which stays

    class Vanishing(torch_io("lightning.pytorch")):  # type: ignore[misc]
        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            super().save_checkpoint(checkpoint, path, storage_options)
            if checkpoint["global_step"] == 4:
                shutil.rmtree(folder)

    fit("lightning.pytorch", folder, recorded=True, plugins=[Vanishing()])
    assert {node["step"]: node["assurance"] for node in checkpoints()} == {
        2: "content",
        4: "unresolved",
        6: "content",
    }
    assert api.show("last").row.complete is False


def test_an_io_that_writes_after_it_has_returned_is_waited_for_until_the_end(tmp_path: Path) -> None:
    class Later(torch_io("lightning.pytorch")):  # type: ignore[misc]
        def save_checkpoint(self, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
            self.late = threading.Timer(0.2, super().save_checkpoint, (checkpoint, path))
            self.late.start()

        def teardown(self) -> None:
            self.late.join()

    fit("lightning.pytorch", tmp_path, recorded=True, plugins=[Later()], max_steps=2)
    assert [node["hash"] for node in checkpoints()] == [digest(tmp_path / "step=2.ckpt")]


def test_a_checkpoint_on_another_file_system_is_a_gap(tmp_path: Path) -> None:
    fit("lightning.pytorch", "memory://elsewhere", recorded=True, max_steps=2)  # type: ignore[arg-type]
    assert checkpoints() == []
    (gap,) = [gap for gap in api.show("last").gaps if gap.subject == "ckpt_step_2"]
    assert gap.reason == "written to memory://, which is not read from here"


@both
def test_checkpoints_hold_the_same_with_and_without_us(namespace: str, tmp_path: Path) -> None:
    for name in ("bare", "recorded"):
        fit(namespace, tmp_path / name, recorded=name == "recorded")
    for step in (2, 4, 6):
        bare, recorded = (loaded(tmp_path / name / f"step={step}.ckpt") for name in ("bare", "recorded"))
        for each, name in ((bare, "bare"), (recorded, "recorded")):
            saver = next(iter(each["callbacks"]))
            assert "Cognify" not in str(each["callbacks"].keys())
            each["callbacks"] = str(each["callbacks"][saver]).replace(str(tmp_path / name), "")
        assert flat(bare) == flat(recorded)


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """Every leaf of a checkpoint by its place, tensors as their bytes."""
    if isinstance(value, torch.Tensor):
        return {place: (value.dtype, value.numpy().tobytes())}
    if isinstance(value, dict):
        return {key: leaf for name, each in value.items() for key, leaf in flat(each, f"{place}/{name}").items()}
    if isinstance(value, list | tuple):
        return {key: leaf for n, each in enumerate(value) for key, leaf in flat(each, f"{place}/{n}").items()}
    return {place: value}


def test_a_strategy_that_writes_by_itself_is_seen(tmp_path: Path) -> None:
    """As FSDP, ModelParallel and DeepSpeed do: no checkpoint IO is asked."""
    from lightning.pytorch.strategies import SingleDeviceStrategy

    class Sharding(SingleDeviceStrategy):  # type: ignore[misc]
        def save_checkpoint(self, checkpoint: Any, filepath: Any, storage_options: Any = None) -> None:
            Path(filepath).mkdir(parents=True)
            torch.save(checkpoint["state_dict"], Path(filepath, "__0_0.distcp"))
            torch.save(
                {key: each for key, each in checkpoint.items() if key != "state_dict"}, Path(filepath, "meta.pt")
            )

    fit("lightning.pytorch", tmp_path, recorded=True, strategy=Sharding("cpu"))
    assert [(node["step"], node["hash"]) for node in checkpoints()] == [
        (step, str(tree_outcome(tmp_path / f"step={step}.ckpt").hash)) for step in (2, 4, 6)
    ]


def test_a_strategy_that_hides_its_io_is_a_gap_and_stops_nothing(tmp_path: Path) -> None:
    from lightning.pytorch.strategies import SingleDeviceStrategy

    class Hiding(SingleDeviceStrategy):  # type: ignore[misc]
        io = torch_io("lightning.pytorch")()

        @property
        def checkpoint_io(self) -> Any:
            return self.io

        def __setattr__(self, name: str, value: Any) -> None:
            if name == SLOT and value is not None:
                raise AttributeError(name)
            super().__setattr__(name, value)

    trainer = fit("lightning.pytorch", tmp_path, recorded=True, strategy=Hiding("cpu"))
    assert trainer.global_step == 6
    assert "checkpoints" in [gap.subject for gap in api.show("last").gaps]


def test_a_search_for_a_learning_rate_is_no_training_and_its_checkpoint_none(tmp_path: Path) -> None:
    from lightning.pytorch.tuner import Tuner

    trainer = tiny.trainer("lightning.pytorch", tmp_path, [tiny.callback_of("lightning.pytorch")()])
    module = tiny.module("lightning.pytorch")
    Tuner(trainer).lr_find(module, tiny.loader(), num_training=4)
    assert api.runs() == []
    trainer.fit(module, tiny.loader())
    assert [node["step"] for node in checkpoints()] == [2, 4, 6]
