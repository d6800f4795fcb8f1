"""Trains on a watched stream; started by `torchrun`: FOLDER dispatch|shard."""

from __future__ import annotations

import sys
from pathlib import Path

import cognify
from cognify_integrations.huggingface import CognifyCallback
from tests.integrations import tiny


def main(folder: Path, mode: str) -> None:
    from datasets import load_dataset

    cognify.init(home=folder / "home", quiet=True)
    files = [str(path) for path in sorted(folder.glob("*.jsonl"))]
    stream = load_dataset("json", data_files=files, split="train", streaming=True, cache_dir=str(folder / "cache"))
    trainer = tiny.trainer(
        folder / "out",
        callbacks=[CognifyCallback()],
        train=cognify.watch(stream, name="web_text"),
        accelerator_config={"dispatch_batches": mode == "dispatch"},
    )
    trainer.train()
    tiny.part()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
