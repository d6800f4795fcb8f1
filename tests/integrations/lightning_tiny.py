"""A Lightning training so small that it takes a second, in either namespace, and real in every part."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

NAMESPACES = ("lightning.pytorch", "pytorch_lightning")
WARNED = [
    pytest.mark.filterwarnings(f"ignore:{message}")
    for message in (
        "The '.*' does not have many workers",
        "Checkpoint directory .* exists and is not empty",
        "You defined a `validation_step` but have no `val_dataloader`",
        "`.*.ckpt_path=None.` was called without a model",
        "You're resuming from a checkpoint that ended before the epoch ended",
        "`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning",  # what Lightning asks newer versions of torch
    )
]
"""What Lightning warns of in small trainings."""
ROWS = 64


def callback_of(namespace: str) -> Any:
    """Our callback for that namespace."""
    module = "lightning" if namespace == "lightning.pytorch" else namespace
    return importlib.import_module(f"cognify_integrations.{module}").CognifyCallback


def tensors(count: int = ROWS, shift: int = 0) -> TensorDataset:
    numbers = torch.arange(count * 8, dtype=torch.float32).reshape(count, 8)
    return TensorDataset(torch.sin(numbers + shift), (torch.arange(count) + shift) % 2)


def loader(dataset: Any = None, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(tensors() if dataset is None else dataset, batch_size=8, **arguments)


@cache
def module_class(namespace: str) -> Any:
    """A LightningModule with dropout and hyper-parameters that logs in every way."""
    pl = importlib.import_module(namespace)

    class TinyModule(pl.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self, learning_rate: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.2), torch.nn.Linear(16, 2))
            self.losses: list[float] = []

        def _loss(self, batch: Any) -> Any:
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = self._loss(batch)
            self.losses.append(loss.item())
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self.log("val_loss", self._loss(batch))

        def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
            self.log("test_loss", self._loss(batch))

        def predict_step(self, batch: Any, batch_idx: int) -> Any:
            return self.net(batch[0])

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams["learning_rate"], momentum=0.9)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.5)]

    TinyModule.__qualname__ = "TinyModule"
    return TinyModule


def module(namespace: str) -> Any:
    torch.manual_seed(3)
    return module_class(namespace)()


def indifferent(namespace: str) -> Any:
    """A module that trains on whatever the batch is."""

    class Indifferent(module_class(namespace)):  # type: ignore[misc]
        def _loss(self, batch: Any) -> Any:
            return self.net(torch.ones(2, 8)).square().sum()

    return Indifferent()


@cache
def datamodule_class(namespace: str) -> Any:
    pl = importlib.import_module(namespace)

    class TinyData(pl.LightningDataModule):  # type: ignore[misc, name-defined]
        def __init__(self, batch_size: int = 8) -> None:
            super().__init__()
            self.save_hyperparameters()

        def train_dataloader(self) -> Any:
            return DataLoader(tensors(), batch_size=self.hparams["batch_size"], shuffle=True)

        def val_dataloader(self) -> Any:
            return loader(tensors(16, shift=1))

        def test_dataloader(self) -> Any:
            return loader(tensors(16, shift=2))

    return TinyData


def trainer(namespace: str, folder: Path, callbacks: Any = (), every: int = 2, **arguments: Any) -> Any:
    """Six steps, a checkpoint every two of them that stays; what is given replaces what is not."""
    pl = importlib.import_module(namespace)
    saves = arguments.get("enable_checkpointing", True) and not any(
        isinstance(each, pl.callbacks.ModelCheckpoint) for each in callbacks
    )
    settings: dict[str, Any] = {
        "default_root_dir": folder,
        "max_steps": 6,
        "log_every_n_steps": 1,
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    saving = [saver(namespace, folder, every_n_train_steps=every, save_top_k=-1)] if saves else []
    pl.seed_everything(11, verbose=False)
    return pl.Trainer(**(settings | arguments), callbacks=[*callbacks, *saving])


def saver(namespace: str, folder: Path, **arguments: Any) -> Any:
    pl = importlib.import_module(namespace)
    return pl.callbacks.ModelCheckpoint(dirpath=folder, filename="{step}", **arguments)
