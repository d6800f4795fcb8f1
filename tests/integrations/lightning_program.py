"""Lightning trainings of two processes: `lightning_program.py STRATEGY FOLDER recorded|bare`."""

from __future__ import annotations

import sys
import warnings
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

import cognify
from tests.integrations import lightning_tiny as tiny
from tests.ranks.launching import tell_where_it_hangs


class Tiny(tiny.module_class("lightning.pytorch")):  # type: ignore[misc]
    """At the top of a module, so that spawned processes find it."""


class Sharded(Tiny):
    """FSDP2: every rank holds, and saves, its own part."""

    def configure_model(self) -> None:
        from torch.distributed.fsdp import fully_shard

        fully_shard(self.net, mesh=self.device_mesh["data_parallel"])


def strategy_of(name: str) -> Any:
    """What a user would give as `strategy=`."""
    if name == "model_parallel":
        from lightning.pytorch.strategies import ModelParallelStrategy

        return ModelParallelStrategy(save_distributed_checkpoint=True, process_group_backend="gloo")
    return "ddp" if name == "ddp_in_block" else name


def main(name: str, folder: Path, recorded: bool) -> None:
    warnings.simplefilter("ignore")
    callbacks = [tiny.callback_of("lightning.pytorch")()] if recorded else []
    trainer = tiny.trainer("lightning.pytorch", folder / "out", callbacks, devices=2, strategy=strategy_of(name))
    torch.manual_seed(3)
    module = Sharded() if name == "model_parallel" else Tiny()
    data = tiny.loader(shuffle=True)
    with cognify.run("block") if name == "ddp_in_block" else nullcontext():
        trainer.fit(module, data)
    if name == "ddp_spawn":
        trainer.validate(module, tiny.loader(tiny.tensors(16, shift=1)), verbose=False)
        again = tiny.trainer("lightning.pytorch", folder / "again", callbacks, devices=2, strategy=strategy_of(name))
        again.fit(module, data)
    print(f"rank {trainer.global_rank} ended with {_digest(module)}", flush=True)
    if recorded and trainer.is_global_zero and name != "ddp_fork":
        print("exported", cognify.export_audit().run_id, flush=True)


def _digest(module: Any) -> str:
    """Of the weights that this rank holds, and of the losses that it saw, where they were seen in this process."""
    digest = sha256(repr(module.losses).encode())
    for tensor in module.state_dict().values():
        local = tensor.to_local() if hasattr(tensor, "to_local") else tensor
        digest.update(local.numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    tell_where_it_hangs()
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "recorded")
