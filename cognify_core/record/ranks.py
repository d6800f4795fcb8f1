"""Which of the processes that train one model this is, and what all of them call their training.

No rank waits for another to learn the run's id: each computes the same name for the meeting, and the store gives the
run that was begun under it (`Store.met`). So nothing of ours takes part in the training's own communication.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cognify_core.record.owner import process_name

_ANNOUNCED = (
    ("RANK", "WORLD_SIZE"),  # torchrun, accelerate launch
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),  # inside srun; a batch script by itself has no tasks
)
_IN_NAME = (
    re.compile(rb"__(\d+)_\d+\.distcp"),  # torch.distributed.checkpoint
    re.compile(rb"rng_state_(\d+)\.pth"),  # transformers
    re.compile(rb"random_states_(\d+)\.pkl"),  # accelerate
    re.compile(rb"(?:bf16_|fp16_)?zero_pp_rank_(\d+)_mp_rank_\d+_(?:optim|model)_states\.pt"),  # DeepSpeed
)


@dataclass(frozen=True, slots=True)
class Rank:
    """One process of a training, `number` of `world_size`; `Rank()` trains alone."""

    number: int = 0
    world_size: int = 1
    meeting: str | None = None
    """What every rank of this training calls it, and no other training ever; none where it cannot be known."""

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.world_size:
            raise ValueError(f"there is no rank {self.number} among {self.world_size}")

    @classmethod
    def here(
        cls,
        number: int | None = None,
        world_size: int | None = None,
        *,
        anchor: int | None = None,
        meeting: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Rank:
        """The rank of this process.

        Args:
            number: its number where a framework knows it; else what the launcher announced in the environment.
            world_size: likewise.
            anchor: the process that started all ranks of this host, by which they know each other; by default the
                parent of this one.
            meeting: a name for the training that all ranks were given; else `COGNIFY_MEETING`, else one that is made
                of what started them.
            environ: the environment to read.
        """
        if number is None or world_size is None:
            number, world_size = _announced(environ)
        if world_size == 1:
            return ALONE
        given = meeting or environ.get("COGNIFY_MEETING")
        if anchor is None and _started_from_within(environ):
            return cls(number, world_size, given)
        return cls(number, world_size, given or _meeting(world_size, anchor or os.getppid(), environ))

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that says what all of them have in common, and closes the run."""
        return self.number == 0

    @property
    def is_alone(self) -> bool:
        """Whether no other process trains this model."""
        return self.world_size == 1


ALONE = Rank()


def owner_of(name: bytes) -> int:
    """The rank whose file of a checkpoint this is: the one that its name tells, else the first."""
    base = name.rpartition(b"/")[2]
    found = next((match for pattern in _IN_NAME if (match := pattern.fullmatch(base))), None)
    return 0 if found is None else int(found[1])


def _announced(environ: Mapping[str, str]) -> tuple[int, int]:
    names = (*_ANNOUNCED, ("LOCAL_RANK", "WORLD_SIZE")) if _started_from_within(environ) else _ANNOUNCED
    for rank, size in names:
        if rank not in environ:
            continue
        number, world_size = environ[rank], environ.get(size, "")
        if number.isdecimal() and world_size.isdecimal() and int(number) < int(world_size):
            return int(number), int(world_size)
    return 0, 1


def _started_from_within(environ: Mapping[str, str]) -> bool:
    """Whether Lightning started this process for a training of its parent's: it announces no `RANK`.

    What the parent had begun before, it began alone; only the training itself knows better, and names an `anchor`.
    """
    return "NODE_RANK" in environ and "RANK" not in environ and environ.get("LOCAL_RANK", "0") != "0"


def _meeting(world_size: int, anchor: int, environ: Mapping[str, str]) -> str | None:
    """On one host: the process that all ranks come from. On several: the job, if its name is used once only."""
    restart = environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if environ.get("LOCAL_WORLD_SIZE", str(world_size)) == str(world_size):
        return f"{process_name(anchor)}/{restart}"
    if job := environ.get("SLURM_JOB_ID"):
        return f"slurm-{job}.{environ.get('SLURM_STEP_ID', '')}/{restart}"
    job = environ.get("TORCHELASTIC_RUN_ID", "none")
    return None if job == "none" else f"torchelastic-{job}/{restart}"
