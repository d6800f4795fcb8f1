"""Train a small classifier with PyTorch Lightning on rows of a Parquet file.

Nothing in it knows of Cognify.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning.pytorch as pl
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset, random_split


class Classifier(pl.LightningModule):  # type: ignore[misc] # lightning is untyped
    """Two layers."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(columns, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """The loss of a batch."""
        loss = torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """The share of right answers."""
        self.log("val_accuracy", (self.layers(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self) -> Any:
        """Plain gradient descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main() -> None:
    """Train, validate, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    pl.seed_everything(7)
    rows = pd.read_parquet(arguments.data)
    features = torch.tensor(rows.drop(columns="label").to_numpy(), dtype=torch.float32)
    train, held_out = random_split(TensorDataset(features, torch.tensor(rows["label"].to_numpy())), [48, 16])
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        default_root_dir=arguments.output,
        logger=False,
        enable_progress_bar=False,
        log_every_n_steps=1,
    )
    trainer.fit(Classifier(features.shape[1]), DataLoader(train, batch_size=8), DataLoader(held_out, batch_size=8))
    print({name: round(float(value), 6) for name, value in sorted(trainer.callback_metrics.items())})


if __name__ == "__main__":
    main()
