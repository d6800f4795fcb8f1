"""Trainings of two processes, started by torchrun or by `torch.multiprocessing`: `programs.py NAME FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

import cognify
from tests.integrations import tiny
from tests.ranks.launching import tell_where_it_hangs


def hugging_face(folder: Path, recorded: bool) -> None:
    """The Trainer in DDP; each rank leaves its losses and weights behind."""
    from cognify_integrations.huggingface import CognifyCallback

    trainer = tiny.trainer(folder / "out", callbacks=[CognifyCallback()] if recorded else [], save_total_limit=2)
    trainer.train()
    _leave_behind(folder, trainer.model, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry])
    if recorded:
        print(f"rank {dist.get_rank()} exported {cognify.export_audit().package_hash}")
    tiny.part()


def sharded(folder: Path, recorded: bool, trouble: Callable[[int, int], None] = lambda rank, step: None) -> None:
    """A loop of one's own: FSDP2, and checkpoints by torch.distributed.checkpoint, each rank its own shard."""
    from torch.distributed.checkpoint.state_dict import get_state_dict
    from torch.distributed.checkpoint.state_dict_saver import save
    from torch.distributed.fsdp import fully_shard

    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 8))
    fully_shard(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    rows = [{"x": [float((i * j) % 7) for j in range(32)]} for i in range(64)]
    losses = []
    with cognify.run("sharded") if recorded else _nothing() as run:
        if run:
            run.config({"lr": 0.01}, name="loop")
            run.dataset(rows, name="rows")
            cognify.note("said by every rank, recorded once", kind="limitation")
        for step in range(1, 5):
            batch = torch.tensor([row["x"] for row in rows[rank::2]])
            loss = model(batch).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            if run:
                run.log({"loss": loss.item()}, step=step)
            if step % 2 == 0:
                weights, state = get_state_dict(model, optimizer)
                place = folder / "out" / f"step-{step}"
                save({"model": weights, "optimizer": state}, checkpoint_id=place)
                if run:
                    run.checkpoint(place, step=step)
            trouble(rank, step)
    _leave_behind(folder, model, losses)
    tiny.part()


def dies(folder: Path, recorded: bool) -> None:
    """Rank 1 is killed after its last step; rank 0 does not notice, for the training needs it no more."""
    sharded(folder, recorded, lambda rank, step: _when(rank == 1 and step == 4, lambda: _die_later(folder)))


def is_silent(folder: Path, recorded: bool) -> None:
    """Rank 1 lives and does not come to the end of its part."""
    sharded(folder, recorded, lambda rank, step: _when(rank == 1 and step == 4, lambda: time.sleep(20)))


def fails(folder: Path, recorded: bool) -> None:
    """Rank 1 ends with an exception after its last step."""
    sharded(folder, recorded, lambda rank, step: _when(rank == 1 and step == 4, _fail))


def both_die(folder: Path, recorded: bool) -> None:
    """Both ranks are killed when they have reported their shards."""

    def trouble(rank: int, step: int) -> None:
        if step == 3:
            time.sleep(1)  # long enough for the shards of step 2 to be on record
            os.kill(os.getpid(), signal.SIGKILL)

    sharded(folder, recorded, trouble)


def has_no_home(folder: Path, recorded: bool) -> None:
    """Rank 1 cannot write where rank 0 records."""
    if os.environ["RANK"] == "1":
        blocked = folder / "no-folder"
        blocked.write_text("a file where a folder should be")
        os.environ["COGNIFY_HOME"] = str(blocked / "home")
    sharded(folder, recorded)


def spawned(folder: Path, recorded: bool) -> None:
    """Two processes that this one starts itself, and that nobody but their arguments tells their ranks."""
    from torch.multiprocessing.spawn import spawn

    spawn(_spawned_rank, args=(str(folder),), nprocs=2)  # type: ignore[no-untyped-call] # torch's own


def _spawned_rank(rank: int, folder: str) -> None:
    place = Path(folder, "out", "checkpoint")
    place.mkdir(parents=True, exist_ok=True)
    with cognify.run("spawned", rank=rank, world_size=2) as run:
        (place / f"__{rank}_0.distcp").write_bytes(b"shard %d" % rank)
        run.checkpoint(place, step=1)


def twice(folder: Path, recorded: bool) -> None:
    """Two runs in one process of each rank, one after the other."""
    for name in ("first", "second"):
        with cognify.run(name) as run:
            run.log({"loss": 1.0}, step=1)


def one_alone(folder: Path, recorded: bool) -> None:
    """Rank 0 alone records, and says so."""
    if os.environ["RANK"] == "0":
        with cognify.run("alone", world_size=1) as run:
            run.log({"loss": 1.0}, step=1)


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def _when(happens: bool, what: Callable[[], None]) -> None:
    if happens:
        what()


def _die_later(folder: Path) -> None:
    (folder / "about-to-die").touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _fail() -> None:
    raise RuntimeError("rank 1 has had enough")


def _leave_behind(folder: Path, model: nn.Module, losses: list[float]) -> None:
    weights = {
        name: (tensor.to_local() if hasattr(tensor, "to_local") else tensor).clone()
        for name, tensor in model.state_dict().items()
    }
    torch.save({"weights": weights, "losses": losses}, folder / f"rank-{dist.get_rank()}.pt")


if __name__ == "__main__":
    tell_where_it_hangs()
    with_us = sys.argv[3] == "recorded"
    globals()[sys.argv[1]](Path(sys.argv[2]), with_us)
    if not with_us:
        sys.stdout.flush()
        os._exit(0)  # torch may abort while it is torn down; what it left behind is what is compared
