"""Which rank of a Lightning training this process is, and how its ranks know each other: by how they were started."""

from __future__ import annotations

import os
from typing import Any

from cognify_core.record.owner import process_name
from cognify_core.record.ranks import Rank


def rank_of(trainer: Any, drawn: str | None) -> Rank:
    """The rank of this process.

    Under `torchrun` all ranks come from one parent. Lightning's own launcher of scripts is rank 0 itself. Spawned ranks
    were given the run's id, `drawn` before they were pickled; forked ones have the parent's memory.
    """
    number, size, launcher = trainer.global_rank, trainer.world_size, trainer.strategy.launcher
    match start_method(trainer):
        case None:
            started_others = bool(getattr(launcher, "procs", None))
            anchor = os.getpid() if started_others else os.getppid()
            return Rank.here(number, size, anchor=anchor, environ=_environ(size, trainer.num_nodes))
        case "fork":
            before = ",".join(str(process.pid) for process in launcher.procs)
            return Rank.here(number, size, meeting=f"{process_name(os.getppid())}/{id(trainer):x}/{before}")
        case _:
            return Rank.here(number, size, meeting=drawn)


def start_method(trainer: Any) -> str | None:
    """How Lightning starts the other ranks from within a process: `spawn`, `fork`; none where it starts scripts."""
    method = getattr(trainer.strategy.launcher, "_start_method", None)
    return method if isinstance(method, str) else None


def _environ(size: int, nodes: int) -> dict[str, str]:
    """Says that there are several hosts, where only the Trainer knows."""
    return {"LOCAL_WORLD_SIZE": str(size // nodes), **os.environ} if nodes > 1 else dict(os.environ)
